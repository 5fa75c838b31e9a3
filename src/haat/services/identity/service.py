"""The use cases of accounts: register, profile, address book, staff; sessions are in `sessions.py`."""

from __future__ import annotations

from typing import NoReturn

import msgspec

from haat.contracts.identity import (
    AccessToken,
    AccountLetter,
    Address,
    AddressBookFull,
    AddressRef,
    AskEmailChange,
    AskReset,
    ChangeAddress,
    ChangeProfile,
    ConfirmEmail,
    EmailTaken,
    EndSession,
    EnsureStaff,
    FindUsers,
    Identity,
    KeySet,
    KnownDevice,
    LetterRef,
    ListOfUser,
    ListStaff,
    OfUser,
    Principal,
    Refresh,
    Register,
    ResetPassword,
    RotateKeys,
    SaveAddress,
    SavedAddress,
    Session,
    SignIn,
    StaffRole,
    Tokens,
    User,
    UserRegistered,
)
from haat.kit.clock import now
from haat.kit.cursor import id_in, paged
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound, Nothing, Page
from haat.ports.cache import Cache
from haat.services.identity.keys import SigningKeys
from haat.services.identity.model import (
    MAX_ADDRESSES,
    PASSWORD_CHANGED,
    REGISTRATIONS_AN_ADDRESS,
    WORD_LIFE,
    Email,
    account_limit,
    address_limit,
    check_attempts,
    check_roles,
    email_of,
    without_oracle,
    wrong_password,
)
from haat.services.identity.passwords import Passwords
from haat.services.identity.recovery import Recovery
from haat.services.identity.sessions import Sessions
from haat.services.identity.staff import Staff
from haat.services.identity.store import Account, IdentityStore

DEFAULT_ISSUER = "haat"


class IdentityService(Identity):
    """`secret` seals the private keys and keys the fingerprints; `cache` tells other processes of ended sessions."""

    def __init__(
        self,
        store: IdentityStore,
        cache: Cache,
        secret: str,
        issuer: str = DEFAULT_ISSUER,
        passwords: Passwords | None = None,
    ) -> None:
        self._store = store
        self._passwords = passwords or Passwords()
        self._secret = secret.encode()
        self._keys = SigningKeys(store, secret)
        self._sessions = Sessions(store, self._passwords, self._keys, cache, issuer, self._secret)
        self._staff = Staff(store, self._sessions)
        self._recovery = Recovery(store, self._passwords, self._sessions, self._secret)

    async def register(self, ask: Register) -> User:
        email = email_of(ask.email)
        limit = address_limit(ask.address, "register", REGISTRATIONS_AN_ADDRESS)
        async with self._store.connection() as connection:
            if limit is not None:
                check_attempts([limit], await self._store.count_attempts(connection, [limit]), now())
            taken = await self._store.account(connection, email_key=email.key) is not None
        # A taken e-mail with a key may be the same request again: only then is there an answer to look up.
        if taken and ask.idempotency is None:
            raise EmailTaken()
        password_hash = "" if taken else await self._passwords.hash(ask.password)
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(without_oracle(self._secret, ask.idempotency), User)
            if stored is not None:
                return stored
            if taken:
                raise EmailTaken()
            user_id = new_id("usr")
            user = await self._store.insert_user(
                transaction.connection, user_id, email, _name(ask.name), [], password_hash
            )
            if user is None:
                raise EmailTaken()
            transaction.publish(UserRegistered(user_id=user_id))
            return transaction.remember(user)

    async def sign_in(self, ask: SignIn) -> Tokens:
        return await self._sessions.sign_in(ask)

    async def refresh(self, ask: Refresh) -> Tokens:
        return await self._sessions.refresh(ask)

    async def end_session(self, ask: EndSession) -> Nothing:
        await self._sessions.end(ask)
        return Nothing()

    async def sessions(self, ask: ListOfUser) -> Page[Session]:
        filters = f"sessions:{ask.user_id}"
        before = id_in(filters, ask.cursor)
        async with self._store.connection() as connection:
            found = await self._store.sessions(connection, ask, before)
        return paged(filters, found, ask.limit, lambda each: (each.id,))

    async def authenticate(self, ask: AccessToken) -> Principal:
        return await self._sessions.authenticate(ask)

    async def user(self, ask: OfUser) -> User:
        return (await self._account(ask.user_id)).user

    async def change_profile(self, ask: ChangeProfile) -> User:
        name = None if ask.name is None else _name(ask.name)
        account, password_hash = (None, None) if ask.password is None else await self._new_password(ask, ask.password)
        async with self._store.transaction() as transaction:
            # Whoever has changed the password since it was verified may be its owner, shutting this caller out.
            if account is not None and not await self._store.proven(transaction.connection, account):
                raise wrong_password()
            user = await self._store.change_user(
                transaction.connection, ask.user_id, name=name, phone=ask.phone, password_hash=password_hash
            )
            if user is None:
                _no_account()
            if password_hash is not None:
                await self._store.end_other_sessions(transaction.connection, ask.user_id, ask.session_id)
                await self._store.close_letters(transaction.connection, ask.user_id)
                word = (PASSWORD_CHANGED, user.id, user.email, now() + WORD_LIFE)
                await self._store.insert_letter(transaction, *word)
        if password_hash is not None:
            await self._sessions.forget(ask.user_id)
        return user

    async def ask_reset(self, ask: AskReset) -> Nothing:
        await self._recovery.ask_reset(ask)
        return Nothing()

    async def reset_password(self, ask: ResetPassword) -> KnownDevice:
        return await self._recovery.reset_password(ask)

    async def ask_email_change(self, ask: AskEmailChange) -> Nothing:
        await self._recovery.ask_email_change(ask)
        return Nothing()

    async def confirm_email(self, ask: ConfirmEmail) -> User:
        return await self._recovery.confirm_email(ask)

    async def letter(self, ask: LetterRef) -> AccountLetter:
        return await self._recovery.letter(ask)

    async def addresses(self, ask: ListOfUser) -> Page[SavedAddress]:
        filters = f"addresses:{ask.user_id}"
        after = id_in(filters, ask.cursor)
        async with self._store.connection() as connection:
            found = await self._store.addresses(connection, ask.user_id, after, ask.limit + 1)
        return paged(filters, found, ask.limit, lambda each: (each.id,))

    async def save_address(self, ask: SaveAddress) -> SavedAddress:
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, SavedAddress)
            if stored is not None:
                return stored
            connection = transaction.connection
            if not await self._store.lock_user(connection, ask.user_id):
                _no_account()
            book = await self._store.addresses(connection, ask.user_id)
            before = next((saved for saved in book if saved.id == ask.address_id), None)
            if ask.address_id is not None and before is None:
                raise NotFound("There is no such address in the book")
            if before is None and len(book) >= MAX_ADDRESSES:
                raise AddressBookFull(limit=MAX_ADDRESSES)
            # The first address is the default, and the default stays so until another takes its place.
            is_default = ask.is_default or not book or (before is not None and before.is_default)
            saved = SavedAddress(id=ask.address_id or new_id("adr"), address=ask.address, is_default=is_default)
            await self._store.save_address(connection, ask.user_id, saved, is_new=before is None)
            return transaction.remember(saved)

    async def change_address(self, ask: ChangeAddress) -> SavedAddress:
        async with self._store.transaction() as transaction:
            connection = transaction.connection
            # Held before it is read: two who change different fields at once must both be heard.
            await self._store.lock_user(connection, ask.user_id)
            book = await self._store.addresses(connection, ask.user_id)
            before = next((saved for saved in book if saved.id == ask.address_id), None)
            if before is None:
                raise NotFound("There is no such address in the book")
            changes = msgspec.to_builtins(ask.patch)
            is_default = changes.pop("is_default") or before.is_default
            address = msgspec.convert(msgspec.to_builtins(before.address) | changes, Address)
            saved = SavedAddress(id=before.id, address=address, is_default=is_default)
            await self._store.save_address(connection, ask.user_id, saved, is_new=False)
        return saved

    async def remove_address(self, ask: AddressRef) -> Nothing:
        async with self._store.transaction() as transaction:
            await self._store.lock_user(transaction.connection, ask.user_id)
            if not await self._store.remove_address(transaction.connection, ask.user_id, ask.address_id):
                raise NotFound("There is no such address in the book")
        return Nothing()

    async def keys(self, _: Nothing) -> KeySet:
        return KeySet(keys=(await self._keys.ring()).published)

    async def rotate_keys(self, ask: RotateKeys) -> KeySet:
        return KeySet(keys=(await self._keys.rotate(revoke=ask.revoke)).published)

    async def find_users(self, ask: FindUsers) -> Page[User]:
        filters = f"users:{ask.text}:{','.join(ask.ids or [])}"
        before = id_in(filters, ask.cursor)
        async with self._store.connection() as connection:
            found = await self._store.find_users(connection, ask, before)
        return paged(filters, found, ask.limit, lambda each: (each.id,))

    async def ensure_staff(self, ask: EnsureStaff) -> User:
        email, roles = email_of(ask.email), check_roles(ask.roles)
        for _ in range(2):
            async with self._store.connection() as connection:
                account = await self._store.account(connection, email_key=email.key)
            saved = await (self._new_staff(ask, email, roles) if account is None else self._old_staff(ask, account))
            if saved is not None:
                return saved
        raise EmailTaken()

    async def staff(self, ask: ListStaff) -> Page[User]:
        return await self._staff.members(ask)

    async def give_role(self, ask: StaffRole) -> User:
        return await self._staff.give(ask)

    async def take_role(self, ask: StaffRole) -> User:
        return await self._staff.take(ask)

    async def rotate_old_keys(self) -> None:
        """Rotate when the current key has signed for a month."""
        await self._keys.rotate(due=True)

    async def forget_old(self) -> None:
        """Drop expired tokens, their sessions and old counts of attempts."""
        async with self._store.connection() as connection:
            await self._store.forget_old(connection, now())

    async def _account(self, user_id: str) -> Account:
        async with self._store.connection() as connection:
            account = await self._store.account(connection, user_id=user_id)
        return account or _no_account()

    async def _new_password(self, ask: ChangeProfile, password: str) -> tuple[Account, str]:
        """The account as its current password was verified, and the hash of the new one."""
        account = await self._account(ask.user_id)
        # Whoever borrowed an open session may not guess the password here either.
        limit = account_limit(f"password of {ask.user_id}")
        async with self._store.connection() as connection:
            check_attempts([limit], await self._store.count_attempts(connection, [limit]), now())
        if not await self._passwords.verify(account.password_hash, ask.current_password or ""):
            raise wrong_password()
        return account, await self._passwords.hash(password)

    async def _new_staff(self, ask: EnsureStaff, email: Email, roles: list[str]) -> User | None:
        password_hash = "!" if ask.password is None else await self._passwords.hash(ask.password)
        async with self._store.transaction() as transaction:
            user_id = new_id("usr")
            user = await self._store.insert_user(
                transaction.connection, user_id, email, _name(ask.name), roles, password_hash
            )
            if user is not None:
                transaction.publish(UserRegistered(user_id=user_id))
        return user

    async def _old_staff(self, ask: EnsureStaff, account: Account) -> User | None:
        new = ask.password is not None and not await self._passwords.verify(account.password_hash, ask.password)
        password_hash = await self._passwords.hash(ask.password) if new and ask.password is not None else None
        roles, user_id = check_roles(ask.roles), account.user.id
        async with self._store.transaction() as transaction:
            user = await self._store.change_user(
                transaction.connection,
                user_id,
                name=_name(ask.name),
                roles=roles,
                password_hash=password_hash,
                email_proven=bool(roles),
            )
            if new:
                await self._store.end_other_sessions(transaction.connection, user_id, None)
                await self._store.close_letters(transaction.connection, user_id)
        await self._sessions.forget(user_id)
        return user


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise Invalid(errors=[{"pointer": "/name", "code": "required", "detail": "is required"}])
    return name


def _no_account() -> NoReturn:
    raise NotFound("There is no such account")
