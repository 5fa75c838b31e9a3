"""The inventory's promises, one by one, on real PostgreSQL."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from haat.contracts.inventory import (
    Adjust,
    AlertsOf,
    AlreadyCommitted,
    Damage,
    ExtendHold,
    HistoryOf,
    OutOfStock,
    Receive,
    ReservationGone,
    Reserve,
    SetLowMark,
    SetPriority,
    SkuRef,
    StockChanged,
    StockOf,
    StockRanLow,
    Transfer,
)
from haat.engines.database.pruning import prune
from haat.kit.idempotency import Idempotency
from haat.kit.ids import is_id, new_id
from haat.kit.message import Invalid, NotFound
from haat.services.inventory.reactions import KEPT

KINDS = {"inventory.StockChanged": StockChanged, "inventory.StockRanLow": StockRanLow}


def adjust(sku, quantity, **more):
    return Adjust(sku=sku, quantity=quantity, reason="counted", actor="usr_staff", **more)


async def test_reserved_units_stay_on_hand_and_cannot_be_sold_again(depot):
    sku = await depot.sku(10)
    await depot.held({sku: 4})
    assert await depot.counts(sku) == (10, 4, 6)


async def test_an_order_too_large_is_told_what_is_short(depot):
    plenty, scarce = await depot.sku(10), await depot.sku(2)
    with pytest.raises(OutOfStock) as refused:
        await depot.held({plenty: 1, scarce: 3})
    short = {"sku": scarce, "requested": 3, "available": 2}
    assert refused.value.facts == {"lines": [short], **short}


async def test_a_refused_order_holds_none_of_its_lines(depot):
    plenty, scarce = await depot.sku(10), await depot.sku(2)
    with pytest.raises(OutOfStock):
        await depot.held({plenty: 1, scarce: 3})
    assert await depot.counts(plenty) == (10, 0, 10)


async def test_a_sku_never_heard_of_is_out_of_stock(depot):
    with pytest.raises(OutOfStock) as refused:
        await depot.held({"no-such-sku": 1})
    assert refused.value.facts["available"] == 0


async def test_lines_of_one_sku_count_together(depot):
    sku = await depot.sku(3)
    lines = [{"sku": sku, "quantity": 2}, {"sku": sku, "quantity": 2}]
    with pytest.raises(OutOfStock):
        await depot.service.reserve(msgspec.convert({"attempt_id": new_id("att"), "lines": lines}, Reserve))


async def test_an_order_without_lines_is_invalid(depot):
    with pytest.raises(Invalid):
        await depot.held({})


async def test_a_repeated_reserve_answers_the_same_reservation(depot):
    sku = await depot.sku(10)
    ask = msgspec.convert({"attempt_id": new_id("att"), "lines": [{"sku": sku, "quantity": 10}]}, Reserve)
    first = await depot.service.reserve(ask)
    assert await depot.service.reserve(ask) == first
    assert await depot.counts(sku) == (10, 10, 0)


async def test_committed_units_leave(depot):
    sku = await depot.sku(10)
    await depot.commit(await depot.held({sku: 4}))
    assert await depot.counts(sku) == (6, 0, 6)


async def test_a_second_commit_changes_nothing(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    assert [await depot.commit(attempt), await depot.commit(attempt)] == ["committed", "committed"]
    assert await depot.counts(sku) == (6, 0, 6)


async def test_a_commit_of_an_unknown_attempt_is_refused(depot):
    with pytest.raises(ReservationGone):
        await depot.commit(new_id("att"))


async def test_released_units_can_be_sold_again(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    await depot.release(attempt)
    await depot.release(attempt)
    assert await depot.counts(sku) == (10, 0, 10)


async def test_a_reserve_that_its_release_has_overtaken_is_refused(depot):
    sku, attempt = await depot.sku(10), new_id("att")
    await depot.release(attempt)
    with pytest.raises(ReservationGone):
        await depot.reserve(attempt, {sku: 1})
    assert await depot.counts(sku) == (10, 0, 10)


async def test_a_commit_after_the_release_is_refused(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    await depot.release(attempt)
    with pytest.raises(ReservationGone):
        await depot.commit(attempt)
    assert await depot.counts(sku) == (10, 0, 10)


async def test_sold_units_are_not_released(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    await depot.commit(attempt)
    with pytest.raises(AlreadyCommitted):
        await depot.release(attempt)
    assert await depot.counts(sku) == (6, 0, 6)


async def test_overdue_holds_come_back(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    await depot.expire(attempt)
    assert await depot.counts(sku) == (10, 0, 10)
    assert await depot.events(sku) == [(1, "received", 10), (2, "reserved", 4), (3, "expired", 4)]


async def test_holds_that_are_not_overdue_stay(depot):
    sku = await depot.sku(10)
    await depot.held({sku: 4})
    await depot.service.expire_holds()
    assert await depot.counts(sku) == (10, 4, 6)


async def test_an_expired_hold_is_committed_if_its_units_are_still_there(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    await depot.expire(attempt)
    assert await depot.commit(attempt) == "committed"
    assert await depot.counts(sku) == (6, 0, 6)


async def test_an_expired_hold_whose_units_are_sold_is_gone(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    await depot.expire(attempt)
    await depot.held({sku: 7})
    with pytest.raises(ReservationGone) as gone:
        await depot.commit(attempt)
    assert gone.value.facts == {"state": "expired"}
    assert await depot.counts(sku) == (10, 7, 3)


async def test_an_expired_hold_takes_its_units_from_where_they_lie_now(depot):
    sku = await depot.sku(4)
    attempt = await depot.held({sku: 4})
    await depot.expire(attempt)
    await depot.held({sku: 2})
    await depot.receive(sku, 3, location="north")
    assert await depot.commit(attempt) == "committed"
    assert await depot.commit(attempt) == "committed"
    assert await depot.spread(sku) == {"main": (2, 2, 0), "north": (1, 0, 1)}


async def test_an_expired_hold_that_is_nowhere_whole_takes_nothing(depot):
    sku, other = await depot.sku(4), await depot.sku(1)
    attempt = await depot.held({sku: 4, other: 1})
    await depot.expire(attempt)
    await depot.held({sku: 2, other: 1})
    await depot.receive(sku, 3, location="north")
    with pytest.raises(ReservationGone):
        await depot.commit(attempt)
    assert await depot.spread(sku) == {"main": (4, 2, 2), "north": (3, 0, 3)}


async def test_an_expired_hold_that_was_released_is_not_taken_up_again(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    await depot.expire(attempt)
    await depot.release(attempt)
    with pytest.raises(ReservationGone):
        await depot.commit(attempt)


async def test_an_extended_hold_outlives_its_first_end(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    await depot.let_time_pass(attempt)
    await depot.service.extend(ExtendHold(attempt_id=attempt, hold_seconds=60))
    await depot.service.expire_holds()
    assert await depot.counts(sku) == (10, 4, 6)


async def test_extending_never_shortens_a_hold(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    before = await depot.service.extend(ExtendHold(attempt_id=attempt, hold_seconds=3600))
    after = await depot.service.extend(ExtendHold(attempt_id=attempt, hold_seconds=1))
    assert after == before


async def test_a_released_hold_cannot_be_extended(depot):
    sku = await depot.sku(10)
    attempt = await depot.held({sku: 4})
    await depot.release(attempt)
    with pytest.raises(ReservationGone):
        await depot.service.extend(ExtendHold(attempt_id=attempt, hold_seconds=60))


async def at(depot, sku):
    levels = await depot.service.levels(SkuRef(sku=sku))
    return [(level.location, level.on_hand, level.reserved) for level in levels.data]


async def test_a_location_that_has_the_whole_line_serves_it(depot):
    sku = await depot.sku(3)
    await depot.receive(sku, 5, "annex")
    await depot.held({sku: 4})
    assert await at(depot, sku) == [("main", 3, 0), ("annex", 5, 4)]


async def test_units_at_two_locations_are_sold_together(depot):
    sku = await depot.sku(3)
    await depot.receive(sku, 5, "annex")
    attempt = await depot.held({sku: 7})
    assert (await depot.service.stock_of(StockOf(skus=[sku]))).available == {sku: 1}
    await depot.commit(attempt)
    assert [on_hand - reserved for _, on_hand, reserved in await at(depot, sku)] == [0, 1]


async def test_the_location_with_the_lower_number_is_asked_first(depot):
    near, far = new_id("loc"), new_id("loc")
    sku = await depot.sku(5, far)
    await depot.receive(sku, 5, near)
    await depot.service.set_priority(SetPriority(location=near, priority=1))
    await depot.held({sku: 2})
    assert await at(depot, sku) == [(far, 5, 0), (near, 5, 2)]


async def test_a_transfer_moves_free_units_once_per_key(depot):
    sku, once = await depot.sku(5), Idempotency(account="usr_staff", key=new_id("key"), fingerprint="move")
    move = Transfer(sku=sku, quantity=3, source="main", target="annex", reason="near", actor="u", idempotency=once)
    await depot.service.transfer(move)
    await depot.service.transfer(move)
    assert await at(depot, sku) == [("main", 2, 0), ("annex", 3, 0)]
    assert (await depot.told("StockChanged", sku))[-1] == {"sku": sku, "available": 5, "version": 3}


async def test_what_is_reserved_is_not_transferred(depot):
    sku = await depot.sku(5)
    await depot.held({sku: 4})
    with pytest.raises(OutOfStock):
        await depot.service.transfer(
            Transfer(sku=sku, quantity=2, source="main", target="annex", reason="near", actor="u")
        )
    assert await at(depot, sku) == [("main", 5, 4)]


async def test_damaged_units_leave_and_reserved_ones_stay(depot):
    sku = await depot.sku(5)
    await depot.held({sku: 3})
    damage = Damage(sku=sku, quantity=2, reason="wet", actor="u")
    assert (await depot.service.damage(damage)).on_hand == 3
    with pytest.raises(OutOfStock):
        await depot.service.damage(damage)
    assert await depot.counts(sku) == (3, 3, 0)


async def test_a_sku_that_can_be_sold_again_is_told_once(depot):
    sku = await depot.sku(2)
    await depot.held({sku: 2})
    await depot.receive(sku, 4)
    await depot.receive(sku, 4)
    assert await depot.told("StockCameBack", sku) == [{"sku": sku, "available": 4}]


async def test_the_first_units_that_staff_count_are_told_once_wherever_they_lie(depot):
    sku, received = new_id("sku"), await depot.sku(5)
    for location in ("main", "hub"):
        await depot.service.adjust(adjust(sku, 3, location=location))
    await depot.service.adjust(adjust(received, 3))
    assert await depot.told("StockCameBack", sku) == [{"sku": sku, "available": 3}]
    assert await depot.told("StockCameBack", received) == []


async def test_a_reservation_that_ended_long_ago_is_forgotten_and_its_events_stay(depot):
    sku = await depot.sku(5)
    old, fresh, held = await depot.held({sku: 1}), await depot.held({sku: 1}), await depot.held({sku: 1})
    await depot.commit(old)
    await depot.commit(fresh)
    async with depot.database.connection() as connection:
        await connection.execute(
            "UPDATE inventory.reservations SET expires_at = now() - interval '31 days' WHERE attempt_id = ANY($1)",
            [old, held],
        )
    await prune(depot.database, "inventory", KEPT)
    async with depot.database.connection() as connection:
        left = await connection.fetch(
            "SELECT attempt_id FROM inventory.reservations WHERE attempt_id = ANY($1)", [old, fresh, held]
        )
    assert {row["attempt_id"] for row in left} == {fresh, held}
    assert [kind for _, kind, _ in await depot.events(sku)].count("committed") == 2


async def test_a_delivery_is_received_once(depot):
    sku = new_id("sku")
    await depot.receive(sku, 10, cause_id="rcv_1" + sku)
    await depot.receive(sku, 10, cause_id="rcv_1" + sku)
    assert await depot.counts(sku) == (10, 0, 10)


async def test_five_hundred_skus_are_received_at_once(depot):
    skus = [new_id("sku") for _ in range(500)]
    ask = {"cause_id": new_id("rcv"), "actor": "usr_staff", "lines": [{"sku": sku, "quantity": 7} for sku in skus]}
    await depot.service.receive(msgspec.convert(ask, Receive))
    assert (await depot.service.stock_of(StockOf(skus=skus))).available == dict.fromkeys(skus, 7)


async def test_returned_units_come_back_once_per_cause(depot):
    sku = await depot.sku(10)
    await depot.commit(await depot.held({sku: 4}))
    cause = new_id("ret")
    await depot.put_back(cause, {sku: 3})
    await depot.put_back(cause, {sku: 3})
    assert await depot.counts(sku) == (9, 0, 9)


async def test_an_adjustment_may_not_take_what_is_reserved(depot):
    sku = await depot.sku(10)
    await depot.held({sku: 4})
    with pytest.raises(OutOfStock) as refused:
        await depot.service.adjust(adjust(sku, -7))
    assert refused.value.facts["available"] == 6
    assert (await depot.service.adjust(adjust(sku, -6))).on_hand == 4


async def test_an_adjustment_acts_once_per_cause(depot):
    sku, cause = await depot.sku(10), new_id("adj")
    await depot.service.adjust(adjust(sku, -6, cause_id=cause))
    assert (await depot.service.adjust(adjust(sku, -6, cause_id=cause))).on_hand == 4


async def test_an_adjustment_by_nothing_is_invalid(depot):
    with pytest.raises(Invalid):
        await depot.service.adjust(adjust(await depot.sku(1), 0))


async def test_nothing_can_be_taken_from_a_sku_never_heard_of(depot):
    with pytest.raises(NotFound):
        await depot.service.adjust(adjust(new_id("sku"), -1))


async def test_a_change_tells_the_sum_over_locations_as_an_event_that_readers_can_decode(depot):
    sku = await depot.sku(3)
    await depot.receive(sku, 5, "annex")
    async with depot.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id, name, at, body FROM inventory.outbox WHERE key = $1 ORDER BY position", sku
        )
    events = [msgspec.json.decode(row["body"], type=KINDS[row["name"]]) for row in rows]
    assert [(event.available, event.version) for event in events] == [(3, 1), (8, 2)]
    assert [(row["id"], row["at"]) for row in rows] == [(event.id, event.at) for event in events]
    assert all(is_id(event.id, "evt") for event in events)


async def test_a_commit_tells_nothing_because_nothing_more_can_be_sold_or_less(depot):
    sku = await depot.sku(10)
    await depot.commit(await depot.held({sku: 4}))
    assert [told["available"] for told in await depot.told("StockChanged", sku)] == [10, 6]


async def test_running_low_is_told_once_per_crossing(depot):
    sku = await depot.sku(7)
    for _ in range(3):
        await depot.held({sku: 1})
    assert await depot.told("StockRanLow", sku) == [
        {"sku": sku, "location": "main", "available": 5, "kind": "low_stock"}
    ]


async def test_running_out_is_told_apart_from_running_low(depot):
    sku = await depot.sku(7)
    attempt = await depot.held({sku: 7})
    await depot.release(attempt)
    await depot.held({sku: 2})
    assert [told["kind"] for told in await depot.told("StockRanLow", sku)] == ["out_of_stock", "low_stock"]


async def test_alerts_list_what_is_at_or_below_its_mark_and_page_on(depot):
    first, second, plenty = await depot.sku(5), await depot.sku(1), await depot.sku(6)
    await depot.held({second: 1})
    page = await depot.service.alerts(AlertsOf(limit=1))
    rest = await depot.service.alerts(AlertsOf(limit=1, cursor=page.next_cursor))
    found = [(alert.sku, alert.kind, alert.available) for alert in page.data + rest.data]
    assert found == [(second, "out_of_stock", 0), (first, "low_stock", 5)]
    assert plenty not in [sku for sku, _, _ in found]


async def test_a_mark_set_higher_raises_the_alert(depot):
    sku = await depot.sku(50)
    await depot.service.set_low_mark(SetLowMark(sku=sku, low_stock_at=50))
    assert (await depot.service.alerts(AlertsOf(limit=1))).data[0].sku == sku


async def test_the_history_is_paged_newest_first(depot):
    sku = await depot.sku(10)
    await depot.commit(await depot.held({sku: 4}))
    page = await depot.service.history(HistoryOf(sku=sku, limit=2))
    rest = await depot.service.history(HistoryOf(sku=sku, limit=2, cursor=page.next_cursor))
    assert [event.type for event in page.data + rest.data] == ["committed", "reserved", "received"]
    assert (page.level.available, rest.has_more) == (6, False)


async def test_the_history_as_of_a_moment_folds_the_level_of_that_moment(depot):
    sku = await depot.sku(10)
    await depot.held({sku: 4})
    reserved_at = (await depot.service.history(HistoryOf(sku=sku))).data[0].at
    await depot.service.adjust(adjust(sku, -6))
    then = await depot.service.history(HistoryOf(sku=sku, as_of=reserved_at))
    assert (then.level.on_hand, then.level.reserved, then.level.available) == (10, 4, 6)
    assert [event.type for event in then.data] == ["reserved", "received"]


async def test_before_the_first_event_the_level_was_nothing(depot):
    sku = await depot.sku(10)
    then = await depot.service.history(HistoryOf(sku=sku, as_of=datetime.now(UTC) - timedelta(days=1)))
    assert (then.level.on_hand, then.data) == (0, [])


async def test_the_history_of_a_sku_never_heard_of_is_not_found(depot):
    with pytest.raises(NotFound):
        await depot.service.history(HistoryOf(sku="no-such-sku"))
