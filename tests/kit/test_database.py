"""What a transaction promises: its events and its idempotency record exist if, and only if, it commits."""

import asyncio

import pytest

from haat.engines.database.pool import PostgresDatabase
from haat.kit.database import Batch, holding_connection
from haat.kit.idempotency import Idempotency, IdempotencyConflict, IdempotencyInFlight, fingerprint, replayed
from haat.kit.message import Event, Message
from haat.kit.money import Money

KEY = Idempotency(account="usr_1", key="key-1", fingerprint=fingerprint("POST /v1/things", b"{}"))


class Made(Message, frozen=True):
    number: int
    price: Money = Money(4900)


class ThingMade(Event, frozen=True):
    number: int

    @property
    def key(self) -> str:
        return "things"


class Lost(Exception):
    """The process died here."""


async def make(probe: PostgresDatabase, number: int, idempotency: Idempotency | None = KEY) -> Made:
    """The use case under test: one row, one event, one answer."""
    async with probe.transaction("kit_probe") as transaction:
        stored = await transaction.replay(idempotency, Made)
        if stored is not None:
            return stored
        await transaction.execute("INSERT INTO kit_probe.effects VALUES ('made', $1)", number)
        transaction.publish(ThingMade(number=number))
        return transaction.remember(Made(number=number))


async def lose(probe: PostgresDatabase) -> None:
    """The same, lost before its commit."""
    with pytest.raises(Lost):
        async with probe.transaction("kit_probe") as transaction:
            await transaction.replay(KEY, Made)
            transaction.publish(ThingMade(number=0))
            transaction.remember(Made(number=0))
            raise Lost


async def count(probe: PostgresDatabase, table: str) -> int:
    async with probe.connection() as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM kit_probe.{table}"))


async def test_the_same_key_gives_the_stored_answer_and_acts_once(probe):
    replayed.set(False)
    assert [await make(probe, 1), await make(probe, 2)] == [Made(number=1), Made(number=1)]
    assert (await count(probe, "effects"), await count(probe, "outbox"), replayed.get()) == (1, 1, True)


async def test_another_body_under_the_key_is_refused(probe):
    await make(probe, 1)
    other = Idempotency(account=KEY.account, key=KEY.key, fingerprint=fingerprint("POST /v1/things", b"[]"))
    with pytest.raises(IdempotencyConflict):
        await make(probe, 2, other)


async def test_another_account_may_use_the_same_key(probe):
    await make(probe, 1)
    other = Idempotency(account="usr_2", key=KEY.key, fingerprint=KEY.fingerprint)
    assert await make(probe, 2, other) == Made(number=2)


async def test_while_the_first_request_runs_the_second_is_told_so(probe):
    async with probe.transaction("kit_probe") as transaction:
        await transaction.replay(KEY, Made)
        with pytest.raises(IdempotencyInFlight):
            await make(probe, 2)
        transaction.remember(Made(number=1))
    assert await make(probe, 3) == Made(number=1)


async def test_the_same_key_in_two_services_does_not_collide(probe):
    async with probe.transaction("cart") as transaction:
        await transaction.replay(KEY, Made)
        assert await make(probe, 2) == Made(number=2)


async def test_of_twenty_requests_with_one_key_one_acts(probe):
    answers = await asyncio.gather(*(make(probe, number) for number in range(20)), return_exceptions=True)
    made = {answer for answer in answers if isinstance(answer, Made)}
    assert (len(made), await count(probe, "effects"), await count(probe, "idempotency")) == (1, 1, 1)
    assert {type(answer) for answer in answers} <= {Made, IdempotencyInFlight}


async def test_a_lost_transaction_leaves_nothing_and_the_key_is_free_again(probe):
    await lose(probe)
    assert (await count(probe, "outbox"), await count(probe, "idempotency")) == (0, 0)
    assert await make(probe, 2) == Made(number=2)


async def test_without_a_key_every_request_acts(probe):
    assert [await make(probe, 1, None), await make(probe, 2, None)] == [Made(number=1), Made(number=2)]


async def test_an_event_lies_in_the_outbox_as_readers_will_decode_it(probe):
    event = ThingMade(number=7)
    async with probe.transaction("kit_probe") as transaction:
        transaction.publish(event)
    async with probe.connection() as connection:
        row = await connection.fetchrow("SELECT id, name, key, at FROM kit_probe.outbox")
    assert tuple(row) == (event.id, f"{ThingMade.__module__.rpartition('.')[2]}.ThingMade", "things", event.at)


async def test_an_event_is_accepted_once(probe):
    first, second = ThingMade(number=1), ThingMade(number=2)
    async with probe.transaction("kit_probe") as transaction:
        await transaction.accept(Batch([first]))
    async with probe.transaction("kit_probe") as transaction:
        assert await transaction.accept(Batch([first, second])) == [second]


async def test_an_event_whose_effect_was_lost_is_accepted_again(probe):
    event = ThingMade(number=1)
    with pytest.raises(Lost):
        async with probe.transaction("kit_probe") as transaction:
            await transaction.accept(Batch([event]))
            raise Lost
    async with probe.transaction("kit_probe") as transaction:
        assert await transaction.accept(Batch([event])) == [event]


async def test_two_workers_never_both_accept_an_event(probe):
    event = ThingMade(number=1)

    async def accept() -> int:
        async with probe.transaction("kit_probe") as transaction:
            return len(await transaction.accept(Batch([event])))

    assert sum(await asyncio.gather(*(accept() for _ in range(10)))) == 1


async def test_the_task_knows_when_it_holds_a_connection(probe):
    async with probe.connection():
        assert holding_connection.get()
    assert not holding_connection.get()


async def test_a_pool_stops_when_what_was_under_way_has_ended(database_url):
    pool = PostgresDatabase(database_url, 2)
    await pool.start()
    begun = asyncio.Event()

    async def work() -> int:
        async with pool.connection() as connection:
            begun.set()
            return await connection.fetchval("SELECT 1 FROM pg_sleep(0.2)")

    task = asyncio.create_task(work())
    await begun.wait()
    await asyncio.wait_for(pool.stop(), 120)
    assert await task == 1
