"""Held orders and their reviews, whichever of them comes first: a decision is on one attempt, and meets its order."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from haat.contracts.cart import Owner
from haat.contracts.checkout import Checkout
from haat.contracts.fraud import Decide, Review, ReviewDecided, ReviewsOf
from haat.contracts.orders import CaptureOrder, Order, OrderMoved
from haat.contracts.payments import PaymentDeclined, UpiMethod
from haat.kit.database import Batch
from haat.kit.ids import new_id
from haat.services.checkout.driver import REVIEW_ABOVE_MINOR
from tests.services.checkout.test_crashes import checkouts_without
from tests.services.orders.asking import STAFF, cancel, due, orders_without, types
from tests.services.orders.test_returns import DOUBTFUL, held
from tests.services.shopfloor import ADDRESS, DECLINED, Floor


async def doubtful(floor: Floor) -> tuple[Owner, Checkout]:
    """Somebody about to pay for what a person has to look at."""
    owner = await floor.guest((await floor.variant(), 1))
    elsewhere = msgspec.structs.replace(ADDRESS, postal_code="110001")
    return owner, await floor.open(owner, email=f"{new_id('x')}@{DOUBTFUL}", billing_address=elsewhere)


async def queued(floor: Floor, checkout_id: str) -> list[Review]:
    """The reviews of a checkout that staff can decide."""
    reviews = (await floor.fraud.reviews(ReviewsOf(limit=100))).data
    return [each for each in reviews if each.checkout_id == checkout_id]


async def decided(floor: Floor, checkout_id: str, order_id: str, decision: Any) -> Order:
    """Fraud hears of the order, staff decide the one review there is, the orders do what follows."""
    await floor.deliver("fraud", "orders", order_id)
    (review,) = await queued(floor, checkout_id)
    await floor.fraud.decide(Decide(review_id=review.id, decision=decision, actor=STAFF))
    await floor.deliver("orders", "fraud", review.attempt_id)
    await floor.house.service("orders").finish_tasks()
    return await floor.order(order_id)


async def told(floor: Floor, order: Order, decision: str, attempt_id: str | None = None) -> Order:
    """The orders hear of a decision on an attempt of the order's checkout (its own, unless told otherwise)."""
    query = "SELECT checkout_id, attempt_id FROM orders.orders WHERE id = $1"
    ((checkout_id, own),) = await floor.rows(query, order.id)
    about = {"review_id": new_id("rev"), "checkout_id": checkout_id, "attempt_id": attempt_id or own}
    event = ReviewDecided(decision=decision, actor=STAFF, **about)
    await floor.house.service("orders").following.reviews_decided(Batch([event]))
    await floor.house.service("orders").finish_tasks()
    return await floor.order(order.id)


@pytest.mark.parametrize(
    ("decision", "comes_to"), [("approve", ("confirmed", False, "paid")), ("reject", ("canceled", False, "refunded"))]
)
async def test_nobody_decides_while_the_shopper_still_pays(
    floor: Floor, decision: str, comes_to: tuple[str, bool, str]
):
    owner, checkout = await doubtful(floor)
    waiting = await floor.complete(owner, checkout.id, UpiMethod(flow="qr"))
    assert (waiting.status, await queued(floor, checkout.id)) == ("requires_action", [])
    assert waiting.action is not None
    await floor.act(waiting.action.url, "approve")
    done = await floor.seen(owner, checkout.id)
    assert done.order is not None
    assert (await floor.order(done.order.id)).on_hold is True
    order = await decided(floor, checkout.id, done.order.id, decision)
    assert (order.status, order.on_hold, order.payment.status) == comes_to


async def test_what_was_held_without_the_risk_service_can_be_approved(floor: Floor):
    owner = await floor.guest((await floor.variant(amount=REVIEW_ABOVE_MINOR), 1))
    checkout = await floor.open(owner)
    service, _ = checkouts_without(floor, fraud="assess")
    done = await service.complete(floor.asked(owner, checkout.id, await floor.card()))
    assert done.order is not None
    order = await decided(floor, checkout.id, done.order.id, "approve")
    assert (order.status, order.on_hold, order.payment.status) == ("confirmed", False, "paid")


async def test_an_attempt_that_failed_is_not_put_before_a_person(floor: Floor):
    owner, checkout = await doubtful(floor)
    with pytest.raises(PaymentDeclined):
        await floor.complete(owner, checkout.id, await floor.card(DECLINED))
    assert await queued(floor, checkout.id) == []
    done = await floor.complete(owner, checkout.id, await floor.card())
    assert done.order is not None
    await floor.deliver("fraud", "orders", done.order.id)
    attempt = await floor.value("SELECT attempt_id FROM orders.orders WHERE id = $1", done.order.id)
    assert [review.attempt_id for review in await queued(floor, checkout.id)] == [attempt]


async def test_money_that_staff_take_does_not_put_a_held_order_among_those_to_pack(floor: Floor):
    order = await held(floor)
    taken = await floor.orders.capture(CaptureOrder(order_id=order.id, actor=STAFF))
    assert (taken.status, taken.on_hold, taken.payment.status) == ("placed", True, "paid")
    assert (await told(floor, order, "approve")).status == "confirmed"


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_decision_on_another_attempt_leaves_a_held_order_waiting(floor: Floor, decision: str):
    order = await held(floor)
    assert await told(floor, order, decision, new_id("att")) == order


async def test_a_rejection_of_another_attempt_leaves_a_paid_order_alone(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    assert await told(floor, order, "reject", new_id("att")) == order


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_decision_on_an_order_that_waits_for_none_changes_nothing(floor: Floor, decision: str):
    order = await told(floor, await held(floor), "approve")
    assert (order.status, types(order)) == ("confirmed", ["placed", "reviewed", "paid"])
    assert await told(floor, order, decision) == order


async def test_a_decision_beside_a_cancellation_that_waits_cancels_nothing_twice(floor: Floor):
    order = await held(floor)
    service, away = orders_without(floor, payments="void")
    await service.cancel(cancel(order))
    await told(floor, order, "reject")
    away["payments"].dead.clear()
    for _ in range(2):
        await due(floor, order)
        await service.finish_tasks()
    moved = [event.status for event in await floor.told("orders", order.id) if isinstance(event, OrderMoved)]
    assert (types(await floor.order(order.id)), moved) == (["placed", "canceled"], ["canceled"])
