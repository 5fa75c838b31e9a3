"""A password or address changes while somebody is being let in by the old one: nobody stays in, whoever comes first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from haat.contracts.identity import (
    AskEmailChange,
    AskReset,
    ChangeProfile,
    LetterRef,
    LinkRefused,
    ListOfUser,
    OfUser,
    ResetPassword,
    Session,
    SignIn,
    SignInRefused,
    User,
)
from haat.engines.cache.memory import MemoryCache
from haat.engines.database.pool import PostgresDatabase
from haat.kit.clock import now
from haat.kit.ids import new_id
from haat.kit.message import Invalid
from haat.services.identity.model import REFRESH_LIFE, RESET, RefreshToken, email_of
from haat.services.identity.passwords import Passwords
from haat.services.identity.service import IdentityService
from haat.services.identity.store import Account, IdentityStore
from tests.services.identity.conftest import PASSWORD, SECRET
from tests.services.shopfloor import all_wait, waited_for

NEW = "an entirely new password"


class Slow(Passwords):
    """Says when a password was verified, and goes on when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.verified, self.let = asyncio.Event(), asyncio.Event()

    async def verify(self, stored: str | None, password: str) -> bool:
        fits = await super().verify(stored, password)
        self.verified.set()
        await self.let.wait()
        return fits


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def store(database: PostgresDatabase) -> IdentityStore:
    return IdentityStore(database)


@pytest.fixture
def other(store: IdentityStore, slow: Slow) -> IdentityService:
    """The same accounts in another process, which verifies slowly."""
    return IdentityService(store, MemoryCache(), SECRET, passwords=slow)


async def reset_link(identity: IdentityService, store: IdentityStore, who: User) -> str:
    """The token of a link that sets a new password."""
    await identity.ask_reset(AskReset(email=who.email))
    async with store.connection() as connection:
        letter_id = await connection.fetchval(
            "SELECT max(letter_id) FROM identity.letters WHERE user_id = $1 AND kind = $2", who.id, RESET
        )
    return (await identity.letter(LetterRef(letter_id=letter_id))).token


async def account_of(store: IdentityStore, who: User) -> Account:
    async with store.connection() as connection:
        account = await store.account(connection, user_id=who.id)
    assert account is not None
    return account


async def living(identity: IdentityService, who: User) -> int:
    return len((await identity.sessions(ListOfUser(user_id=who.id))).data)


async def hash_of(database: PostgresDatabase, who: User) -> Any:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT password_hash FROM identity.users WHERE user_id = $1", who.id)


async def test_a_sign_in_that_was_verified_before_a_reset_opens_nothing_after_it(
    identity: IdentityService, other: IdentityService, slow: Slow, store: IdentityStore, asha: User
):
    link = await reset_link(identity, store, asha)
    late = asyncio.create_task(other.sign_in(SignIn(email=asha.email, password=PASSWORD)))
    await slow.verified.wait()
    await identity.reset_password(ResetPassword(token=link, password=NEW))
    slow.let.set()
    with pytest.raises(SignInRefused):
        await late
    assert await living(identity, asha) == 0


async def test_a_sign_in_that_was_verified_before_a_change_opens_nothing_after_it(
    identity: IdentityService, other: IdentityService, slow: Slow, asha: User
):
    late = asyncio.create_task(other.sign_in(SignIn(email=asha.email, password=PASSWORD)))
    await slow.verified.wait()
    await identity.change_profile(ChangeProfile(user_id=asha.id, password=NEW, current_password=PASSWORD))
    slow.let.set()
    with pytest.raises(SignInRefused):
        await late
    assert await living(identity, asha) == 0


async def test_a_sign_in_waits_for_a_change_that_is_not_done_yet_and_is_refused(
    identity: IdentityService, store: IdentityStore, asha: User
):
    changed = await Passwords().hash(NEW)
    async with store.transaction() as transaction:
        await store.change_user(transaction.connection, asha.id, password_hash=changed)
        await store.end_other_sessions(transaction.connection, asha.id, None)
        late = asyncio.create_task(identity.sign_in(SignIn(email=asha.email, password=PASSWORD)))
        waited = await waited_for(transaction, late)
    [found] = await asyncio.gather(late, return_exceptions=True)
    assert (waited, type(found), await living(identity, asha)) == (True, SignInRefused, 0)


async def test_a_change_waits_for_a_sign_in_that_is_not_done_yet_and_ends_its_session(
    identity: IdentityService, store: IdentityStore, asha: User
):
    link, at = await reset_link(identity, store, asha), now()
    account, token = await account_of(store, asha), RefreshToken.fresh()
    session = Session(id=new_id("ses"), created_at=at, last_used_at=at, address="", user_agent="")
    async with store.transaction() as transaction:
        forgiven = ("none", None)
        opened = await store.open_session(transaction.connection, session, account, token, at + REFRESH_LIFE, forgiven)
        change = asyncio.create_task(identity.reset_password(ResetPassword(token=link, password=NEW)))
        waited = await waited_for(transaction, change)
    await change
    assert (opened, waited, await living(identity, asha)) == (True, True, 0)


async def test_two_sign_ins_that_renew_one_hash_at_once_are_both_let_in(
    identity: IdentityService, database: PostgresDatabase, asha: User
):
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    async with database.connection() as connection:
        await connection.execute("UPDATE identity.users SET password_hash = $2 WHERE user_id = $1", asha.id, old)
    ask = SignIn(email=asha.email, password=PASSWORD)
    both = await asyncio.gather(identity.sign_in(ask), identity.sign_in(ask))
    assert ([each.user_id for each in both], await living(identity, asha)) == ([asha.id] * 2, 2)


async def test_a_refused_sign_in_forgives_no_failures(
    identity: IdentityService, other: IdentityService, slow: Slow, database: PostgresDatabase, asha: User
):
    ask = SignIn(email=asha.email, password=PASSWORD, address="203.0.113.90")
    late = asyncio.create_task(other.sign_in(ask))
    await slow.verified.wait()
    await identity.change_profile(ChangeProfile(user_id=asha.id, password=NEW, current_password=PASSWORD))
    slow.let.set()
    with pytest.raises(SignInRefused):
        await late
    async with database.connection() as connection:
        counted = await connection.fetchval("SELECT count FROM identity.attempts WHERE key = 'sign-in:203.0.113.90'")
    assert counted == 1


async def test_a_change_that_was_verified_before_a_reset_changes_nothing_after_it(
    identity: IdentityService,
    other: IdentityService,
    slow: Slow,
    store: IdentityStore,
    database: PostgresDatabase,
    asha: User,
):
    link = await reset_link(identity, store, asha)
    theirs = ChangeProfile(user_id=asha.id, name="Thief", password="a thief's password", current_password=PASSWORD)
    late = asyncio.create_task(other.change_profile(theirs))
    await slow.verified.wait()
    await identity.reset_password(ResetPassword(token=link, password=NEW))
    owners = await hash_of(database, asha)
    slow.let.set()
    with pytest.raises(Invalid) as refused:
        await late
    assert [fault["pointer"] for fault in refused.value.facts["errors"]] == ["/current_password"]
    assert (await hash_of(database, asha), (await identity.user(OfUser(user_id=asha.id))).name) == (owners, "Asha")


async def test_of_two_changes_of_one_password_at_once_one_is_made(identity: IdentityService, asha: User):
    asks = [ChangeProfile(user_id=asha.id, password=f"{NEW} {n}", current_password=PASSWORD) for n in range(2)]
    found = await asyncio.gather(*(identity.change_profile(ask) for ask in asks), return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["Invalid", "User"]


async def open_links(database: PostgresDatabase, who: User) -> Any:
    async with database.connection() as connection:
        return await connection.fetchval(
            "SELECT count(*) FROM identity.letters WHERE user_id = $1 AND kind = 'email_change' AND used_at IS NULL",
            who.id,
        )


async def test_a_new_address_that_was_asked_for_before_a_change_gets_no_link_after_it(
    identity: IdentityService, other: IdentityService, slow: Slow, database: PostgresDatabase, asha: User
):
    ask = AskEmailChange(user_id=asha.id, email=f"{new_id('thief')}@example.com", current_password=PASSWORD)
    late = asyncio.create_task(other.ask_email_change(ask))
    await slow.verified.wait()
    await identity.change_profile(ChangeProfile(user_id=asha.id, password=NEW, current_password=PASSWORD))
    slow.let.set()
    with pytest.raises(Invalid):
        await late
    assert await open_links(database, asha) == 0


async def test_a_new_address_waits_for_a_change_that_is_not_done_yet_and_gets_no_link(
    identity: IdentityService, store: IdentityStore, database: PostgresDatabase, asha: User
):
    changed = await Passwords().hash(NEW)
    ask = AskEmailChange(user_id=asha.id, email=f"{new_id('thief')}@example.com", current_password=PASSWORD)
    async with store.transaction() as transaction:
        await store.change_user(transaction.connection, asha.id, password_hash=changed)
        await store.close_letters(transaction.connection, asha.id)
        late = asyncio.create_task(identity.ask_email_change(ask))
        waited = await waited_for(transaction, late)
    [found] = await asyncio.gather(late, return_exceptions=True)
    assert (waited, type(found), await open_links(database, asha)) == (True, Invalid, 0)


async def test_a_sign_in_by_the_old_address_waits_for_a_change_that_is_not_done_yet_and_is_refused(
    identity: IdentityService, store: IdentityStore, asha: User
):
    async with store.transaction() as transaction:
        await store.change_email(transaction.connection, asha.id, email_of(f"{new_id('new')}@example.com"))
        await store.end_other_sessions(transaction.connection, asha.id, None)
        late = asyncio.create_task(identity.sign_in(SignIn(email=asha.email, password=PASSWORD)))
        waited = await waited_for(transaction, late)
    [found] = await asyncio.gather(late, return_exceptions=True)
    assert (waited, type(found), await living(identity, asha)) == (True, SignInRefused, 0)


async def test_a_reset_that_is_asked_for_while_the_address_changes_mails_no_link_to_the_old_one(
    identity: IdentityService, store: IdentityStore, asha: User
):
    async with store.transaction() as transaction:
        await store.change_email(transaction.connection, asha.id, email_of(f"{new_id('new')}@example.com"))
        await store.close_letters(transaction.connection, asha.id)
        late = asyncio.create_task(identity.ask_reset(AskReset(email=asha.email)))
        waited = await waited_for(transaction, late)
    await late
    async with store.connection() as connection:
        mailed = await connection.fetchval("SELECT count(*) FROM identity.letters WHERE user_id = $1", asha.id)
    assert (waited, mailed) == (True, 0)


async def test_of_two_links_of_one_account_that_are_followed_at_once_one_sets_the_password(
    identity: IdentityService, store: IdentityStore, asha: User
):
    links = [await reset_link(identity, store, asha) for _ in range(2)]
    async with store.transaction() as transaction:
        await store.lock_user(transaction.connection, asha.id)
        asks = [identity.reset_password(ResetPassword(token=link, password=NEW)) for link in links]
        both = [asyncio.create_task(ask) for ask in asks]
        await all_wait(transaction, 2)
    found = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["KnownDevice", "LinkRefused"]


async def test_a_link_that_is_followed_while_the_password_is_changed_is_refused(
    identity: IdentityService, store: IdentityStore, asha: User
):
    link, changed = await reset_link(identity, store, asha), await Passwords().hash(NEW)
    async with store.transaction() as transaction:
        await store.change_user(transaction.connection, asha.id, password_hash=changed)
        late = asyncio.create_task(identity.reset_password(ResetPassword(token=link, password="a thief's password")))
        await all_wait(transaction, 1)
        await store.close_letters(transaction.connection, asha.id)
    [found] = await asyncio.gather(late, return_exceptions=True)
    assert (type(found), (await account_of(store, asha)).password_hash) == (LinkRefused, changed)
