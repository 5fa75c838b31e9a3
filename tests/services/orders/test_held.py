"""Held orders and decisions about them: a decision is on one attempt, and moves only the order that waits for it."""

from __future__ import annotations

import pytest

from haat.contracts.fraud import ReviewDecided
from haat.contracts.orders import Order
from haat.kit.database import Batch
from haat.kit.ids import new_id
from tests.services.orders.asking import STAFF, types
from tests.services.orders.test_returns import held
from tests.services.shopfloor import Floor


async def told(floor: Floor, order: Order, decision: str, attempt_id: str | None = None) -> Order:
    """The orders hear of a decision on an attempt of the order's checkout (its own, unless told otherwise)."""
    query = "SELECT checkout_id, attempt_id FROM orders.orders WHERE id = $1"
    ((checkout_id, own),) = await floor.rows(query, order.id)
    about = {"review_id": new_id("rev"), "checkout_id": checkout_id, "attempt_id": attempt_id or own}
    event = ReviewDecided(decision=decision, actor=STAFF, **about)
    await floor.house.service("orders").following.reviews_decided(Batch([event]))
    await floor.house.service("orders").finish_tasks()
    return await floor.order(order.id)


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
