"""What comes back, and what a person's look at a held order leads to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from haat.contracts.catalog import Variant
from haat.contracts.fraud import Decide, ReviewsOf
from haat.contracts.orders import (
    CaptureOrder,
    Order,
    OrderStateError,
    ReceiveReturn,
    RejectReturn,
    RequestReturn,
    Return,
)
from haat.contracts.payments import CashMethod, PaymentStateError, Refund
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound
from haat.kit.money import Money
from tests.services.orders.asking import (
    STAFF,
    OlderLook,
    cancel,
    due,
    orders_without,
    received,
    refund,
    refunded,
    sent_back,
    ship,
    types,
)
from tests.services.shopfloor import ADDRESS, PRICE, Floor, outcomes

# A throw-away address and bills to another place: enough for a person to look.
DOUBTFUL = "mailinator.com"


async def held(floor: Floor, **how: Any) -> Order:
    """An order that waits for a person to look at it."""
    lamp = await floor.variant(stock=10)
    elsewhere = msgspec.structs.replace(ADDRESS, postal_code="110001")
    order = await floor.bought((lamp, 1), email=f"{new_id('x')}@{DOUBTFUL}", billing_address=elsewhere, **how)
    assert (order.status, order.on_hold) == ("placed", True)
    return order


async def decided(floor: Floor, order: Order, decision: str) -> Order:
    """Fraud hears of the order, staff decide, the orders hear of it and do what follows."""
    await floor.deliver("fraud", "orders", order.id)
    return await decided_on(floor, order, decision)


async def decided_on(floor: Floor, order: Order, decision: str) -> Order:
    """Staff decide on what fraud has heard of, the orders hear of it and do what follows."""
    checkout_id = await floor.value("SELECT checkout_id FROM orders.orders WHERE id = $1", order.id)
    reviews = (await floor.fraud.reviews(ReviewsOf(limit=100))).data
    (review,) = [each for each in reviews if each.checkout_id == checkout_id]
    await floor.fraud.decide(Decide(review_id=review.id, decision=decision, actor=STAFF))  # type: ignore[arg-type]
    await floor.deliver("orders", "fraud", review.attempt_id)
    await floor.house.service("orders").finish_tasks()
    return await floor.order(order.id)


async def test_a_return_is_asked_for_received_and_refunded(floor: Floor):
    lamp = await floor.variant(stock=10)
    order = await floor.delivered((lamp, 3))
    made = await floor.orders.request_return(sent_back(order, 2))
    back = await floor.orders.receive_return(received(made))
    seen = await floor.order(order.id)
    assert (made.status, made.refund, back.status) == ("requested", Money(PRICE * 2), "refunded")
    assert [entry.type for entry in back.timeline] == ["requested", "refunded"]
    assert (seen.status, seen.payment.refunded, await refunded(floor, order)) == (
        "delivered",
        Money(PRICE * 2),
        PRICE * 2,
    )
    assert await floor.stock(lamp) == (9, 0, 9)


async def test_an_order_is_returned_when_everything_is_back(floor: Floor):
    order = await floor.delivered((await floor.variant(), 2))
    await floor.orders.receive_return(received(await floor.orders.request_return(sent_back(order, 2))))
    assert (await floor.order(order.id)).status == "returned"


async def test_an_order_is_not_returned_while_a_part_is_still_on_its_way(floor: Floor):
    order = await floor.delivered((await floor.variant(), 2))
    first = await floor.orders.request_return(sent_back(order))
    second = await floor.orders.request_return(sent_back(order))
    await floor.orders.receive_return(received(first))
    assert (await floor.order(order.id)).status == "delivered"
    await floor.orders.receive_return(received(second))
    assert (await floor.order(order.id)).status == "returned"


async def test_receiving_five_times_at_once_pays_and_stocks_once(floor: Floor):
    lamp = await floor.variant(stock=10)
    order = await floor.delivered((lamp, 3))
    made = await floor.orders.request_return(sent_back(order))
    await outcomes([floor.orders.receive_return(received(made)) for _ in range(5)])
    again = await floor.orders.receive_return(received(made))
    assert (again.status, await refunded(floor, order), await floor.stock(lamp)) == ("refunded", PRICE, (8, 0, 8))


async def test_a_return_is_not_paid_twice_on_an_older_look(floor: Floor):
    order = await floor.delivered((await floor.variant(), 3))
    made = await floor.orders.request_return(sent_back(order))
    store = OlderLook(floor.database)
    await store.look(order, made)
    await floor.orders.receive_return(received(made))
    await orders_without(floor, store)[0].receive_return(received(made))
    assert await refunded(floor, order) == PRICE


async def test_what_came_back_damaged_is_refunded_and_not_stocked(floor: Floor):
    lamp = await floor.variant(stock=10)
    order = await floor.delivered((lamp, 3))
    await floor.orders.receive_return(received(await floor.orders.request_return(sent_back(order)), restock=False))
    assert (await refunded(floor, order), await floor.stock(lamp)) == (PRICE, (7, 0, 7))


async def test_a_line_named_twice_is_paid_and_stocked_twice(floor: Floor):
    lamp = await floor.variant(stock=10)
    order = await floor.delivered((lamp, 3))
    (broken,), (big,) = sent_back(order).items, sent_back(order).items
    made = await floor.orders.request_return(
        RequestReturn(order_id=order.id, items=[broken, msgspec.structs.replace(big, reason="too big")], any_owner=True)
    )
    await floor.orders.receive_return(received(made))
    assert (made.refund, await refunded(floor, order)) == (Money(PRICE * 2), PRICE * 2)
    assert await floor.stock(lamp) == (9, 0, 9)


async def test_a_return_cut_short_is_finished_by_the_sweep_once(floor: Floor):
    lamp = await floor.variant(stock=10)
    order = await floor.delivered((lamp, 3))
    made = await floor.orders.request_return(sent_back(order))
    service, asked = orders_without(floor, inventory="put_back")
    assert (await service.receive_return(received(made))).status == "requested"
    asked["inventory"].dead.clear()
    await due(floor, order)
    await service.finish_tasks()
    seen = await floor.order(order.id)
    assert ([each.status for each in seen.returns], await refunded(floor, order)) == (["refunded"], PRICE)
    assert (seen.payment.refunded, await floor.stock(lamp)) == (Money(PRICE), (8, 0, 8))


async def after_a_goodwill_refund(floor: Floor, left: int) -> tuple[Variant, Order, Return]:
    """A delivered lamp of which staff gave money back, so that this much is left; then it is to come back."""
    lamp = await floor.variant(stock=10)
    order = await floor.delivered((lamp, 1))
    await floor.orders.refund(refund(order, amount=order.payment.captured.amount - left))
    return lamp, order, await floor.orders.request_return(sent_back(order))


@pytest.mark.parametrize("left", [PRICE - 20_000, 1, 0])
async def test_a_return_after_other_refunds_pays_what_is_left(floor: Floor, left: int):
    lamp, order, made = await after_a_goodwill_refund(floor, left)
    back = await floor.orders.receive_return(received(made))
    seen = await floor.order(order.id)
    assert (back.status, back.refund, seen.returns[0].refund) == ("refunded", Money(left), Money(left))
    assert (seen.status, seen.payment.status, seen.payment.refunded) == ("returned", "refunded", order.payment.captured)
    assert (await refunded(floor, order), await floor.stock(lamp)) == (order.payment.captured.amount, (10, 0, 10))


async def test_what_a_return_pays_is_decided_once_however_often_it_is_tried(floor: Floor):
    lamp, order, made = await after_a_goodwill_refund(floor, PRICE - 20_000)
    service, asked = orders_without(floor, inventory="put_back")
    await service.receive_return(received(made))
    for dead in ("put_back", ""):
        asked["inventory"].dead = {dead}
        await due(floor, order)
        await service.finish_tasks()
    seen = await floor.order(order.id)
    assert (seen.status, seen.returns[0].refund) == ("returned", Money(PRICE - 20_000))
    assert (seen.payment.refunded, await refunded(floor, order)) == (
        order.payment.captured,
        order.payment.captured.amount,
    )
    assert await floor.stock(lamp) == (10, 0, 10)


async def test_a_return_whose_money_went_elsewhere_meanwhile_can_be_received_again(floor: Floor):
    _, order, made = await after_a_goodwill_refund(floor, PRICE - 20_000)
    service, asked = orders_without(floor, payments="refund")
    await service.receive_return(received(made))
    elsewhere = Refund(payment_id=order.payment.id, request_id=new_id("key"), reason="by hand", amount=Money(50_000))
    await floor.payments.refund(elsewhere)
    asked["payments"].dead.clear()
    await due(floor, order)
    await service.finish_tasks()
    waiting = (await floor.order(order.id)).returns[0].status
    back = await service.receive_return(received(made))
    assert (waiting, back.status, back.refund) == ("requested", "refunded", Money(PRICE - 70_000))
    assert await refunded(floor, order) == order.payment.captured.amount


async def test_a_return_is_not_received_before_its_cash_was_taken(floor: Floor):
    order = await floor.bought((await floor.variant(), 2), payment=CashMethod())
    one = {order.items[0].id: 1}
    await floor.parcel(order.id, "delivered", shipment="shp_1", units=one)
    made = await floor.orders.request_return(sent_back(order))
    with pytest.raises(OrderStateError, match="under way"):
        await floor.orders.receive_return(received(made))
    await floor.house.service("orders").finish_tasks()
    back = await floor.orders.receive_return(received(made))
    assert (back.status, back.refund, await refunded(floor, order)) == ("refunded", Money(PRICE), PRICE)


async def test_one_unit_cannot_be_in_two_returns(floor: Floor):
    order = await floor.delivered((await floor.variant(), 2))
    found = await outcomes([floor.orders.request_return(sent_back(order)) for _ in range(5)])
    assert [each for each in found if each == "invalid"] == ["invalid"] * 3
    with pytest.raises(Invalid):
        await floor.orders.refund(refund(order, quantity=1))


async def test_a_unit_whose_refund_is_under_way_cannot_be_asked_back(floor: Floor):
    order = await floor.delivered((await floor.variant(), 1), (await floor.variant(), 1))
    service, asked = orders_without(floor, payments="refund")
    await service.refund(refund(order, quantity=1))
    with pytest.raises(Invalid):
        await floor.orders.request_return(sent_back(order))
    asked["payments"].dead.clear()
    await due(floor, order)
    await service.finish_tasks()
    with pytest.raises(Invalid):
        await floor.orders.request_return(sent_back(order))
    counted = await floor.value("SELECT returned FROM orders.orders WHERE id = $1", order.id)
    assert (counted, await refunded(floor, order)) == ({order.items[0].id: 1}, PRICE)


async def test_an_order_shows_which_units_are_in_returns_or_refunded(floor: Floor):
    order = await floor.delivered((await floor.variant(), 3))
    item = order.items[0].id
    seen = [order.returned]
    await floor.orders.refund(refund(order, quantity=1))
    seen.append((await floor.order(order.id)).returned)
    made = await floor.orders.request_return(sent_back(order))
    seen.append((await floor.order(order.id)).returned)
    await floor.orders.reject_return(RejectReturn(return_id=made.id, actor=STAFF, reason="worn"))
    seen.append((await floor.order(order.id)).returned)
    assert seen == [{}, {item: 1}, {item: 2}, {item: 1}]


async def test_a_unit_that_was_asked_back_is_not_refunded_beside_its_return(floor: Floor):
    order = await floor.delivered((await floor.variant(), 1), (await floor.variant(), 1))
    made = await floor.orders.request_return(sent_back(order))
    with pytest.raises(Invalid):
        await floor.orders.refund(refund(order, quantity=1))
    await floor.orders.receive_return(received(made))
    assert await refunded(floor, order) == PRICE


async def test_an_amount_on_its_way_back_keeps_nobody_from_a_return(floor: Floor):
    order = await floor.delivered((await floor.variant(), 1))
    service, _ = orders_without(floor, payments="refund")
    await service.refund(refund(order, amount=100))
    assert (await floor.orders.request_return(sent_back(order))).status == "requested"


async def test_units_of_a_refund_that_was_refused_can_be_asked_back(floor: Floor):
    order = await floor.delivered((await floor.variant(), 1))
    await floor.orders.refund(refund(order, amount=order.payment.captured.amount - 100))
    with pytest.raises(PaymentStateError):
        await floor.orders.refund(refund(order, quantity=1))
    assert (await floor.orders.request_return(sent_back(order))).status == "requested"


async def test_the_same_key_asks_for_one_return(floor: Floor):
    order = await floor.delivered((await floor.variant(), 2))
    key = Idempotency(account=STAFF, key=new_id("key"), fingerprint="the same")
    made = [await floor.orders.request_return(sent_back(order, 2, idempotency=key)) for _ in range(2)]
    assert made[0] == made[1]


async def test_only_what_was_delivered_can_be_returned(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    with pytest.raises(OrderStateError):
        await floor.orders.request_return(sent_back(order))


async def test_strangers_cannot_return(floor: Floor):
    order = await floor.delivered((await floor.variant(), 1))
    with pytest.raises(NotFound):
        await floor.orders.request_return(sent_back(order, any_owner=False, user_id=new_id("usr")))


async def test_a_return_never_heard_of_is_not_found(floor: Floor):
    with pytest.raises(NotFound):
        await floor.orders.receive_return(ReceiveReturn(return_id=new_id("ret"), actor=STAFF))


async def test_a_held_order_is_neither_paid_nor_packed(floor: Floor):
    order = await held(floor)
    assert order.payment.status == "authorized"
    with pytest.raises(OrderStateError, match="not ready"):
        await floor.orders.ship(ship(order))


async def test_an_approved_order_is_paid_and_goes_on(floor: Floor):
    seen = await decided(floor, await held(floor), "approve")
    assert (seen.status, seen.on_hold, seen.payment.status) == ("confirmed", False, "paid")
    assert types(seen) == ["placed", "reviewed", "paid"]


async def test_an_approved_order_in_cash_is_confirmed_and_not_paid(floor: Floor):
    seen = await decided(floor, await held(floor, payment=CashMethod()), "approve")
    assert (seen.status, seen.payment.status, seen.payment.captured) == ("confirmed", "cash_on_delivery", Money(0))


async def test_a_rejected_order_is_canceled_and_lets_go_of_money_and_stock(floor: Floor):
    order = await held(floor)
    seen = await decided(floor, order, "reject")
    sku = order.items[0].sku
    on_hand = await floor.value("SELECT on_hand FROM inventory.stock WHERE sku = $1", sku)
    assert (seen.status, seen.payment.status, on_hand) == ("canceled", "voided", 10)


async def test_a_decision_amid_other_work_is_not_forgotten(floor: Floor):
    order = await held(floor)
    service, asked = orders_without(floor, payments="capture")
    await service.capture(CaptureOrder(order_id=order.id, actor=STAFF, amount=Money(100)))
    await decided(floor, order, "reject")
    asked["payments"].dead.clear()
    for _ in range(2):
        await due(floor, order)
        await service.finish_tasks()
    assert (await floor.order(order.id)).status == "canceled"


async def test_an_approval_of_an_order_that_was_canceled_a_moment_ago_changes_nothing(floor: Floor):
    order = await held(floor)
    await floor.deliver("fraud", "orders", order.id)
    canceled = await floor.orders.cancel(cancel(order))
    seen = await decided_on(floor, order, "approve")
    assert (seen.status, seen.payment, seen.timeline) == ("canceled", canceled.payment, canceled.timeline)
