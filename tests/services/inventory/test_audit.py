"""Levels are held against their events, events against their chain; what was damaged is noticed, and rebuilt."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from haat.contracts.inventory import HistoryOf, StockChanged
from haat.kit.ids import new_id
from haat.services.inventory.model import SHAPE, UnknownShape
from haat.services.inventory.store import Request

STREAM = "(SELECT stream FROM inventory.stock WHERE sku = $1)"
DAMAGE = {
    "the level is not the fold of its events": f"UPDATE inventory.stock SET on_hand = on_hand + 1,"
    f" available = available + 1 WHERE stream = {STREAM}",
    "the newest event is not the one that the level knows": f"UPDATE inventory.stock SET head = '\\x00'"
    f" WHERE stream = {STREAM}",
    "a version is missing": f"DELETE FROM inventory.events WHERE version = 2 AND stream = {STREAM}",
    "the chain of hashes is broken": f"UPDATE inventory.events SET at = at + interval '1 second'"
    f" WHERE version = 2 AND stream = {STREAM}",
    "an event has a shape or a type that is not known here": f"UPDATE inventory.events SET schema_v = 9"
    f" WHERE version = 2 AND stream = {STREAM}",
}


@pytest.fixture
async def admin(admin_url):
    """The database's owner, who can do what no service can."""
    connection = await asyncpg.connect(admin_url)
    yield connection
    await connection.close()


@pytest.fixture
async def sku(depot, admin):
    """A SKU of four events, taken out of the auditor's way afterwards."""
    sku = await depot.sku(10)
    await depot.commit(await depot.held({sku: 2}))
    await depot.held({sku: 3})
    yield sku
    await admin.execute("DELETE FROM inventory.stock WHERE sku = $1", sku)


async def drifted(admin, sku) -> list[str]:
    rows = await admin.fetch(f"SELECT fault FROM inventory.drifted(ARRAY{STREAM}, true, $2)", sku, SHAPE)
    return [row["fault"] for row in rows if row["fault"] is not None]


async def audited(depot) -> list[tuple[str, str]]:
    """What the auditor finds on its way once around."""
    found = []
    for _ in range(40):
        found += [(drift.sku, drift.fault) for drift in await depot.service.audit()]
    return found


async def rebuilt(admin, sku) -> int:
    return await admin.fetchval(f"SELECT inventory.rebuild(ARRAY{STREAM}, $2)", sku, SHAPE)


async def test_sound_levels_raise_no_alarm(depot, admin, sku):
    assert await drifted(admin, sku) == []
    assert [found for found in await audited(depot) if found[0] == sku] == []


@pytest.mark.parametrize("fault", DAMAGE)
async def test_the_auditor_notices(depot, admin, sku, fault):
    await admin.execute(DAMAGE[fault], sku)
    assert (sku, fault) in await audited(depot)
    assert await admin.fetchval(f"SELECT fault FROM inventory.drifts WHERE stream = {STREAM}", sku) == fault


async def test_a_level_that_was_damaged_is_rebuilt_out_of_its_events(depot, admin, sku):
    sound = await depot.level(sku)
    await admin.execute(
        f"UPDATE inventory.stock SET on_hand = 90, reserved = 0, available = 90, version = 3, head = ''"
        f" WHERE stream = {STREAM}",
        sku,
    )
    assert await rebuilt(admin, sku) == 1
    assert await depot.level(sku) == sound
    assert await rebuilt(admin, sku) == 0
    assert await drifted(admin, sku) == []


async def test_what_was_rebuilt_is_told_once_summed_over_its_locations(depot, admin, sku):
    await depot.receive(sku, 4, "annex")
    told = (
        "SELECT convert_from(body, 'UTF8')::jsonb FROM inventory.outbox WHERE key = $1 AND name LIKE '%.StockChanged'"
    )
    await admin.execute("DELETE FROM inventory.outbox WHERE key = $1", sku)
    await admin.execute("UPDATE inventory.stock SET on_hand = 90, available = 90, reserved = 0 WHERE sku = $1", sku)
    changed = [await rebuilt(admin, sku), await rebuilt(admin, sku)]
    events = [msgspec.json.decode(row[0], type=StockChanged) for row in await admin.fetch(told, sku)]
    assert (changed, [(event.sku, event.available, event.version) for event in events]) == ([2, 0], [(sku, 9, 5)])


async def test_a_level_that_has_drifted_keeps_no_other_hold_from_ending(depot, admin, sku):
    other = await depot.sku(5)
    stuck, ending = await depot.held({sku: 1}), await depot.held({other: 2})
    await admin.execute("UPDATE inventory.stock SET reserved = 0, available = on_hand WHERE sku = $1", sku)
    with capture_logs() as logs:
        await depot.expire(stuck, ending)
    assert [line["attempt_id"] for line in logs if line["log_level"] == "error"] == [stuck]
    assert (await depot.counts(sku), await depot.counts(other)) == ((8, 0, 8), (5, 0, 5))
    await rebuilt(admin, sku)
    assert await depot.counts(sku) == (8, 4, 4)
    await depot.service.expire_holds()
    assert (await depot.counts(sku), await drifted(admin, sku)) == ((8, 3, 5), [])


async def test_nothing_is_rebuilt_out_of_a_broken_chain(depot, admin, sku):
    await admin.execute(DAMAGE["the chain of hashes is broken"], sku)
    with pytest.raises(asyncpg.RaiseError, match="the chain of hashes is broken"):
        await rebuilt(admin, sku)


async def test_a_rebuilt_sku_sells_on(depot, admin, sku):
    await rebuilt(admin, sku)
    await depot.held({sku: 5})
    assert await depot.counts(sku) == (8, 8, 0)
    assert await drifted(admin, sku) == []


async def test_a_long_history_gets_a_snapshot_and_folds_from_there(depot, admin):
    sku = await depot.sku(1000)
    for _ in range(5):
        await depot.store.grant([Request(sku, new_id("att"), 1, 600) for _ in range(120)])
    await audited(depot)
    snapshots = await admin.fetch(
        f"SELECT version, on_hand, reserved FROM inventory.snapshots WHERE stream = {STREAM}", sku
    )
    assert [tuple(row) for row in snapshots] == [(601, 1000, 600)]
    await depot.held({sku: 7})
    now = (await depot.service.history(HistoryOf(sku=sku, limit=1))).data[0].at
    for when, reserved in ((now, 607), (now - timedelta(microseconds=1), 600)):
        level = (await depot.service.history(HistoryOf(sku=sku, as_of=when, limit=1))).level
        assert (level.reserved, level.version) == (reserved, 601 + (reserved == 607))
    assert await drifted(admin, sku) == []
    since = await admin.fetchval(f"SELECT since FROM inventory.fold(ARRAY{STREAM}, false, $2)", sku, SHAPE)
    assert since == 601


async def test_a_moment_before_the_snapshot_is_folded_from_the_beginning(depot, admin):
    sku = await depot.sku(1000)
    first = (await depot.service.history(HistoryOf(sku=sku, limit=1))).data[0].at
    for _ in range(5):
        await depot.store.grant([Request(sku, new_id("att"), 1, 600) for _ in range(120)])
    await audited(depot)
    level = (await depot.service.history(HistoryOf(sku=sku, as_of=first, limit=1))).level
    assert (level.on_hand, level.reserved, level.version) == (1000, 0, 1)


async def test_events_of_newer_code_stop_the_reader(depot, admin, sku):
    await admin.execute(DAMAGE["an event has a shape or a type that is not known here"], sku)
    with pytest.raises(UnknownShape):
        await depot.service.history(HistoryOf(sku=sku))


async def test_the_first_shape_of_an_event_is_read_like_todays(depot, admin, sku):
    await admin.execute(
        f'UPDATE inventory.events SET schema_v = 1, data = \'{{"actor": "u", "reason": "found: shelf 4"}}\''
        f" WHERE version = 1 AND stream = {STREAM}",
        sku,
    )
    (first,) = (await depot.service.history(HistoryOf(sku=sku))).data[-1:]
    assert first.data == {"actor": "u", "reason": "found", "note": "shelf 4"}


@pytest.mark.parametrize("change", ["UPDATE inventory.events SET quantity = 1", "DELETE FROM inventory.events"])
async def test_no_service_can_change_what_has_happened(depot, change):
    async with depot.database.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(change)


async def test_levels_may_be_audited_while_they_are_sold(depots):
    sku = await depots[0].sku(400)
    sales = [depots[i % 3].held({sku: 1}) for i in range(200)]
    looks = [depots[3].service.audit() for _ in range(20)]
    results = await asyncio.gather(*sales, *looks)
    assert [found for found in results[200:] if found] == []
