"""An event that was parked acts once when the fault is mended, and what is too old goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from haat.background import replay_asked
from haat.engines.database.pool import PostgresDatabase
from haat.engines.database.pruning import prune
from haat.engines.events.parked import PostgresParked
from haat.engines.events.postgres_log import PostgresLog
from haat.kit.ids import new_id
from haat.kit.message import event_name
from haat.kit.reactions import Kept, LoggedEvent, Reader
from tests.kit.test_events import Counted, Tally, reader_of


@pytest.fixture
async def log(probe: PostgresDatabase, probe_url: str) -> AsyncIterator[PostgresLog]:
    async with probe.connection() as connection:
        await connection.execute("DELETE FROM events.log WHERE name LIKE 'test_events.%'")
        await connection.execute("DELETE FROM events.parked")
    made = PostgresLog(probe_url)
    yield made
    await made.stop()


@pytest.fixture
def name() -> str:
    return new_id("reader")


@pytest.fixture
async def stuck(probe: PostgresDatabase, log: PostgresLog, name: str) -> tuple[Tally, Reader, PostgresParked, str]:
    """A reader that could not act on one event, which is parked."""
    tally = Tally(probe)
    event = Counted(about="a", number=7)
    await log.park(name, LoggedEvent(None, event.id, event_name(Counted), msgspec.json.encode(event)), "was broken")
    return tally, reader_of(tally, log, name), PostgresParked(probe), event.id


async def test_what_nobody_asks_for_stays_parked(stuck: Any, name: str):
    tally, reader, parked, event_id = stuck
    await replay_asked(parked, {name: reader})
    (left,) = await parked.parked(10)
    assert (left.event_id, left.error, left.asked_by, await tally.taken()) == (event_id, "was broken", None, [])


async def test_an_event_asked_for_again_acts_once_and_is_gone(stuck: Any, name: str):
    tally, reader, parked, event_id = stuck
    assert await parked.ask_again("usr_staff", name, event_id) == 1
    await asyncio.gather(*(replay_asked(parked, {name: reader}) for _ in range(5)))
    assert (await tally.taken(), await parked.parked(10)) == ([("a", 7)], [])


async def test_an_event_that_had_acted_after_all_does_not_act_again(stuck: Any, name: str, log: PostgresLog):
    tally, reader, parked, event_id = stuck
    event = (await parked.parked(1))[0]
    await reader.replay(LoggedEvent(None, event_id, event.name, event.body))
    await parked.ask_again("usr_staff")
    await replay_asked(parked, {name: reader})
    assert (await tally.taken(), await parked.parked(10)) == ([("a", 7)], [])


async def test_what_fails_again_stays_with_its_new_error(stuck: Any, name: str):
    tally, reader, parked, event_id = stuck
    tally.poison = 7
    await parked.ask_again("usr_staff", event_id=event_id)
    await replay_asked(parked, {name: reader})
    (left,) = await parked.parked(10)
    assert (left.error, left.asked_by, await tally.taken()) == ("ValueError('cannot be digested')", None, [])


async def test_during_an_outage_it_waits_for_its_next_turn(stuck: Any, name: str, probe: PostgresDatabase):
    tally, reader, parked, _ = stuck
    tally.out = True
    await parked.ask_again("usr_staff")
    await replay_asked(parked, {name: reader})
    (left,) = await parked.parked(10)
    tally.out = False
    async with probe.connection() as connection:
        await connection.execute("UPDATE events.parked SET try_at = now()")
    await replay_asked(parked, {name: reader})
    assert (left.asked_by, left.error, await tally.taken()) == ("usr_staff", "was broken", [("a", 7)])


async def test_only_the_reader_that_could_not_act_gets_it(stuck: Any, name: str):
    tally, reader, parked, _ = stuck
    assert await parked.ask_again("usr_staff", "somebody_else") == 0
    await parked.ask_again("usr_staff")
    await replay_asked(parked, {"somebody_else": reader})
    assert (len(await parked.parked(10)), await tally.taken()) == (1, [])


async def test_an_event_that_nobody_reacts_to_any_more_says_so(stuck: Any, name: str, log: PostgresLog):
    _, _, parked, _ = stuck
    await parked.ask_again("usr_staff")
    await replay_asked(parked, {name: Reader(name, None, {}, log)})
    (left,) = await parked.parked(10)
    assert left.error == f"{name} does not react to test_events.Counted any more"


async def aged(probe: PostgresDatabase, table: str, columns: str, rows: str, days: str) -> None:
    """Rows of each age in days."""
    async with probe.connection() as connection:
        await connection.execute(
            f"INSERT INTO kit_probe.{table} ({columns}, at) SELECT {rows}, now() - make_interval(days => d)"
            f" FROM unnest(ARRAY[{days}]) WITH ORDINALITY AS a (d, n)"
        )


async def left(probe: PostgresDatabase, table: str) -> int:
    async with probe.connection() as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM kit_probe.{table}"))


async def test_an_idempotency_record_lives_seven_days(probe: PostgresDatabase, log: PostgresLog):
    await aged(probe, "idempotency", "account, key, fingerprint, reply", "'a', n::text, 'f', ''::bytea", "0, 6, 8, 30")
    assert (await prune(probe, "kit_probe"))["idempotency"] == 2
    assert await left(probe, "idempotency") == 2


async def test_what_was_acted_on_is_known_as_long_as_the_log_has_it(probe: PostgresDatabase, log: PostgresLog):
    await aged(probe, "inbox", "event_id", "'evt_' || n", "0, 9, 12, 20, 40")
    async with probe.connection() as connection:
        # A reader was away for a fortnight: what it has still to read is still there.
        await connection.execute("DELETE FROM events.log")
        await connection.execute(_LOGGED, "15 days")
        first = (await prune(probe, "kit_probe"))["inbox"]
        await connection.execute("DELETE FROM events.log")
    assert (first, (await prune(probe, "kit_probe"))["inbox"]) == (2, 1)


async def test_many_rows_go_in_small_batches_beside_others_who_prune(probe: PostgresDatabase, log: PostgresLog):
    await aged(probe, "inbox", "event_id", "'evt_' || n", ", ".join(["50"] * 250 + ["1"]))
    dropped = await asyncio.gather(*(prune(probe, "kit_probe", batch=20) for _ in range(3)))
    assert (sum(each["inbox"] for each in dropped), await left(probe, "inbox")) == (250, 1)


async def test_a_service_names_its_own_tables(probe: PostgresDatabase, log: PostgresLog):
    columns, rows = "id, name, key, body", "n::text, CASE WHEN d > 90 THEN 'keep' ELSE 'drop' END, 'k', ''::bytea"
    await aged(probe, "outbox", columns, rows, "1, 60, 100")
    kept = [Kept("outbox", "at", 30, "name = 'drop'")]
    assert (await prune(probe, "kit_probe", kept))["outbox"] == 1


_LOGGED = """
INSERT INTO events.log (id, name, key, at, body)
VALUES ('evt', 'test_events.Counted', 'a', now() - $1::text::interval, '')
"""


async def test_the_log_drops_what_all_have_read_and_keeps_what_one_has_not(
    probe: PostgresDatabase, log: PostgresLog, name: str
):
    async with probe.connection() as connection:
        await connection.execute("DELETE FROM events.log")
        await connection.execute("DELETE FROM events.cursor")
        for age in ("20 days", "12 days", "10 days", "1 day"):
            await connection.execute(_LOGGED, age)
    lagging, quick = f"{name}_lagging", f"{name}_quick"
    (_, second, *_) = await log.read(lagging, ["test_events.Counted"], 10)
    last = (await log.read(quick, ["test_events.Counted"], 10))[-1]
    await log.acknowledge(lagging, second)
    await log.acknowledge(quick, last)
    await log._write_places()
    counts = [await log.forget_old()]
    await log.acknowledge(lagging, last)
    await log._write_places()
    counts += [await log.forget_old(), await log.forget_old()]
    assert counts == [2, 1, 0]
