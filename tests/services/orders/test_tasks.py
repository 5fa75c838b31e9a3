"""Work on an order that a neighbour cuts short, finished once by any worker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from haat.contracts.orders import (
    CancelOrder,
    OrderStateError,
    RefundOrder,
    ShipOrder,
)
from haat.contracts.payments import CashMethod
from haat.kit.ids import new_id
from haat.kit.money import Money
from haat.services.orders.store import OrderStore, Task
from tests.services.orders.asking import (
    cancel,
    due,
    orders_without,
    refund,
    refunded,
    ship,
    types,
)
from tests.services.shopfloor import PRICE, Floor, outcomes, waited_for


async def test_cash_is_taken_even_when_the_delivery_comes_amid_other_work(floor: Floor):
    order = await floor.bought((await floor.variant(), 2), payment=CashMethod())
    service, asked = orders_without(floor, shipping="dispatch")
    await service.ship(ship(order, 1))
    await floor.parcel(order.id, "delivered")
    asked["shipping"].dead.clear()
    for _ in range(2):
        await due(floor, order)
        await service.finish_tasks()
    assert (await floor.order(order.id)).payment.status == "paid"


@pytest.mark.parametrize(
    ("neighbour", "call", "ask", "ended"),
    [
        ("inventory", "put_back", cancel, {"status": "canceled", "refunded": PRICE * 2, "stock": (10, 0, 10)}),
        ("payments", "void", cancel, {"status": "canceled", "refunded": PRICE * 2, "stock": (10, 0, 10)}),
        ("shipping", "cancel", cancel, {"status": "canceled", "refunded": PRICE * 2, "stock": (10, 0, 10)}),
        ("payments", "refund", lambda order: refund(order, quantity=1), {"refunded": PRICE, "stock": (8, 0, 8)}),
        ("shipping", "dispatch", ship, {"status": "packed", "stock": (8, 0, 8)}),
    ],
)
async def test_work_cut_short_is_finished_by_the_sweep_once(
    floor: Floor, neighbour: str, call: str, ask: Any, ended: dict[str, Any]
):
    lamp = await floor.variant(stock=10)
    order = await floor.bought((lamp, 2))
    order_shipping = order.totals.shipping.amount
    service, asked = orders_without(floor, **{neighbour: call})
    work = ask(order)
    half = await getattr(service, {CancelOrder: "cancel", RefundOrder: "refund", ShipOrder: "ship"}[type(work)])(work)
    assert (half.status, half.payment.status) == ("confirmed", "paid")
    asked[neighbour].dead.clear()
    await due(floor, order)
    await asyncio.gather(*(service.finish_tasks() for _ in range(3)))
    seen = await floor.order(order.id)
    expected_refund = ended.get("refunded", 0) + (order_shipping if seen.status == "canceled" else 0)
    assert seen.status == ended.get("status", "confirmed")
    assert (seen.payment.refunded.amount, await refunded(floor, order)) == (expected_refund, expected_refund)
    assert await floor.stock(lamp) == ended["stock"]


async def test_a_task_carried_out_by_two_workers_is_written_down_once(floor: Floor):
    order = await floor.bought((await floor.variant(), 2))
    service, asked = orders_without(floor, payments="refund")
    await service.refund(refund(order, amount=700))
    ((task_id, data),) = await floor.rows(
        "SELECT id, data FROM orders.tasks WHERE order_id = $1 AND NOT done", order.id
    )
    asked["payments"].dead.clear()
    task = Task(task_id, order.id, "refund", data)
    await asyncio.gather(*(service._tasks.run(task) for _ in range(4)))
    seen = await floor.order(order.id)
    assert (seen.payment.refunded, await refunded(floor, order), types(seen).count("refunded")) == (Money(700), 700, 1)


async def test_work_that_ends_in_a_refusal_and_work_that_is_to_follow_it_do_not_wait_for_each_other(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    store, reason = OrderStore(floor.database), {"actor": "usr_a", "reason": "x"}
    refused = Task(new_id("tsk"), order.id, "refund", {**reason, "amount": 10**9})
    first, second = (Task(new_id("tsk"), order.id, "cancel", reason) for _ in range(2))
    async with store.transaction() as transaction:
        await store.load_for_update(transaction.connection, order.id)
        await store.follow(transaction.connection, refused)
        await store.follow(transaction.connection, first)
    held = asyncio.Event()

    async def refuse() -> list[Any]:
        await held.wait()
        return await outcomes([floor.house.service("orders")._tasks.run(refused)])

    ended = asyncio.create_task(refuse())
    async with store.transaction() as transaction:
        await store.load_for_update(transaction.connection, order.id)
        held.set()
        assert await waited_for(transaction, ended)
        await store.follow(transaction.connection, second)
    assert await ended == ["payment_state"]
    open_now = "SELECT id, data #>> '{next,0,id}' FROM orders.tasks WHERE order_id = $1 AND NOT done"
    assert await floor.rows(open_now, order.id) == [(first.id, second.id)]


async def test_other_work_waits_for_the_work_under_way(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    service, _ = orders_without(floor, shipping="dispatch")
    await service.ship(ship(order))
    with pytest.raises(OrderStateError, match="Other work"):
        await floor.orders.cancel(cancel(order))
