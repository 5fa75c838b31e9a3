"""The mails' SQL, on real PostgreSQL."""

import asyncio

import pytest

from haat.services.notifications.model import Cause
from haat.services.notifications.store import MailStore, Settled


@pytest.fixture
async def store(database, clean):
    made = MailStore(database)
    async with made.connection() as connection:
        await made.note(connection, [Cause(f"c{i}", "welcome", "usr_1", "a@b.example", {"n": i}) for i in range(5)])
    return made


async def claimed(store, connection, at_most):
    async with asyncio.timeout(60):
        return await store.claim_due(connection, 60, at_most)


async def test_a_worker_passes_over_what_another_is_claiming(store):
    async with store.transaction() as transaction:
        first = await claimed(store, transaction.connection, 3)
        async with store.connection() as other:
            second = await claimed(store, other, 10)
    assert (len(first), len(second), {mail.id for mail in first} & {mail.id for mail in second}) == (3, 2, set())


async def test_facts_come_back_as_they_were_noted(store):
    async with store.connection() as connection:
        mails = await claimed(store, connection, 10)
    assert sorted(mail.facts["n"] for mail in mails) == [0, 1, 2, 3, 4]


async def test_a_worker_whose_lease_ran_out_settles_nothing(store):
    async with store.connection() as connection:
        (late,) = await claimed(store, connection, 1)
        await connection.execute("UPDATE notifications.mails SET next_try_at = now() WHERE id = $1", late.id)
        await claimed(store, connection, 10)
        await store.settle(connection, [Settled(late.id, late.tries, "failed", "too late")])
        _, mail = await store.mail(connection, late.id)
    assert mail.state == "queued"
