"""Many buyers at once, from several pools as several workers would: nothing is sold twice, nothing is lost."""

import asyncio
import os
import random
import time
from collections import Counter

import pytest

from haat.contracts.inventory import ExtendHold, OutOfStock, ReservationGone
from haat.kit.ids import new_id
from tests.services.shopfloor import waited_for


async def outcome(work) -> str:
    """What became of one buyer."""
    try:
        return str(await work)
    except (OutOfStock, ReservationGone) as refused:
        return refused.code


async def at_once(*works) -> Counter[str]:
    return Counter(await asyncio.gather(*(outcome(work) for work in works)))


async def test_200_buyers_of_50_units_get_exactly_50(depots):
    sku = await depots[0].sku(50)
    outcomes = await at_once(*(depots[i % 4].reserve(new_id("att"), {sku: 1}) for i in range(200)))
    assert outcomes == {"held": 50, "out_of_stock": 150}
    assert await depots[0].counts(sku) == (50, 50, 0)


async def test_the_last_unit_is_held_once_where_nobody_takes_its_buyers_for_a_crowd(depots):
    """One buyer in each process: the ordinary reserve decides, not the grant to many at once."""
    skus = [await depots[0].sku(1) for _ in range(40)]
    works = [depot.reserve(new_id("att"), {sku: 1}) for sku in skus for depot in depots]
    assert await at_once(*works) == {"held": 40, "out_of_stock": 120}
    assert {await depots[0].counts(sku) for sku in skus} == {(1, 1, 0)}


async def test_buyers_of_several_units_never_get_more_than_there_are(depots):
    sku = await depots[0].sku(50)
    outcomes = await at_once(*(depots[i % 4].reserve(new_id("att"), {sku: 3}) for i in range(100)))
    assert outcomes == {"held": 16, "out_of_stock": 84}
    assert await depots[0].counts(sku) == (50, 48, 2)


async def test_buyers_of_two_locations_get_exactly_what_both_hold(depots):
    sku = await depots[0].sku(20)
    await depots[0].receive(sku, 30, "annex")
    outcomes = await at_once(*(depots[i % 4].reserve(new_id("att"), {sku: 1}) for i in range(100)))
    assert outcomes == {"held": 50, "out_of_stock": 50}


async def test_orders_that_name_the_same_skus_in_opposite_order_do_not_deadlock(depots):
    skus = [await depots[0].sku(1000) for _ in range(6)]
    chance = random.Random(4)
    orders = [dict.fromkeys(chance.sample(skus, 4), 1) for _ in range(200)]
    outcomes = await at_once(*(depots[i % 4].reserve(new_id("att"), units) for i, units in enumerate(orders)))
    assert outcomes == {"held": 200}


async def test_the_same_attempt_for_the_last_units_from_many_workers_holds_once(depots):
    skus = [await depots[0].sku(10) for _ in range(40)]
    works = [depot.reserve(f"att_{sku}", {sku: 10}) for sku in skus for depot in depots]
    assert await at_once(*works) == {"held": 160}
    assert {await depots[0].counts(sku) for sku in skus} == {(10, 10, 0)}


async def test_the_same_attempt_from_many_workers_holds_once_though_there_is_plenty(depots):
    skus = [await depots[0].sku(100) for _ in range(40)]
    works = [depot.reserve(f"att_{sku}", {sku: 10}) for sku in skus for depot in depots]
    assert await at_once(*works) == {"held": 160}
    assert {await depots[0].counts(sku) for sku in skus} == {(100, 10, 90)}


async def test_a_release_racing_its_own_reserve_leaves_nothing_held(depots):
    sku = await depots[0].sku(10)
    attempts = [new_id("att") for _ in range(40)]
    reserves = [outcome(depots[i % 2].reserve(attempt, {sku: 1})) for i, attempt in enumerate(attempts)]
    releases = [depots[2 + i % 2].release(attempt) for i, attempt in enumerate(attempts)]
    await asyncio.gather(*reserves, *releases)
    assert await depots[0].counts(sku) == (10, 0, 10)


async def test_a_commit_racing_expiry_sells_or_gives_back_never_both(depots):
    sku = await depots[0].sku(60)
    attempts = [await depots[0].held({sku: 1}) for _ in range(60)]
    await depots[0].let_time_pass(*attempts)
    sweeps = [depots[i % 2].service.expire_holds() for i in range(8)]
    outcomes, *_ = await asyncio.gather(
        at_once(*(depots[2 + i % 2].commit(a) for i, a in enumerate(attempts))), *sweeps
    )
    assert outcomes == {"committed": 60}
    assert await depots[0].counts(sku) == (0, 0, 0)


async def test_units_that_expired_and_were_sold_again_are_not_committed_to_the_first(depots):
    sku = await depots[0].sku(30)
    late = [await depots[0].held({sku: 1}) for _ in range(30)]
    await depots[0].let_time_pass(*late)
    commits = [depots[i % 2].commit(attempt) for i, attempt in enumerate(late)]
    others = [depots[2].reserve(new_id("att"), {sku: 1}) for _ in range(30)]
    committed, held, _ = await asyncio.gather(at_once(*commits), at_once(*others), depots[3].service.expire_holds())
    assert committed["committed"] + held["held"] <= 30
    level = await depots[0].level(sku)
    assert (level.on_hand, level.reserved) == (30 - committed["committed"], held["held"])


async def test_two_sweeps_give_a_hold_back_once(depots):
    sku = await depots[0].sku(50)
    attempts = [await depots[0].held({sku: 1}) for _ in range(50)]
    await depots[0].let_time_pass(*attempts)
    await asyncio.gather(*(depot.service.expire_holds() for depot in depots * 2))
    assert await depots[0].counts(sku) == (50, 0, 50)


async def test_many_commits_of_one_attempt_sell_once(depots):
    sku = await depots[0].sku(10)
    attempt = await depots[0].held({sku: 4})
    assert await at_once(*(depots[i % 4].commit(attempt) for i in range(20))) == {"committed": 20}
    assert await depots[0].counts(sku) == (6, 0, 6)


async def test_the_same_delivery_from_many_workers_is_received_once(depots):
    sku, cause = new_id("sku"), new_id("rcv")
    await asyncio.gather(*(depots[i % 4].receive(sku, 10, cause_id=cause) for i in range(20)))
    assert await depots[0].counts(sku) == (10, 0, 10)


async def test_under_a_crowd_versions_have_no_gap_and_time_runs_with_them(depots):
    sku = await depots[0].sku(100)
    await at_once(*(depots[i % 4].reserve(new_id("att"), {sku: 1}) for i in range(60)))
    async with depots[0].database.connection() as connection:
        rows = await connection.fetch(
            "SELECT e.version, e.at FROM inventory.events e JOIN inventory.stock USING (stream) WHERE sku = $1"
            " ORDER BY e.at, e.version",
            sku,
        )
    assert [row["version"] for row in rows] == list(range(1, 62))


async def deadlocks(depot) -> int:
    async with depot.database.connection() as connection:
        return await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


@pytest.mark.slow
async def test_5000_abandoned_holds_end_once_whatever_expiry_and_commit_do(depots):
    count = int(os.environ.get("HAAT_STOCK_RACES", "5000"))
    skus = sorted([await depots[0].sku(count) for _ in range(3)])
    chance = random.Random(2)
    ended: Counter[str] = Counter()
    for _ in range(count // 250):
        attempts = [await depots[0].held({chance.choice(skus): 1}) for _ in range(250)]
        await depots[0].let_time_pass(*attempts)
        works = [depots[i % 3].commit(attempt) for i, attempt in enumerate(attempts) if chance.random() < 0.7]
        sweeps = [depots[3].service.expire_holds() for _ in range(6)]
        outcomes, *_ = await asyncio.gather(at_once(*works), *sweeps)
        ended += outcomes
        await depots[3].service.expire_holds()
    async with depots[0].database.connection() as connection:
        states = await connection.fetch(
            "SELECT r.state, count(*) AS attempts, sum(l.quantity)::bigint AS units FROM inventory.reservations r"
            " CROSS JOIN unnest(r.streams, r.quantities) AS l (stream, quantity) JOIN inventory.stock s USING (stream)"
            " WHERE s.sku = ANY($1) GROUP BY 1",
            skus,
        )
    by_state = {row["state"]: row["units"] for row in states}
    levels = [await depots[0].level(sku) for sku in skus]
    assert set(by_state) == {"committed", "expired"}
    assert by_state["committed"] == ended["committed"]
    assert sum(level.available for level in levels) == 3 * count - by_state["committed"]
    assert sum(level.reserved for level in levels) == 0


@pytest.mark.slow
async def test_64_clients_with_opposite_carts_meet_no_deadlock(depots):
    seconds = float(os.environ.get("HAAT_STOCK_SECONDS", "10"))
    skus = [await depots[0].sku(1_000_000) for _ in range(8)]
    before, outcomes, until = await deadlocks(depots[0]), Counter(), time.monotonic() + seconds

    async def client(number: int) -> None:
        chance = random.Random(number)
        while time.monotonic() < until:
            depot, attempt = depots[number % 4], new_id("att")
            outcomes[await outcome(depot.reserve(attempt, dict.fromkeys(chance.sample(skus, 4), 1)))] += 1
            end = depot.commit(attempt) if chance.random() < 0.5 else depot.release(attempt)
            await end

    await asyncio.gather(*(client(number) for number in range(64)))
    assert set(outcomes) == {"held"}
    assert (await deadlocks(depots[0]) - before) / outcomes["held"] < 0.001


async def test_locations_that_begin_at_once_are_sold_as_one_stock(depots):
    skus = [new_id("sku") for _ in range(12)]
    places = ("main", "annex", "attic", "cellar")
    await asyncio.gather(*(depots[i].receive(sku, 5, place) for sku in skus for i, place in enumerate(places)))
    outcomes = await at_once(*(depots[i % 4].reserve(new_id("att"), {skus[i % 12]: 4}) for i in range(60)))
    assert outcomes == {"held": 60}
    assert {tuple(await depots[0].stock(sku)) for sku in skus} == {(20, 20)}


async def test_a_location_that_begins_while_another_does_waits_for_it(depots):
    sku = new_id("sku")
    async with depots[0].database.transaction("inventory") as first:
        await depots[0].store.book(first.connection, "received", (new_id("rcv"), "x"), "main", {sku: 5}, {})
        second = asyncio.create_task(depots[1].receive(sku, 5, "annex"))
        await asyncio.sleep(0.2)
    await second
    await depots[2].held({sku: 4})
    assert await depots[3].stock(sku) == (10, 4)


async def test_a_hold_that_is_released_while_somebody_extends_it_is_not_called_held(depots):
    sku = await depots[0].sku(5)
    attempt = await depots[0].held({sku: 4})
    async with depots[0].database.transaction("inventory") as first:
        await depots[0].store.release_hold(first.connection, attempt)
        extending = asyncio.create_task(depots[1].service.extend(ExtendHold(attempt_id=attempt, hold_seconds=60)))
        assert await waited_for(first, extending)
    with pytest.raises(ReservationGone):
        await extending
    assert await depots[2].stock(sku) == (5, 0)
