"""Hot SKUs: granted many at a time, exact in every mode, while modes change, and next to calm lines in one cart."""

import asyncio
import os
from collections import Counter
from datetime import UTC, datetime

import msgspec
import pytest

from haat.contracts.inventory import AnnounceDrop, OutOfStock, ReservationGone, Reserve
from haat.kit.ids import new_id
from haat.kit.message import NotFound
from haat.services.inventory.crowds import HOT_AT
from haat.services.inventory.store import Request, TooSlow
from tests.services.inventory.test_races import at_once


def crowds(depot):
    return depot.service._reserving.crowds


async def soundness(depot, *skus: str) -> list[str]:
    """What is wrong with these SKUs' levels, events and reservations."""
    async with depot.database.connection() as connection:
        rows = await connection.fetch(
            """WITH ours AS (SELECT * FROM inventory.stock WHERE sku = ANY($1))
            SELECT fault FROM inventory.drifted(ARRAY(SELECT stream FROM ours), true, 2) WHERE fault IS NOT NULL
            UNION ALL
            SELECT 'reserved is not what is held' FROM ours s LEFT JOIN (
                SELECT l.stream, sum(l.quantity) AS held FROM inventory.reservations r
                CROSS JOIN unnest(r.streams, r.quantities) AS l (stream, quantity)
                WHERE r.state IN ('held', 'filling') GROUP BY 1) h USING (stream)
            WHERE s.reserved <> coalesce(h.held, 0)""",
            list(skus),
        )
    return [row[0] for row in rows]


async def test_200_buyers_of_50_units_get_exactly_50_when_granted_together(depots):
    sku = await depots[0].sku(50)
    for depot in depots:
        crowds(depot).heat([sku])
    outcomes = await at_once(*(depots[i % 4].reserve(new_id("att"), {sku: 1}) for i in range(200)))
    assert outcomes == {"held": 50, "out_of_stock": 150}
    assert await depots[0].counts(sku) == (50, 50, 0)
    assert await soundness(depots[0], sku) == []


def warm(depots, sku: str, mode: str, wave: int) -> None:
    """Every process takes the SKU as hot, none does, or some do and others at another time."""
    for number, depot in enumerate(depots):
        crowds(depot)._hot_until.clear()
        if mode == "hot" or (mode == "switching" and (number + wave) % 3 == 0):
            crowds(depot).heat([sku])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["normal", "hot", "switching"])
async def test_10000_buyers_of_100_units_get_exactly_100(depots, mode, monkeypatch):
    # In normal mode nobody may become hot by the crowd alone.
    monkeypatch.setattr("haat.services.inventory.crowds.HOT_AT", 4 if mode != "normal" else 1_000_000)
    sku = await depots[0].sku(100)
    outcomes: Counter[str] = Counter()
    for wave in range(10):
        warm(depots, sku, mode, wave)
        outcomes += await at_once(*(depots[i % 4].reserve(new_id("att"), {sku: 1}) for i in range(1_000)))
    assert outcomes == {"held": 100, "out_of_stock": 9_900}
    assert await depots[0].counts(sku) == (100, 100, 0)
    assert await soundness(depots[0], sku) == []


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["normal", "hot", "switching"])
async def test_500_buyers_of_one_unit_are_one_buyer_each_time(depots, mode, monkeypatch):
    monkeypatch.setattr("haat.services.inventory.crowds.HOT_AT", 4 if mode != "normal" else 1_000_000)
    for wave in range(int(os.environ.get("HAAT_STOCK_ROUNDS", "20"))):
        sku = await depots[0].sku(1)
        warm(depots, sku, mode, wave)
        outcomes = await at_once(*(depots[i % 4].reserve(new_id("att"), {sku: 1}) for i in range(500)))
        assert outcomes == {"held": 1, "out_of_stock": 499}


async def test_some_processes_hot_and_some_not_still_sell_exactly_what_there_is(depots):
    sku = await depots[0].sku(300)
    outcomes: Counter[str] = Counter()
    for wave in range(8):
        for depot in depots:
            crowds(depot)._hot_until.clear()
        for depot in depots[: wave % 4]:
            crowds(depot).heat([sku])
        outcomes += await at_once(*(depots[i % 4].reserve(new_id("att"), {sku: 1 + i % 2}) for i in range(48)))
    level = await depots[0].level(sku)
    assert outcomes["held"] + outcomes["out_of_stock"] == 8 * 48
    assert level.reserved + level.available == 300
    assert level.available == 0
    assert await soundness(depots[0], sku) == []


async def test_first_come_first_served_and_who_fits_behind_is_served_too(depot):
    sku = await depot.sku(5)
    wants = [2, 4, 2, 1]
    outcomes, _ = await depot.store.grant([Request(sku, new_id("att"), want, 60) for want in wants])
    assert [outcome.state for outcome in outcomes] == ["held", None, "held", "held"]
    assert {outcome.available for outcome in outcomes} == {0}


async def test_one_transaction_tells_the_new_level_once(depot):
    sku = await depot.sku(20)
    await depot.store.grant([Request(sku, new_id("att"), 1, 60) for _ in range(10)])
    assert await depot.told("StockChanged", sku) == [
        {"sku": sku, "available": 20, "version": 1},
        {"sku": sku, "available": 10, "version": 11},
    ]


async def test_units_at_two_locations_are_granted_together(depot):
    sku = await depot.sku(3)
    await depot.receive(sku, 5, "annex")
    outcomes, _ = await depot.store.grant([Request(sku, new_id("att"), want, 60) for want in (4, 4, 1)])
    assert [outcome.state for outcome in outcomes] == ["held", "held", None]
    assert await soundness(depot, sku) == []


async def test_an_attempt_called_again_is_answered_as_it_stands(depot):
    sku, attempt = await depot.sku(5), new_id("att")
    crowds(depot).heat([sku])
    assert [await depot.reserve(attempt, {sku: 5}) for _ in range(3)] == ["held"] * 3
    assert await depot.counts(sku) == (5, 5, 0)


async def test_an_attempt_called_at_once_in_both_ways_holds_once(depots):
    skus = [await depots[0].sku(2) for _ in range(20)]
    crowds(depots[0]).heat(skus)
    crowds(depots[1]).heat(skus)
    works = [depot.reserve(f"att_{sku}", {sku: 2}) for sku in skus for depot in depots for _ in range(2)]
    assert await at_once(*works) == {"held": 160}
    assert {await depots[0].counts(sku) for sku in skus} == {(2, 2, 0)}


async def test_a_release_that_came_first_refuses_the_reserve(depot):
    sku, attempt = await depot.sku(5), new_id("att")
    crowds(depot).heat([sku])
    await depot.release(attempt)
    with pytest.raises(ReservationGone):
        await depot.reserve(attempt, {sku: 1})
    assert await depot.counts(sku) == (5, 0, 5)


async def test_a_cart_with_a_hot_line_holds_all_its_lines(depot):
    calm, hot = await depot.sku(10), await depot.sku(10)
    crowds(depot).heat([hot])
    attempt = await depot.held({calm: 2, hot: 3})
    assert await depot.commit(attempt) == "committed"
    assert (await depot.counts(calm), await depot.counts(hot)) == ((8, 0, 8), (7, 0, 7))


async def test_a_cart_whose_hot_line_fails_gives_its_other_lines_back(depot):
    calm, hot = await depot.sku(10), await depot.sku(1)
    crowds(depot).heat([hot])
    with pytest.raises(OutOfStock) as refused:
        await depot.held({calm: 2, hot: 3})
    assert refused.value.facts["sku"] == hot
    assert (await depot.counts(calm), await depot.counts(hot)) == ((10, 0, 10), (1, 0, 1))


async def test_a_cart_that_was_never_whole_can_be_filled_by_the_same_attempt(depot):
    calm, hot, attempt = await depot.sku(10), await depot.sku(10), new_id("att")
    async with depot.database.connection() as connection:
        await depot.store.reserve(connection, attempt, {calm: 2}, 60, "filling")
    assert await depot.reserve(attempt, {calm: 2, hot: 3}) == "held"
    assert await depot.commit(attempt) == "committed"
    assert (await depot.counts(calm), await depot.counts(hot)) == ((8, 0, 8), (7, 0, 7))


async def test_a_cart_that_calls_with_other_hot_lines_have_filled_together_is_held(depot):
    first, second, attempt = *sorted([await depot.sku(10), await depot.sku(10)]), new_id("att")
    # To this call the first line alone was hot: its crowd had no answer for it yet.
    async with depot.database.connection() as connection:
        await depot.store.reserve(connection, attempt, {second: 2}, 60, "filling")
    # To this one both are.
    crowds(depot).heat([first, second])
    assert await depot.reserve(attempt, {first: 3, second: 2}) == "held"
    assert await depot.commit(attempt) == "committed"
    assert (await depot.counts(first), await depot.counts(second)) == ((7, 0, 7), (8, 0, 8))
    assert await soundness(depot, first, second) == []


async def test_a_cart_that_was_released_after_its_last_line_was_held_is_gone(depot):
    first, second, attempt = *sorted([await depot.sku(10), await depot.sku(10)]), new_id("att")
    async with depot.database.connection() as connection:
        await depot.store.reserve(connection, attempt, {first: 3, second: 2}, 60, "filling")
        await depot.store.release_hold(connection, attempt)
        assert (await depot.store.whole(connection, attempt)).state == "released"
    assert (await depot.counts(first), await depot.counts(second)) == ((10, 0, 10), (10, 0, 10))


async def test_a_cart_that_was_never_whole_is_never_sold(depot):
    calm, attempt = await depot.sku(10), new_id("att")
    async with depot.database.connection() as connection:
        await depot.store.reserve(connection, attempt, {calm: 2}, 60, "filling")
    with pytest.raises(ReservationGone):
        await depot.commit(attempt)
    await depot.expire(attempt)
    with pytest.raises(ReservationGone):
        await depot.commit(attempt)
    assert await depot.counts(calm) == (10, 0, 10)


async def test_carts_with_opposite_skus_in_every_mode_do_not_deadlock(depots):
    skus = sorted([await depots[0].sku(1000) for _ in range(4)])
    crowds(depots[0]).heat(skus[:1])
    crowds(depots[1]).heat(skus[3:])
    crowds(depots[2]).heat(skus[1:3])
    carts = [{skus[i % 4]: 1, skus[(i + 1 + i // 4 % 3) % 4]: 2} for i in range(200)]
    assert await at_once(*(depots[i % 4].reserve(new_id("att"), cart) for i, cart in enumerate(carts))) == {"held": 200}
    assert await soundness(depots[0], *skus) == []


async def test_a_crowd_heats_a_sku_and_its_end_cools_it(depot):
    sku = await depot.sku(100)
    await at_once(*(depot.reserve(new_id("att"), {sku: 1}) for _ in range(HOT_AT + 4)))
    assert crowds(depot).hot([sku]) == [sku]
    crowds(depot)._hot_until[sku] -= 60
    assert crowds(depot).hot([sku]) == []
    assert await depot.reserve(new_id("att"), {sku: 1}) == "held"


async def test_two_at_a_time_are_no_crowd(depot):
    sku = await depot.sku(100)
    await at_once(*(depot.reserve(new_id("att"), {sku: 1}) for _ in range(2)))
    assert crowds(depot).hot([sku]) == []


async def test_an_announced_drop_is_met_by_whoever_reserves_and_can_be_called_off(depot, depots):
    sku = await depot.sku(100)
    await depot.service.announce(AnnounceDrop(sku=sku, until=datetime(2100, 1, 1, tzinfo=UTC)))
    await depots[0].held({sku: 1})
    assert crowds(depots[0]).hot([sku]) == [sku]
    await depot.service.announce(AnnounceDrop(sku=sku, until=None))
    await depots[1].held({sku: 1})
    assert crowds(depots[1]).hot([sku]) == []


async def test_no_drop_is_announced_for_a_sku_never_heard_of(depot):
    with pytest.raises(NotFound):
        await depot.service.announce(AnnounceDrop(sku="no-such-sku", until=None))


async def test_one_attempt_written_elsewhere_does_not_spoil_the_others(depot):
    sku, poisoned = await depot.sku(10), new_id("att")
    await depot.release(await spent(depot, sku, poisoned))
    crowds(depot).heat([sku])
    outcomes = await asyncio.gather(
        *(depot.reserve(attempt, {sku: 1}) for attempt in (new_id("att"), poisoned, new_id("att"))),
        return_exceptions=True,
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["str", "Unavailable", "str"]
    assert await soundness(depot, sku) == []


async def spent(depot, sku: str, attempt: str) -> str:
    """An attempt whose reservation was pruned, but whose events stand."""
    await depot.reserve(attempt, {sku: 1})
    await depot.release(attempt)
    async with depot.database.connection() as connection:
        await connection.execute("DELETE FROM inventory.reservations WHERE attempt_id = $1", attempt)
    return new_id("att")


async def test_a_grant_of_a_spent_attempt_writes_nothing(depot):
    sku, attempt = await depot.sku(10), new_id("att")
    await spent(depot, sku, attempt)
    with pytest.raises(TooSlow):
        await depot.store.grant([Request(sku, new_id("att"), 1, 60), Request(sku, attempt, 1, 60)])
    assert await depot.counts(sku) == (10, 0, 10)


async def test_a_waiting_buyer_who_leaves_does_not_stop_the_others(depot):
    sku = await depot.sku(10)
    crowds(depot).heat([sku])
    ask = {"attempt_id": new_id("att"), "lines": [{"sku": sku, "quantity": 1}]}
    leaving = asyncio.create_task(depot.service.reserve(msgspec.convert(ask, Reserve)))
    staying = asyncio.create_task(depot.reserve(new_id("att"), {sku: 1}))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == "held"
