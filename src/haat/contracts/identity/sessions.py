"""Sessions, tokens and the keys that sign them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from haat.contracts.identity.accounts import Email
from haat.kit.message import DomainError, Event, Message


class SignIn(Message, frozen=True):
    """`address` and `user_agent` are the caller's: they throttle, and name the session in its owner's list.

    `device` is what an earlier sign-in on this device gave: guesses made elsewhere do not count against it.
    """

    email: Email
    password: Annotated[str, Meta(max_length=1024)]
    address: str = ""
    user_agent: str = ""
    device: Annotated[str, Meta(max_length=200)] = ""


class Tokens(Message, frozen=True):
    """A JWT access token (seconds in `expires_in`) and an opaque refresh token."""

    access_token: str
    expires_in: int
    refresh_token: str
    user_id: str
    session_id: str
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name
    # After signing in only: proves at the next sign-in that this device has been let in before, with this password.
    device: str = ""


class Refresh(Message, frozen=True):
    refresh_token: Annotated[str, Meta(max_length=512)]
    address: str = ""


class Session(Message, frozen=True):
    """A signed-in device."""

    id: str
    created_at: datetime
    last_used_at: datetime
    address: str
    user_agent: str
    current: bool = False


class EndSession(Message, frozen=True):
    """Revoke one of the user's own sessions; every token of it dies within 30 s everywhere."""

    user_id: str
    session_id: str


class AccessToken(Message, frozen=True):
    token: str


class Principal(Message, frozen=True):
    """Who a valid access token speaks for."""

    user_id: str
    session_id: str
    roles: Sequence[str]
    expires_at: datetime


class KeySet(Message, frozen=True):
    """Public signing keys as a JWKS document."""

    keys: Sequence[Mapping[str, str]]


class RotateKeys(Message, frozen=True):
    """The next key signs from now on; with `revoke` the older keys are dropped and their access tokens die."""

    revoke: bool = False


class SignInRefused(DomainError):
    """Unknown e-mail or wrong password: the same answer for both, in the same time."""

    code = "sign_in_refused"
    status = 401
    title = "E-mail or password is wrong"


class TokenRefused(DomainError):
    """The access or refresh token is expired, revoked, or not ours."""

    code = "token_refused"
    status = 401
    title = "This token is not valid any more; sign in again"


class RefreshTokenReused(Event, frozen=True):
    """A refresh token came back long after it was exchanged: somebody copied it, so its session was ended.

    `email` and `name` are in events of earlier days only.
    """

    user_id: str
    session_id: str
    email: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        return self.user_id
