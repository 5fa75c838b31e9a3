"""What the orders make of money that others tell of: parts, refunds that come back, holds that run out, days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.cli.audit_questions import QUESTIONS
from haat.contracts.catalog import Variant
from haat.contracts.orders import FiguresOf, ListReturns, Order, ReceiveReturn, RequestReturn, ReturnItem
from haat.contracts.payments import (
    IssueGiftCard,
    PaymentCaptured,
    PaymentFailed,
    PaymentRef,
    PaymentRefunded,
    UpiMethod,
)
from haat.kit.clock import now
from haat.kit.database import Batch
from haat.kit.ids import first_id, new_id
from haat.kit.message import Invalid
from haat.kit.money import Money
from haat.services.orders.model import StoredOrder, canceled, with_failed_refund, with_heard_refund, with_refund
from tests.services.orders.asking import STAFF, cancel, refund, refunded, types
from tests.services.orders.test_model import order as stored
from tests.services.shopfloor import CASH, PRICE, Floor


async def about(floor: Floor, order: Order) -> dict[str, Any]:
    """What every event on the payment of an order says."""
    rows = await floor.rows("SELECT attempt_id, checkout_id FROM orders.orders WHERE id = $1", order.id)
    attempt_id, checkout_id = rows[0]
    return {"payment_id": order.payment.id, "attempt_id": attempt_id, "checkout_id": checkout_id}


async def placed(floor: Floor, lamp: Variant | None = None) -> Order:
    """An order whose money is held and not taken."""
    owner = await floor.guest((lamp or await floor.variant(), 1))
    done = await floor.complete(owner, (await floor.open(owner)).id, await floor.card())
    return await floor.order(done.order.id)


async def test_parts_that_are_told_of_add_up_whatever_the_batch(floor: Floor):
    order = await placed(floor)
    known, whole = await about(floor, order), order.totals.total.amount
    following = floor.house.service("orders").following
    parts = [PaymentCaptured(**known, amount=Money(1_000), total=Money(1_000))]
    parts += [PaymentCaptured(**known, amount=Money(500), total=Money(1_500))]
    rest = PaymentCaptured(**known, amount=Money(whole - 1_500), total=Money(whole))
    await following.payments_captured(Batch(parts))
    part = await floor.order(order.id)
    await following.payments_captured(Batch([rest]))
    await following.payments_captured(Batch([PaymentCaptured(**known, amount=Money(1_000), total=Money(1_000))]))
    paid = await floor.order(order.id)
    assert (part.payment.status, part.payment.captured) == ("authorized", Money(1_500))
    assert (paid.payment.status, paid.payment.captured) == ("paid", order.totals.total)


async def test_the_payments_tell_all_that_was_taken(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    known = await about(floor, order)
    (told,) = [each for each in await floor.told("payments", known["attempt_id"]) if isinstance(each, PaymentCaptured)]
    assert (told.amount, told.total) == (order.totals.total, order.totals.total)


async def ended(floor: Floor, order: Order, refund_id: str, amount: int, state: str = "failed") -> Order:
    known = await about(floor, order)
    event = PaymentRefunded(**known, refund_id=refund_id, amount=Money(amount), state=state)
    await floor.house.service("orders").following.payments_refunded(Batch([event]))
    return await floor.order(order.id)


async def test_a_refund_that_fails_later_is_taken_back(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    await floor.orders.refund(refund(order, amount=700))
    await floor.orders.refund(refund(order, amount=300))
    counted = await floor.value("SELECT refunds -> 'counted' FROM orders.orders WHERE id = $1", order.id)
    first = next(refund_id for refund_id, amount in counted.items() if amount == 700)
    seen = await ended(floor, order, first, 700)
    assert (seen.payment.refunded, seen.payment.status) == (Money(300), "partially_refunded")
    assert types(seen)[-1] == "refund_failed"
    assert "₹7" in seen.timeline[-1].detail


async def test_what_a_cancellation_gave_back_can_fail_too(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    await floor.orders.cancel(cancel(order))
    whole = order.totals.total
    seen = await ended(floor, order, new_id("ref"), whole.amount)
    assert (seen.status, seen.payment.refunded, seen.payment.status) == ("canceled", Money(0), "paid")


async def test_what_a_cancellation_gives_back_again_is_counted_when_it_gets_there(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    await floor.orders.cancel(cancel(order))
    whole = order.totals.total
    await ended(floor, order, new_id("ref"), whole.amount)
    seen = await ended(floor, order, new_id("ref"), whole.amount, state="succeeded")
    assert (seen.status, seen.payment.refunded, seen.payment.status) == ("canceled", whole, "refunded")
    assert types(seen)[-2:] == ["refund_failed", "refunded"]


async def test_a_cancellation_whose_refund_fails_at_the_bank_is_refunded_in_the_end(floor: Floor):
    order, sandbox = await floor.bought((await floor.variant(), 1)), f"{floor.house.settings.provider_url}/sandbox"
    await floor.session.post(f"{sandbox}/faults", json={"op": "refund", "mode": "fail", "times": 1})
    await floor.orders.cancel(cancel(order))
    await floor.session.post(f"{sandbox}/clock", json={"advance_seconds": 3})
    for _ in range(2):
        await floor.rows("UPDATE payments.due SET at = 'epoch' WHERE payment_id = $1", order.payment.id)
        await floor.house.service("payments").finish_open()
    await floor.deliver("orders", "payments", (await about(floor, order))["attempt_id"])
    seen = await floor.order(order.id)
    assert (seen.payment.refunded, await refunded(floor, order)) == (order.totals.total, order.totals.total.amount)
    assert types(seen)[-3:] == ["canceled", "refund_failed", "refunded"]


async def test_when_the_card_s_part_of_a_refund_fails_the_gift_card_s_has_gone(floor: Floor):
    lamp = await floor.variant()
    gift = await floor.payments.issue_gift_card(IssueGiftCard(amount=Money(PRICE - 60_000), actor=STAFF))
    card = msgspec.structs.replace(await floor.card(), gift_cards=[gift.code])
    order = await floor.bought((lamp, 1), payment=card)
    by_card = order.totals.total.amount - (PRICE - 60_000)
    whole = await floor.orders.refund(refund(order, amount=by_card + 10_000))
    query = "SELECT refund_id FROM payments.refunds WHERE payment_id = $1 AND account IS NULL"
    seen = await ended(floor, order, await floor.value(query, order.payment.id), by_card)
    await floor.deliver("orders", "payments", (await about(floor, order))["attempt_id"])
    assert whole.payment.refunded == Money(by_card + 10_000)
    assert (seen.payment.refunded, seen.payment.status) == (Money(10_000), "partially_refunded")
    assert (await floor.order(order.id)).payment == seen.payment


async def test_what_somebody_refunds_at_the_provider_is_counted(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    seen = await ended(floor, order, "ref_rfd_1", 700, state="succeeded")
    assert (seen.payment.refunded, seen.payment.status) == (Money(700), "partially_refunded")


async def test_a_refund_that_succeeds_changes_nothing_more(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    seen = await floor.orders.refund(refund(order, amount=700))
    await floor.deliver("orders", "payments", (await about(floor, order))["attempt_id"])
    assert await floor.order(order.id) == seen


async def test_late_money_of_another_payment_does_not_pay_the_order(floor: Floor):
    """The shopper turned from UPI to cash, and the UPI was paid all the same: that goes back, the cash is still due."""
    owner = await floor.guest((await floor.variant(), 1))
    checkout = await floor.open(owner)
    waiting = await floor.complete(owner, checkout.id, UpiMethod(flow="qr"))
    done = await floor.complete(owner, checkout.id, CASH)
    assert waiting.action is not None and done.order is not None
    before = await floor.order(done.order.id)
    other = {**await about(floor, before), "payment_id": new_id("pay"), "attempt_id": new_id("att")}
    late = PaymentCaptured(**other, amount=before.totals.total, total=before.totals.total)
    await floor.house.service("orders").following.payments_captured(Batch([late]))
    assert await floor.order(before.id) == before


async def disputed(floor: Floor, order: Order, outcome: str) -> None:
    """The payer's bank takes the money back, or decides, and payments hear of it."""
    (theirs,) = await floor.books((await about(floor, order))["checkout_id"])
    url = f"{floor.house.settings.provider_url}/sandbox/disputes/{theirs['id']}"
    async with floor.session.post(url, json={"outcome": outcome}) as answer:
        assert answer.status < 300
    await floor.payments.payment(PaymentRef(payment_id=order.payment.id, confirm=True))


@pytest.mark.parametrize("outcomes", [["opened"], ["opened", "lost"]])
async def test_what_a_dispute_took_of_a_canceled_order_went_back_to_the_audit_too(floor: Floor, outcomes: list[str]):
    order = await floor.bought((await floor.variant(), 1))
    await disputed(floor, order, outcomes[0])
    await floor.orders.cancel(cancel(order))
    for outcome in outcomes[1:]:
        await disputed(floor, order, outcome)
    asked = {invariant: await floor.rows(sql) for invariant, _, sql in QUESTIONS if invariant in ("I5", "I5d")}
    broken = [(invariant, row) for invariant, rows in asked.items() for row in rows]
    assert [each for each in broken if each[1][0] in (order.id, order.payment.id)] == []


CHANGES = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=10)


@given(CHANGES, st.permutations(range(10)), st.booleans())
def test_refunds_counted_and_failed_in_any_order_come_to_the_same(
    changes: list[tuple[str, bool]], turns: list[int], stop: bool
):
    """Each of three refunds of 100 may be counted and may fail, in any order and more than once."""

    def after(told: list[tuple[str, bool]]) -> StoredOrder:
        order = stored(captured_minor=1500)
        for name, fails in told:
            order = with_failed_refund(order, name, 100) if fails else with_refund(order, {name: 100})
        return order

    shuffled = [changes[turn] for turn in turns if turn < len(changes)]
    counted = {name for name, fails in changes if not fails}
    lost = {name for name, fails in changes if fails}
    assert after(changes).refunded_minor == after(shuffled).refunded_minor == 100 * len(counted - lost)
    whole = canceled(after(changes), 1500)
    assert whole.refunded_minor == 1500 - 100 * len(lost - counted)


@pytest.mark.parametrize(("ends", "came_back"), [(["last"], 1500), ([], 100)])
@given(fails=st.integers(1, 5), turns=st.permutations(range(8)))
def test_what_a_cancellation_gave_back_is_known_in_the_end_whatever_failed_before(
    ends: list[str], came_back: int, fails: int, turns: list[int]
):
    """1,400 by card, which may fail five times and then succeed, and 100 to a gift card; told in any order."""
    told: list[Callable[[StoredOrder], StoredOrder]] = [
        lambda order: canceled(order, 1500),
        lambda order: with_heard_refund(order, "gift", 100),
        *(partial(with_failed_refund, refund_id=f"card_{n}", amount=1400) for n in range(fails)),
        *(partial(with_heard_refund, refund_id=name, amount=1400) for name in ends),
    ]
    order = stored(captured_minor=1500)
    for turn in turns:
        order = told[turn](order) if turn < len(told) else order
    assert (order.refunded_minor, order.captured_minor) == (came_back, 1500)


def test_an_order_in_cash_is_still_to_be_paid_after_a_refund_of_its_first_parcel_failed():
    paid = stored(captured_minor=500, payment_status="cash_on_delivery")
    order = msgspec.structs.replace(paid, body=msgspec.structs.replace(paid.body, payment_method="cod"))
    refunded = with_refund(order, {"ref_a": 100})
    failed = with_failed_refund(refunded, "ref_a", 100)
    assert [each.payment_status for each in (refunded, failed)] == ["partially_refunded", "cash_on_delivery"]


async def expired(floor: Floor, order: Order, **other: str) -> Order:
    event = PaymentFailed(**{**await about(floor, order), **other}, state="expired")
    await floor.house.service("orders").following.payments_failed(Batch([event]))
    await floor.house.service("orders").finish_tasks()
    return await floor.order(order.id)


async def test_an_order_whose_money_ran_out_is_canceled_and_its_stock_sold_again(floor: Floor):
    lamp = await floor.variant(stock=10)
    seen = await expired(floor, await placed(floor, lamp))
    assert (seen.status, seen.payment.status, seen.payment.captured) == ("canceled", "voided", Money(0))
    assert await floor.stock(lamp) == (10, 0, 10)
    assert types(seen)[-2:] == ["payment_expired", "canceled"]


async def test_a_refused_try_before_the_payment_of_an_order_is_nothing_to_it(floor: Floor):
    order = await placed(floor)
    assert await expired(floor, order, payment_id=new_id("pay")) == order


async def test_a_paid_order_does_not_run_out(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    assert await expired(floor, order) == order


async def test_days_count_what_stands_in_the_shops_own_time(floor: Floor):
    currency = "XTS"
    orders = [await floor.bought((await floor.variant(), 1)) for _ in range(3)]
    ids = [order.id for order in orders]
    await floor.rows("UPDATE orders.orders SET currency = $2, total_minor = 500 WHERE id = ANY($1)", ids, currency)
    # Five past midnight in India is the evening before in UTC; the id is as old as the row.
    for order_id, at in zip(ids, ["2026-03-09T18:35Z", "2026-03-10T18:25Z", "2026-03-10T18:35Z"], strict=True):
        await floor.rows("DELETE FROM orders.tasks WHERE order_id = $1", order_id)
        await floor.rows("DELETE FROM orders.timeline WHERE order_id = $1", order_id)
        moment = now().fromisoformat(at)
        made = first_id("ord", moment)[:-3] + order_id[-3:]
        await floor.rows("UPDATE orders.orders SET id = $2, placed_at = $3 WHERE id = $1", order_id, made, moment)
    ask = FiguresOf(first=date(2026, 3, 10), last=date(2026, 3, 11), currency=currency)
    both = (await floor.orders.figures(ask)).data
    await floor.rows(
        "UPDATE orders.orders SET status = 'canceled' WHERE currency = $1 AND placed_at > $2",
        currency,
        now().fromisoformat("2026-03-10T18:30Z"),
    )
    left = (await floor.orders.figures(ask)).data
    assert [(each.day.day, each.count, each.total) for each in both] == [
        (10, 2, Money(1000, currency)),
        (11, 1, Money(500, currency)),
    ]
    assert [each.day.day for each in left] == [10]


@pytest.mark.parametrize(("days", "zone"), [(-1, "Asia/Kolkata"), (366, "Asia/Kolkata"), (1, "Middle/Earth")])
async def test_senseless_days_are_invalid(floor: Floor, days: int, zone: str):
    first = date(2026, 3, 10)
    with pytest.raises(Invalid):
        await floor.orders.figures(FiguresOf(first=first, last=first + timedelta(days=days), currency="INR", zone=zone))


async def test_returns_wait_in_their_turn_and_end_in_another_list(floor: Floor):
    made = []
    for _ in range(4):
        order = await floor.delivered((await floor.variant(), 1))
        items = [ReturnItem(item_id=order.items[0].id, quantity=1, reason="too bright")]
        made.append(await floor.orders.request_return(RequestReturn(order_id=order.id, items=items, any_owner=True)))
    earlier = made.pop(0)
    await floor.rows("UPDATE orders.returns SET status = 'rejected' WHERE id <= $1", earlier.id)
    first = await floor.orders.returns(ListReturns(limit=2))
    rest = await floor.orders.returns(ListReturns(limit=2, cursor=first.next_cursor))
    await floor.orders.receive_return(ReceiveReturn(return_id=made[1].id, actor=STAFF))
    waiting = await floor.orders.returns(ListReturns())
    ended = await floor.orders.returns(ListReturns(ended=True, limit=1))
    assert [each.back.id for each in [*first.data, *rest.data]] == [each.id for each in made]
    assert (rest.has_more, first.data[0].titles) == (False, {made[0].items[0].item_id: "Reading lamp"})
    assert [each.back.id for each in waiting.data] == [made[0].id, made[2].id]
    assert (ended.data[0].back.id, ended.data[0].back.status, ended.has_more) == (made[1].id, "refunded", True)
