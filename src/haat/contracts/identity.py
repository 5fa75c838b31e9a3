"""Users, sessions, tokens and address books."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message, Nothing, Page
from haat.kit.rpc import Contract, promise

Email = Annotated[str, Meta(min_length=3, max_length=254, description="e-mail address")]
Password = Annotated[str, Meta(min_length=8, max_length=1024, description="at least 8 characters, any of them")]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Line = Annotated[str, Meta(min_length=1, max_length=200)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]


class Address(Message, frozen=True):
    """Where to send or bill: `region` is the state or province, `phone` in E.164."""

    name: Name
    line1: Line
    city: Line
    region: Line
    postal_code: Annotated[str, Meta(min_length=3, max_length=12)]
    country: Country = "IN"
    line2: Annotated[str, Meta(max_length=200)] | None = None
    phone: Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164")] | None = None


class SavedAddress(Message, frozen=True):
    """An address in a user's book."""

    id: str
    address: Address
    is_default: bool = False


class User(Message, frozen=True):
    """A user as they and the staff see them."""

    id: str
    email: str
    name: str
    roles: list[str]
    created_at: datetime
    phone: str | None = None


class Register(Message, frozen=True):
    email: Email
    password: Password
    name: Name
    idempotency: Idempotency | None = None


class SignIn(Message, frozen=True):
    email: Email
    password: Annotated[str, Meta(max_length=1024)]
    address: str = ""
    user_agent: str = ""


class Tokens(Message, frozen=True):
    """A JWT access token (seconds in `expires_in`) and an opaque refresh token."""

    access_token: str
    expires_in: int
    refresh_token: str
    user_id: str
    session_id: str
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name


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


class OfUser(Message, frozen=True):
    user_id: str
    session_id: str | None = None


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
    roles: list[str]
    expires_at: datetime


class ChangeProfile(Message, frozen=True):
    user_id: str
    name: Name | None = None
    phone: Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$")] | None = None
    password: Password | None = None
    current_password: Annotated[str, Meta(max_length=1024)] | None = None


class SaveAddress(Message, frozen=True):
    """Add an address (no id) or change one of the user's own."""

    user_id: str
    address: Address
    address_id: str | None = None
    is_default: bool = False
    idempotency: Idempotency | None = None


class AddressRef(Message, frozen=True):
    user_id: str
    address_id: str


class KeySet(Message, frozen=True):
    """Public signing keys as a JWKS document."""

    keys: list[dict[str, str]]


class FindUsers(Message, frozen=True):
    """Staff: by part of e-mail or name, newest first; or exactly these ids."""

    text: str = ""
    ids: list[str] | None = None
    cursor: str | None = None
    limit: int = 20


class EnsureStaff(Message, frozen=True):
    """Create or update an account with roles; used at set-up."""

    email: Email
    name: Name
    password: Password | None
    roles: list[str]


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


class EmailTaken(DomainError):
    """An account with this e-mail exists."""

    code = "email_taken"
    title = "There is an account with this e-mail already"


class UserRegistered(Event, frozen=True):
    user_id: str
    email: str
    name: str

    @property
    def key(self) -> str:
        return self.user_id


class Identity(Contract):
    """Accounts and sessions. E-mail is compared in canonical form; passwords are argon2id."""

    async def register(self, ask: Register) -> User: ...
    async def sign_in(self, ask: SignIn) -> Tokens: ...
    async def refresh(self, ask: Refresh) -> Tokens: ...
    async def end_session(self, ask: EndSession) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def sessions(self, ask: OfUser) -> Page[Session]: ...
    @promise(safe_to_repeat=True)
    async def authenticate(self, ask: AccessToken) -> Principal: ...
    @promise(safe_to_repeat=True)
    async def user(self, ask: OfUser) -> User: ...
    async def change_profile(self, ask: ChangeProfile) -> User: ...
    @promise(safe_to_repeat=True)
    async def addresses(self, ask: OfUser) -> Page[SavedAddress]: ...
    async def save_address(self, ask: SaveAddress) -> SavedAddress: ...
    @promise(safe_to_repeat=True)
    async def remove_address(self, ask: AddressRef) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def keys(self, ask: Nothing) -> KeySet: ...
    @promise(safe_to_repeat=True)
    async def find_users(self, ask: FindUsers) -> Page[User]: ...
    @promise(safe_to_repeat=True)
    async def ensure_staff(self, ask: EnsureStaff) -> User: ...
