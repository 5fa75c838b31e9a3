"""Letters with links: a forgotten password, a new e-mail address, and word of what was changed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from haat.contracts.identity.accounts import Email, Password
from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message

LinkToken = Annotated[str, Meta(min_length=1, max_length=200, description="the `token` of the mailed link")]


class AskReset(Message, frozen=True):
    """Mail a link to this address if it has an account; the answer is the same when it has none."""

    email: Email
    address: str = ""
    idempotency: Idempotency | None = None


class ResetPassword(Message, frozen=True):
    """A new password by the mailed link; every session ends. Raises LinkRefused."""

    token: LinkToken
    password: Password
    idempotency: Idempotency | None = None


class KnownDevice(Message, frozen=True):
    """What whoever set the password shows at the next sign-in; nothing when an answer is given again."""

    device: str = ""


class AskEmailChange(Message, frozen=True):
    """Mail a link to the new address; nothing changes before it is followed, and a taken address is not told."""

    user_id: str
    email: Email
    current_password: Annotated[str, Meta(max_length=1024)]
    idempotency: Idempotency | None = None


class ConfirmEmail(Message, frozen=True):
    """The link of the mail to the new address was followed; every session but `session_id` ends.

    Raises LinkRefused, EmailTaken.
    """

    token: LinkToken
    session_id: str | None = None
    idempotency: Idempotency | None = None


class LetterRef(Message, frozen=True):
    letter_id: str


class AccountLetter(Message, frozen=True):
    """What the writer of a letter needs, asked for when it is written: addresses and links are in no event.

    `kind` is password_reset, password_changed, email_change or email_changed; `token` is for the first and third.
    """

    kind: str
    user_id: str
    email: str
    name: str
    token: str = ""


class LinkRefused(DomainError):
    """The link was used, has run out, or was never ours: the answer is the same."""

    code = "link_refused"
    status = 410
    title = "This link does not work any more; ask for a new one"


class LetterWanted(Event, frozen=True):
    """Somebody is to be written to about their account."""

    letter_id: str
    kind: str

    @property
    def key(self) -> str:
        return self.letter_id
