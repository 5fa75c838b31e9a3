"""The calls of the identity service."""

from __future__ import annotations

from haat.contracts.identity.accounts import (
    AddressRef,
    ChangeAddress,
    ChangeProfile,
    EnsureStaff,
    FindUsers,
    ListOfUser,
    OfUser,
    Register,
    SaveAddress,
    SavedAddress,
    User,
)
from haat.contracts.identity.recovery import (
    AccountLetter,
    AskEmailChange,
    AskReset,
    ConfirmEmail,
    KnownDevice,
    LetterRef,
    ResetPassword,
)
from haat.contracts.identity.sessions import (
    AccessToken,
    EndSession,
    KeySet,
    Principal,
    Refresh,
    RotateKeys,
    Session,
    SignIn,
    Tokens,
)
from haat.contracts.identity.staff import ListStaff, StaffRole
from haat.kit.message import Nothing, Page
from haat.kit.rpc import Contract, promise


class Identity(Contract):
    """Accounts and sessions. E-mail is compared in canonical form; passwords are argon2id."""

    async def register(self, ask: Register) -> User: ...
    async def sign_in(self, ask: SignIn) -> Tokens: ...
    async def refresh(self, ask: Refresh) -> Tokens: ...
    async def end_session(self, ask: EndSession) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def sessions(self, ask: ListOfUser) -> Page[Session]: ...
    @promise(safe_to_repeat=True)
    async def authenticate(self, ask: AccessToken) -> Principal: ...
    @promise(safe_to_repeat=True)
    async def user(self, ask: OfUser) -> User: ...
    async def change_profile(self, ask: ChangeProfile) -> User: ...
    async def ask_reset(self, ask: AskReset) -> Nothing: ...
    async def reset_password(self, ask: ResetPassword) -> KnownDevice: ...
    async def ask_email_change(self, ask: AskEmailChange) -> Nothing: ...
    async def confirm_email(self, ask: ConfirmEmail) -> User: ...
    @promise(safe_to_repeat=True)
    async def letter(self, ask: LetterRef) -> AccountLetter: ...
    @promise(safe_to_repeat=True)
    async def addresses(self, ask: ListOfUser) -> Page[SavedAddress]: ...
    async def save_address(self, ask: SaveAddress) -> SavedAddress: ...
    @promise(safe_to_repeat=True)
    async def change_address(self, ask: ChangeAddress) -> SavedAddress: ...
    @promise(safe_to_repeat=True)
    async def remove_address(self, ask: AddressRef) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def keys(self, ask: Nothing) -> KeySet: ...
    async def rotate_keys(self, ask: RotateKeys) -> KeySet: ...
    @promise(safe_to_repeat=True)
    async def find_users(self, ask: FindUsers) -> Page[User]: ...
    @promise(safe_to_repeat=True)
    async def ensure_staff(self, ask: EnsureStaff) -> User: ...
    @promise(safe_to_repeat=True)
    async def staff(self, ask: ListStaff) -> Page[User]: ...
    @promise(safe_to_repeat=True)
    async def give_role(self, ask: StaffRole) -> User: ...
    @promise(safe_to_repeat=True)
    async def take_role(self, ask: StaffRole) -> User: ...
