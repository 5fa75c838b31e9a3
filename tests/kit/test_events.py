"""From outbox to reaction: no event is lost, none acts twice, and the order of each key is kept."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
import pytest

from haat.engines.database.pool import PostgresDatabase
from haat.engines.events import postgres_log
from haat.engines.events.postgres_log import PostgresLog, until_read
from haat.kit import reactions
from haat.kit.clock import now
from haat.kit.database import OUTBOX_UNNEST, Batch, outbox_columns
from haat.kit.ids import new_id
from haat.kit.message import Event, Unavailable, event_name
from haat.kit.reactions import Reader

# By each of the eight writers.
WRITTEN = int(os.environ.get("HAAT_EVENTS_WRITTEN", "25"))


class Counted(Event, frozen=True):
    about: str
    number: int

    @property
    def key(self) -> str:
        return self.about


class Tally:
    """A service that writes down what it was told; `poison` fails always, `out` as long as a neighbour is down."""

    def __init__(self, probe: PostgresDatabase, expected: int = 0) -> None:
        self._probe, self._expected = probe, expected
        self.all_there = asyncio.Event()
        self.poison: int | None = None
        self.out = False

    async def take(self, batch: Batch[Counted]) -> None:
        if self.out:
            raise Unavailable("a neighbour is down")
        async with self._probe.transaction("kit_probe") as transaction:
            for event in await transaction.accept(batch):
                if event.number == self.poison:
                    raise ValueError("cannot be digested")
                await transaction.execute("INSERT INTO kit_probe.effects VALUES ($1, $2)", event.about, event.number)
        if await self.number() >= self._expected:
            self.all_there.set()

    async def number(self) -> int:
        async with self._probe.connection() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM kit_probe.effects"))

    async def taken(self) -> list[tuple[str, int]]:
        async with self._probe.connection() as connection:
            rows = await connection.fetch("SELECT key, number FROM kit_probe.effects ORDER BY position")
        return [tuple(row) for row in rows]


_CANCEL = """
SELECT bool_or(pg_cancel_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO events.cursor%'
"""


def reader_of(tally: Tally, log: PostgresLog, name: str) -> Reader:
    return Reader(name, tally, {Counted: lambda service, batch: service.take(batch)}, log)


@pytest.fixture
async def logs(probe: PostgresDatabase, probe_url: str) -> AsyncIterator[list[PostgresLog]]:
    """Two workers' event logs, with nothing of ours in the log yet."""
    async with probe.connection() as connection:
        await connection.execute("DELETE FROM events.log WHERE name LIKE 'test_events.%'")
    both = [PostgresLog(probe_url) for _ in range(2)]
    yield both
    for log in both:
        await log.stop()


@pytest.fixture
def name() -> str:
    return new_id("reader")


async def tell(probe: PostgresDatabase, *events: Counted) -> None:
    async with probe.transaction("kit_probe") as transaction:
        transaction.publish(*events)


async def read_all(reader: Reader, log: PostgresLog) -> None:
    """Move everything into the log and act on it."""
    while await log.relay(["kit_probe"]):
        pass
    while await reader.step():
        pass


async def write(probe: PostgresDatabase, writer: int, keys: list[str]) -> None:
    """Transactions that number events per key under a lock, take a while to commit, and have clocks of their own."""
    chance = random.Random(writer)
    for _ in range(WRITTEN):
        key = chance.choice(keys)
        async with probe.transaction("kit_probe") as transaction:
            number = await transaction.fetchval(
                "UPDATE kit_probe.numbers SET number = number + 1 WHERE key = $1 RETURNING number", key
            )
            at = now() + timedelta(seconds=chance.uniform(-5, 5))
            event = Counted(about=key, number=number, at=at)
            await transaction.execute(
                "INSERT INTO kit_probe.outbox (id, name, key, at, body)" + OUTBOX_UNNEST.format(1, 2, 3, 4, 5),
                *outbox_columns([event]),
            )
            await asyncio.sleep(chance.uniform(0, 0.02))


async def until_cancelled(work) -> None:
    with suppress(asyncio.CancelledError):
        await work


async def test_eight_writers_that_commit_late_lose_nothing_and_keep_the_order_of_each_key(probe, logs, name):
    keys = [new_id("key") for _ in range(5)]
    async with probe.connection() as connection:
        await connection.execute("INSERT INTO kit_probe.numbers SELECT unnest($1::text[]), 0", keys)
    tally = Tally(probe, expected=8 * WRITTEN)
    reader = reader_of(tally, logs[1], name)

    async def relay() -> None:
        while True:
            await logs[0].relay(["kit_probe"])
            await asyncio.sleep(0.002)

    running = [asyncio.create_task(relay()), asyncio.create_task(reader.run())]
    await asyncio.gather(*(write(probe, number, keys) for number in range(8)))
    await asyncio.wait_for(tally.all_there.wait(), 300)
    for task in running:
        task.cancel()
    await asyncio.gather(*(until_cancelled(task) for task in running))
    taken = await tally.taken()
    by_key = {key: [number for about, number in taken if about == key] for key in keys}
    assert by_key == {key: list(range(1, len(numbers) + 1)) for key, numbers in by_key.items()}
    assert len(taken) == 8 * WRITTEN


async def test_what_did_not_commit_is_never_told(probe, logs, name):
    tally = Tally(probe)
    with suppress(ValueError):
        async with probe.transaction("kit_probe") as transaction:
            transaction.publish(Counted(about="a", number=1))
            raise ValueError
    await tell(probe, Counted(about="a", number=2))
    await read_all(reader_of(tally, logs[0], name), logs[0])
    assert await tally.taken() == [("a", 2)]


async def test_an_event_in_the_log_twice_acts_once(probe, logs, name):
    tally, event = Tally(probe), Counted(about="a", number=1)
    await tell(probe, event)
    await tell(probe, event)
    await read_all(reader_of(tally, logs[0], name), logs[0])
    assert await tally.taken() == [("a", 1)]


async def test_a_reader_goes_on_where_it_stopped(probe, logs, name):
    first, second = Tally(probe), Tally(probe)
    await tell(probe, Counted(about="a", number=1))
    await read_all(reader_of(first, logs[0], name), logs[0])
    await logs[0].stop()
    await tell(probe, Counted(about="a", number=2))
    await read_all(reader_of(second, logs[1], name), logs[1])
    assert await second.taken() == [("a", 1), ("a", 2)]


async def test_two_readers_of_one_name_share_one_place(probe, logs, name):
    tally = Tally(probe)
    readers = [reader_of(tally, log, name) for log in logs]
    await tell(probe, *(Counted(about="a", number=number) for number in range(50)))
    await logs[0].relay(["kit_probe"])
    assert await readers[0].step()
    await tell(probe, Counted(about="a", number=50))
    await logs[0].relay(["kit_probe"])
    assert not await readers[1].step()
    assert await readers[0].step()
    assert await tally.taken() == [("a", number) for number in range(51)]


async def test_a_reader_takes_over_from_one_that_died(probe, logs, name):
    tally = Tally(probe)
    await tell(probe, Counted(about="a", number=1))
    await read_all(reader_of(tally, logs[0], name), logs[0])
    await tell(probe, Counted(about="a", number=2))
    await logs[0].stop()
    await read_all(reader_of(tally, logs[1], name), logs[1])
    assert await tally.taken() == [("a", 1), ("a", 2)]


async def test_a_reader_whose_first_look_failed_reads_at_the_next(probe, logs, name):
    await tell(probe, Counted(about="a", number=1))
    await logs[0].relay(["kit_probe"])
    async with probe.transaction("kit_probe") as transaction, probe.connection() as other:
        await transaction.execute("LOCK TABLE events.cursor IN SHARE MODE")
        reading = asyncio.create_task(logs[0].read(name, [event_name(Counted)], 1))
        while not await other.fetchval(_CANCEL):  # noqa: ASYNC110 - another connection waits
            await asyncio.sleep(0.01)
        with pytest.raises(asyncpg.QueryCanceledError):
            await reading
    assert len(await logs[0].read(name, [event_name(Counted)], 1)) == 1


async def test_a_log_that_was_restored_into_another_server_is_read_on(probe, logs, name):
    tally = Tally(probe)
    await tell(probe, Counted(about="a", number=1))
    await read_all(reader_of(tally, logs[0], name), logs[0])
    await tell(probe, Counted(about="a", number=2))
    await logs[0].relay(["kit_probe"])
    await logs[0].stop()
    # The transactions of the old server had far greater numbers.
    async with probe.connection() as connection:
        for table in ("log", "cursor"):
            await connection.execute(f"UPDATE events.{table} SET tx = (tx::text::bigint + 1000000000000)::text::xid8")
    await tell(probe, Counted(about="a", number=3))
    await read_all(reader_of(tally, logs[1], name), logs[1])
    assert await tally.taken() == [("a", 1), ("a", 2), ("a", 3)]


async def test_a_late_acknowledgement_does_not_take_the_place_back(probe, logs, name):
    await tell(probe, *(Counted(about="a", number=number) for number in range(2)))
    await logs[0].relay(["kit_probe"])
    first, second = await logs[0].read(name, ["test_events.Counted"], 2)
    await logs[0].acknowledge(name, second)
    await logs[0].acknowledge(name, first)
    assert await logs[0].read(name, ["test_events.Counted"], 2) == []


async def test_a_place_taken_while_places_are_written_is_written_next(probe, logs, name, monkeypatch):
    monkeypatch.setattr(postgres_log, "WRITE_PLACES_SECONDS", -1.0)
    log, kinds = logs[0], [event_name(Counted)]
    await tell(probe, Counted(about="a", number=1), Counted(about="a", number=2))
    await log.relay(["kit_probe"])
    first, second = await log.read(name, kinds, 2)
    await log.acknowledge(name, first)
    async with probe.transaction("kit_probe") as transaction:
        await transaction.execute("LOCK TABLE events.cursor IN SHARE MODE")
        reading = asyncio.create_task(log.read(name, kinds, 1))
        done, _ = await asyncio.wait([reading], timeout=0.3)
        await log.acknowledge(name, second)
    await reading
    await log.read(name, kinds, 1)
    async with probe.connection() as connection:
        place = await connection.fetchval("SELECT position FROM events.cursor WHERE reader = $1", name)
    assert (done, place) == (set(), second.place[1])


async def test_a_poisonous_event_is_parked_and_the_others_act(probe, logs, name, monkeypatch):
    monkeypatch.setattr(reactions, "BACKOFF_SECONDS", 0)
    tally = Tally(probe)
    tally.poison = 2
    await tell(probe, *(Counted(about="a", number=number) for number in (1, 2, 3)))
    await read_all(reader_of(tally, logs[0], name), logs[0])
    async with probe.connection() as connection:
        parked = await connection.fetch("SELECT name, error FROM events.parked WHERE reader = $1", name)
    assert await tally.taken() == [("a", 1), ("a", 3)]
    assert [tuple(row) for row in parked] == [("test_events.Counted", "ValueError('cannot be digested')")]


async def test_an_outage_of_a_neighbour_parks_nothing(probe, logs, name, monkeypatch):
    monkeypatch.setattr(reactions, "BACKOFF_SECONDS", 0)
    tally = Tally(probe)
    tally.out = True
    reader = reader_of(tally, logs[0], name)
    await tell(probe, Counted(about="a", number=1))
    with pytest.raises(Unavailable):
        await read_all(reader, logs[0])
    tally.out = False
    await read_all(reader, logs[0])
    assert await tally.taken() == [("a", 1)]


async def test_a_reader_steps_over_what_it_does_not_want(probe, logs, name):
    await tell(probe, *(Counted(about="a", number=number) for number in range(3)))
    await logs[0].relay(["kit_probe"])
    assert await logs[0].read(name, ["nobody.Tells"], 2) == []
    async with probe.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM events.cursor WHERE reader = $1", name) == 1


async def test_news_wake_a_waiting_reader_in_another_worker(probe, logs, name):
    await logs[1].read(name, [], 1)
    waiting = asyncio.create_task(logs[1].wait(300))
    await tell(probe, Counted(about="a", number=1))
    await logs[0].relay(["kit_probe"])
    await asyncio.wait_for(waiting, 250)


_LOG = """
INSERT INTO events.log (tx, id, name, key, at, body)
VALUES (coalesce($1::text::xid8, pg_current_xact_id()), $2, 'test_events.Counted', 'a', now(), ''::bytea)
"""


async def test_transaction_ids_are_read_as_numbers(probe, logs, name):
    async with probe.connection() as connection:
        await connection.execute(_LOG, "100", "evt_second")
        await connection.execute(_LOG, "99", "evt_first")
    read = await logs[0].read(name, ["test_events.Counted"], 10_000)
    assert [event.id for event in read] == ["evt_first", "evt_second"]


async def test_what_is_logged_after_an_uncommitted_event_waits_for_it(probe, logs, name):
    async with probe.transaction("kit_probe") as slow:
        await slow.execute(_LOG, None, "evt_slow")
        async with probe.connection() as connection:
            await connection.execute(_LOG, None, "evt_fast")
        assert await logs[0].read(name, ["test_events.Counted"], 10_000) == []
    read = await logs[0].read(name, ["test_events.Counted"], 10_000)
    assert [event.id for event in read] == ["evt_slow", "evt_fast"]


@pytest.fixture
async def alone(probe: PostgresDatabase) -> None:
    """Nobody else has a place in the log."""
    async with probe.connection() as connection:
        await connection.execute("DELETE FROM events.cursor")


async def test_waiting_for_readers_ends_when_none_moves(probe, probe_url, logs, name, alone):
    await logs[0].read(name, ["test_events.Counted"], 1)
    await tell(probe, Counted(about="a", number=1))
    await logs[0].relay(["kit_probe"])
    with pytest.raises(TimeoutError, match=f"waiting for {name}$"):
        await until_read(probe_url, still_seconds=0.5)


async def test_what_waits_in_an_outbox_is_waited_for(probe, probe_url, alone):
    await tell(probe, Counted(about="a", number=1))
    with pytest.raises(TimeoutError, match=r"waiting for the outbox of kit_probe$"):
        await until_read(probe_url, ["kit_probe"], still_seconds=0.5)


async def test_who_waits_for_readers_has_their_places_written_at_once(
    probe, probe_url, logs, name, alone, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postgres_log, "WRITE_PLACES_SECONDS", 1e9)

    async def read() -> None:
        while True:
            for event in await logs[0].read(name, ["test_events.Counted"], 1):
                await logs[0].acknowledge(name, event)
            await logs[0].wait(600)

    await logs[0].read(name, ["test_events.Counted"], 1)
    await tell(probe, Counted(about="a", number=1))
    await logs[0].relay(["kit_probe"])
    reading = asyncio.create_task(read())
    try:
        await until_read(probe_url, still_seconds=60)
    finally:
        reading.cancel()


@pytest.mark.slow
async def test_waiting_for_readers_lasts_as_long_as_one_moves(probe, probe_url, logs, name, alone, monkeypatch):
    """The last event is acted on long after the patience for a reader that stands still."""
    looks = [0.0]

    def clock() -> float:
        looks.append(looks[-1])
        return looks[-1]

    monkeypatch.setattr(postgres_log, "monotonic", clock)
    await logs[0].read(name, ["test_events.Counted"], 1)
    await tell(probe, *(Counted(about="a", number=number) for number in range(8)))
    await logs[0].relay(["kit_probe"])
    waiting = asyncio.create_task(until_read(probe_url, still_seconds=10))
    for _ in range(7):
        events = await logs[0].read(name, ["test_events.Counted"], 1)
        await logs[0].acknowledge(name, events[-1])
        await written(probe, logs[0], name, events[-1].place[1])
        # It is seen with the next look, and six seconds later nobody has moved since.
        for seconds in (0.0, 6.0):
            looked = len(looks)
            looks.append(looks[-1] + seconds)
            while len(looks) < looked + 4 and not waiting.done():  # noqa: ASYNC110 - a look is told to nobody
                await asyncio.sleep(0.01)
    assert (looks[-1], waiting.done()) == (42.0, False)
    events = await logs[0].read(name, ["test_events.Counted"], 1)
    await logs[0].acknowledge(name, events[-1])
    await logs[0].stop()
    await waiting


async def written(probe: PostgresDatabase, log: PostgresLog, name: str, position: int) -> None:
    """Until the place of this reader stands in the database."""
    async with probe.connection() as connection:
        while await connection.fetchval("SELECT position FROM events.cursor WHERE reader = $1", name) != position:
            await asyncio.sleep(0.01)
            await log.read(name, [event_name(Counted)], 1)


async def test_a_server_that_is_no_longer_the_primary_is_left(
    probe: PostgresDatabase, logs: list[PostgresLog], admin_url: str, name: str
):
    tally = Tally(probe)
    await tell(probe, Counted(about="a", number=1))
    async with demoted(probe, admin_url):
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await logs[0].relay(["kit_probe"])
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await logs[0].read(name, [event_name(Counted)], 10)
    await read_all(reader_of(tally, logs[0], name), logs[0])
    assert await tally.taken() == [("a", 1)]


@asynccontextmanager
async def demoted(probe: PostgresDatabase, admin_url: str) -> AsyncIterator[None]:
    """Whoever connects meanwhile can only read, as on a standby."""
    async with probe.connection() as connection:
        where = await connection.fetchval("SELECT format('%I IN DATABASE %I', current_user, current_database())")
    admin = await asyncpg.connect(admin_url)
    await admin.execute(f"ALTER ROLE {where} SET default_transaction_read_only = on")
    try:
        yield
    finally:
        await admin.execute(f"ALTER ROLE {where} RESET default_transaction_read_only")
        await admin.close()
