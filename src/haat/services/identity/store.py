"""SQL of identity. Lock order: a user, then a refresh token, then sessions, then addresses; keys by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType

from haat.contracts.identity import (
    AccountLetter,
    Address,
    FindUsers,
    LetterWanted,
    ListOfUser,
    SavedAddress,
    Session,
    User,
)
from haat.kit.database import Connection, Database, Transaction, outbox_row
from haat.kit.ids import new_id
from haat.kit.sql import load_queries
from haat.services.identity.model import (
    ATTEMPT_WINDOW,
    MAX_ADDRESSES,
    RESET,
    Attempts,
    Email,
    Limit,
    RefreshToken,
)

queries = load_queries(Path(__file__).with_name("queries.sql"))


class Account(msgspec.Struct, frozen=True):
    """A user with the hash of their password."""

    user: User
    password_hash: str


class StoredKey(msgspec.Struct, frozen=True):
    """A signing key as stored."""

    kid: str
    state: str
    public: dict[str, str]
    sealed_private: bytes
    since: datetime


class HeldToken(msgspec.Struct, frozen=True):
    """A refresh token's row, locked, with its session and user."""

    session_id: str
    expires_at: datetime
    used_at: datetime | None
    sealed_successor: bytes | None
    ended_at: datetime | None
    user_id: str
    email: str
    name: str
    roles: list[str]


class IdentityStore:
    """Accounts, sessions, addresses and keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("identity")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def count_attempts(self, connection: Connection, limits: Sequence[Limit]) -> list[Attempts]:
        """Count one attempt on each key, and what stands there now."""
        keys = [limit.key for limit in limits]
        return [
            Attempts(row["key"], row["count"], row["since"])
            async for row in queries.count_attempts(connection, keys=keys, window=ATTEMPT_WINDOW)
        ]

    async def insert_user(
        self, connection: Connection, user_id: str, email: Email, name: str, roles: list[str], password_hash: str
    ) -> User | None:
        """The new user; None when the e-mail is taken."""
        row = await queries.insert_user(
            connection,
            user_id=user_id,
            email=email.shown,
            email_key=email.key,
            name=name,
            roles=roles,
            password_hash=password_hash,
        )
        return None if row is None else _user(row)

    async def account(
        self, connection: Connection, *, email_key: str | None = None, user_id: str | None = None
    ) -> Account | None:
        """By canonical e-mail or by id."""
        if user_id is not None:
            row = await queries.user_by_id(connection, user_id=user_id)
        else:
            row = await queries.user_by_email(connection, email_key=email_key)
        return None if row is None else Account(_user(row), row["password_hash"])

    async def lock_user(self, connection: Connection, user_id: str) -> bool:
        """Hold the user's row until the transaction ends; False when there is none."""
        return await queries.lock_user(connection, user_id=user_id) is not None

    async def proven(self, connection: Connection, account: Account) -> bool:
        """Hold the user's row until the transaction ends; False when they have another password hash by now."""
        return (
            await queries.proven(connection, user_id=account.user.id, password_hash=account.password_hash) is not None
        )

    async def find_users(self, connection: Connection, ask: FindUsers, before: str | None) -> list[User]:
        """One more than the limit, newest first, to know whether more follow."""
        text = ask.text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found = queries.find_users(
            connection, pattern=f"%{text}%" if text else None, ids=ask.ids, before=before, count=ask.limit + 1
        )
        return [_user(row) async for row in found]

    async def change_user(
        self,
        connection: Connection,
        user_id: str,
        *,
        name: str | None = None,
        phone: str | UnsetType | None = UNSET,
        roles: list[str] | None = None,
        password_hash: str | None = None,
    ) -> User | None:
        """Write what is not None, and the phone unless it is UNSET; None when there is no such user."""
        row = await queries.change_user(
            connection,
            user_id=user_id,
            name=name,
            phone=None if phone is UNSET else phone,
            phone_stays=phone is UNSET,
            roles=roles,
            password_hash=password_hash,
        )
        return None if row is None else _user(row)

    async def staff(self, connection: Connection, before: str | None, how_many: int) -> list[User]:
        """Accounts with a role, newest first."""
        return [_user(row) async for row in queries.staff(connection, before=before, how_many=how_many)]

    async def lock_owners(self, connection: Connection) -> list[str]:
        """The e-mail keys of all owners, whose rows are held until the transaction ends."""
        return [row["email_key"] async for row in queries.lock_owners(connection)]

    async def give_role(self, connection: Connection, email_key: str, role: str) -> User | None:
        """The user with the role; None when nobody has the e-mail."""
        row = await queries.give_role(connection, email_key=email_key, role=role)
        return None if row is None else _user(row)

    async def take_role(self, connection: Connection, email_key: str, role: str) -> User | None:
        """The user without the role; None when nobody has the e-mail."""
        row = await queries.take_role(connection, email_key=email_key, role=role)
        return None if row is None else _user(row)

    async def rehash(self, connection: Connection, user_id: str, old: str, new: str) -> None:
        """Replace a hash by one with today's parameters, unless the password was changed meanwhile."""
        await queries.rehash(connection, user_id=user_id, old=old, new=new)

    async def open_session(
        self,
        connection: Connection,
        session: Session,
        account: Account,
        token: RefreshToken,
        expires_at: datetime,
        forgiven: tuple[str, str | None],
    ) -> bool:
        """A session with its first refresh token; the failures of the account and address keys are forgiven.

        False, and nothing done, when the account has another address or password hash by now.
        """
        opened = await queries.open_session(
            connection,
            session_id=session.id,
            user_id=account.user.id,
            email=account.user.email,
            password_hash=account.password_hash,
            address=session.address,
            user_agent=session.user_agent,
            token_hash=token.digest,
            expires_at=expires_at,
            account_key=forgiven[0],
            address_key=forgiven[1],
        )
        return opened is not None

    async def session_roles(self, connection: Connection, session_id: str, user_id: str) -> list[str] | None:
        """The roles of a living session's user; None when it has ended."""
        row = await queries.session_roles(connection, session_id=session_id, user_id=user_id)
        return None if row is None else list(row["roles"])

    async def hold_refresh_token(self, connection: Connection, token: RefreshToken) -> HeldToken | None:
        """Lock a refresh token until the transaction ends."""
        row = await queries.lock_refresh_token(connection, token_hash=token.digest)
        return None if row is None else msgspec.convert(dict(row), HeldToken)

    async def exchange_token(
        self,
        connection: Connection,
        old: RefreshToken,
        successor: RefreshToken,
        session_id: str,
        expires_at: datetime,
        address: str,
    ) -> None:
        """The old token is used, the successor takes its place."""
        await queries.exchange_token(
            connection,
            token_hash=old.digest,
            sealed_successor=old.seal(successor),
            successor_hash=successor.digest,
            session_id=session_id,
            expires_at=expires_at,
            address=address,
        )

    async def sessions(self, connection: Connection, ask: ListOfUser, before: str | None) -> list[Session]:
        """The living sessions, newest first, from `before` on; one more than the page has room for."""
        found = queries.sessions(connection, user_id=ask.user_id, before=before, count=ask.limit + 1)
        return [
            Session(
                id=row["session_id"],
                created_at=row["created_at"],
                last_used_at=row["last_used_at"],
                address=row["address"],
                user_agent=row["user_agent"],
                current=row["session_id"] == ask.session_id,
            )
            async for row in found
        ]

    async def end_session(self, connection: Connection, user_id: str, session_id: str) -> bool:
        """End one; False when it is not a living session of this user."""
        return await queries.end_session(connection, user_id=user_id, session_id=session_id) is not None

    async def end_other_sessions(self, connection: Connection, user_id: str, kept: str | None) -> None:
        """End all but one."""
        await queries.end_other_sessions(connection, user_id=user_id, kept=kept)

    async def insert_reset(self, connection: Connection, letter_id: str, email: Email, expires_at: datetime) -> None:
        """Note that a link is wanted, and tell of it if somebody has this address."""
        event = LetterWanted(letter_id=letter_id, kind=RESET)
        await queries.insert_reset(
            connection,
            letter_id=letter_id,
            email_key=email.key,
            email=email.shown,
            expires_at=expires_at,
            **outbox_row(event),
        )

    async def insert_letter(
        self, transaction: Transaction, kind: str, user_id: str | None, email: str, expires_at: datetime
    ) -> None:
        """A letter to write, told of with this transaction; one to nobody is kept and not told of."""
        letter_id = new_id("ltr")
        await queries.insert_letter(
            transaction.connection, letter_id=letter_id, kind=kind, user_id=user_id, email=email, expires_at=expires_at
        )
        if user_id is not None:
            transaction.publish(LetterWanted(letter_id=letter_id, kind=kind))

    async def letter(self, connection: Connection, letter_id: str) -> AccountLetter | None:
        """A letter that is still worth writing."""
        row = await queries.letter(connection, letter_id=letter_id)
        return None if row is None else msgspec.convert(dict(row), AccountLetter)

    async def use_letter(self, connection: Connection, letter_id: str, kind: str) -> tuple[str, str] | None:
        """Take the one use of a link: user id and e-mail; None when it is used, over or nobody's."""
        row = await queries.use_letter(connection, letter_id=letter_id, kind=kind)
        return None if row is None else (row["user_id"], row["email"])

    async def close_letters(self, connection: Connection, user_id: str) -> None:
        """Every open link of the user is dead."""
        await queries.close_letters(connection, user_id=user_id)

    async def change_email(self, connection: Connection, user_id: str, email: Email) -> User | None:
        """The user with the new address; None when it is taken."""
        try:
            row = await queries.change_email(connection, user_id=user_id, email=email.shown, email_key=email.key)
        except asyncpg.UniqueViolationError:
            return None
        return None if row is None else _user(row)

    async def forgive(self, connection: Connection, key: str) -> None:
        """Forget the attempts counted on a key."""
        await queries.forgive(connection, key=key)

    async def forget_old(self, connection: Connection, before: datetime) -> None:
        """Drop what can never matter again: tokens expired before a moment, their sessions, old attempts."""
        await queries.forget_tokens(connection, before=before)
        await queries.forget_sessions(connection)
        await queries.forget_letters(connection, before=before)
        await queries.forget_attempts(connection, window=ATTEMPT_WINDOW)

    async def addresses(
        self, connection: Connection, user_id: str, after: str | None = None, count: int = MAX_ADDRESSES
    ) -> list[SavedAddress]:
        """The book in the order it was written, from `after` on."""
        return [
            SavedAddress(
                id=row["address_id"], address=msgspec.convert(row["address"], Address), is_default=row["is_default"]
            )
            async for row in queries.addresses(connection, user_id=user_id, after=after, count=count)
        ]

    async def save_address(self, connection: Connection, user_id: str, saved: SavedAddress, *, is_new: bool) -> bool:
        """Write one address; when it is the default no other is. False when it is not the user's."""
        if saved.is_default:
            await queries.no_default(connection, user_id=user_id)
        write = queries.insert_address if is_new else queries.change_address
        body = msgspec.to_builtins(saved.address)
        written = await write(
            connection, address_id=saved.id, user_id=user_id, address=body, is_default=saved.is_default
        )
        return is_new or written is not None

    async def remove_address(self, connection: Connection, user_id: str, address_id: str) -> bool:
        """Drop one; when it was the default the oldest is from now on. False when it is not the user's."""
        was_default = await queries.remove_address(connection, address_id=address_id, user_id=user_id)
        if was_default:
            await queries.first_as_default(connection, user_id=user_id)
        return was_default is not None

    async def signing_keys(self, connection: Connection) -> list[StoredKey]:
        """The keys, at most three."""
        return [msgspec.convert(dict(row), StoredKey) async for row in queries.signing_keys(connection)]

    async def lock_keys(self, connection: Connection) -> None:
        """One rotation at a time."""
        await queries.lock_keys(connection)

    async def remove_keys(self, connection: Connection, states: list[str]) -> None:
        await queries.remove_keys(connection, states=states)

    async def move_key(self, connection: Connection, from_state: str, to_state: str) -> None:
        await queries.move_key(connection, from_state=from_state, to_state=to_state)

    async def insert_key(
        self, connection: Connection, kid: str, state: str, public: dict[str, Any], sealed_private: bytes
    ) -> None:
        await queries.insert_key(connection, kid=kid, state=state, public=public, sealed_private=sealed_private)


def _user(row: Any) -> User:
    return User(
        id=row["user_id"],
        email=row["email"],
        name=row["name"],
        roles=list(row["roles"]),
        created_at=row["created_at"],
        phone=row["phone"],
    )
