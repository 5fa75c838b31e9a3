"""Work on orders that goes on failing: it raises an alarm, is shown to staff, and keeps nobody from their turn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from haat.contracts.orders import Order, StuckOf
from haat.contracts.payments import Refund
from haat.services.orders.model import for_customer
from haat.services.orders.tasks import STUCK_TRIES, wait_seconds
from tests.services.orders.asking import cancel, due, orders_without, refund, ship, types
from tests.services.shopfloor import Floor


async def tried(floor: Floor, order: Order, times: int) -> None:
    """The work on an order has failed so often."""
    await floor.rows("UPDATE orders.tasks SET tries = $2 WHERE order_id = $1 AND NOT done", order.id, times)
    await due(floor, order)


def alarms(task: str) -> float:
    """What the operator's alarm looks at."""
    return REGISTRY.get_sample_value("haat_orders_stuck_total", {"task": task}) or 0.0


def test_waits_grow_and_are_long_from_the_alarm_on_however_long_it_goes_on():
    waits = [wait_seconds(tries) for tries in (0, 1, 6, 7, STUCK_TRIES - 2, STUCK_TRIES - 1, 100_000)]
    assert waits == [0.5, 1.0, 32.0, 60.0, 60.0, 900.0, 900.0]


async def test_work_that_goes_on_failing_is_one_alarm_is_shown_and_still_tried(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    service, away = orders_without(floor, payments="void")
    await service.cancel(cancel(order))
    await tried(floor, order, STUCK_TRIES - 2)
    before, told = alarms("cancel"), []
    for _ in range(3):
        with capture_logs() as lines:
            await service.finish_tasks()
        told.append([line["log_level"] for line in lines if line["event"] == "task stuck"])
        await due(floor, order)
    found = [each for each in (await service.stuck(StuckOf(limit=100))).data if each.order_id == order.id]
    assert (told, alarms("cancel") - before) == ([[], ["error"], []], 2)
    shown = [(each.number, each.kind, each.tries, each.error) for each in found]
    assert shown == [(order.number, "cancel", STUCK_TRIES + 1, "nobody answers")]
    away["payments"].dead.clear()
    await service.finish_tasks()
    assert (await floor.order(order.id)).status == "canceled"
    assert order.id not in [each.order_id for each in (await service.stuck(StuckOf(limit=100))).data]


async def test_stuck_work_is_paged_the_oldest_first(floor: Floor):
    service, _ = orders_without(floor, payments="void")
    orders = [await floor.bought((await floor.variant(), 1)) for _ in range(2)]
    for order in orders:
        await service.cancel(cancel(order))
        await tried(floor, order, STUCK_TRIES)
    first = await service.stuck(StuckOf(limit=1))
    second = await service.stuck(StuckOf(limit=1, cursor=first.next_cursor))
    assert [each.order_id for each in [*first.data, *second.data]] == [order.id for order in orders]
    await floor.house.service("orders").finish_tasks()


class Confused:
    """A neighbour whose answer about some orders cannot be understood."""

    def __init__(self, shipping: Any, order_id: str) -> None:
        self._shipping, self._order_id = shipping, order_id

    async def dispatch(self, ask: Any) -> Any:
        if ask.order_id == self._order_id:
            raise ValueError("not as agreed")
        return await self._shipping.dispatch(ask)


async def test_work_that_breaks_waits_as_any_other_and_keeps_nobody_from_their_turn(floor: Floor):
    broken, next_one = [await floor.bought((await floor.variant(), 1)) for _ in range(2)]
    service, away = orders_without(floor, shipping="dispatch")
    for order in (broken, next_one):
        await service.ship(ship(order))
        await due(floor, order)
    away["shipping"].dead.clear()
    away["shipping"].neighbour = Confused(floor.shipping, broken.id)
    await service.finish_tasks()
    rows = await floor.rows("SELECT tries, last_error FROM orders.tasks WHERE order_id = $1", broken.id)
    seen = [(await floor.order(order.id)).status for order in (broken, next_one)]
    assert (seen, rows) == (["confirmed", "packed"], [(2, "ValueError('not as agreed')")])
    await due(floor, broken)
    await floor.house.service("orders").finish_tasks()
    assert (await floor.order(broken.id)).status == "packed"


class Hanging:
    """A neighbour that does not answer until it is told to."""

    def __init__(self, shipping: Any) -> None:
        self._shipping, self.told = shipping, asyncio.Event()

    async def dispatch(self, ask: Any) -> Any:
        await self.told.wait()
        return await self._shipping.dispatch(ask)


async def test_a_neighbour_that_hangs_does_not_hold_the_work_of_the_others(floor: Floor):
    parcel, money = [await floor.bought((await floor.variant(), 1)) for _ in range(2)]
    service, away = orders_without(floor, shipping="dispatch", payments="refund")
    await service.ship(ship(parcel))
    await service.refund(refund(money, amount=700))
    for each, order in (("shipping", parcel), ("payments", money)):
        away[each].dead.clear()
        await due(floor, order)
    away["shipping"].neighbour = hanging = Hanging(floor.shipping)
    sweep = asyncio.create_task(service.finish_tasks())
    open_now = "SELECT count(*) FROM orders.tasks WHERE order_id = $1 AND NOT done"
    async with asyncio.timeout(10):
        while await floor.value(open_now, money.id):  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.01)
    assert not sweep.done()
    hanging.told.set()
    await sweep
    assert (await floor.order(parcel.id)).status == "packed"


async def test_a_refusal_that_nobody_waits_for_is_told_to_staff_and_not_to_the_customer(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    service, away = orders_without(floor, payments="refund")
    await service.refund(refund(order, amount=700))
    whole = order.totals.total
    await floor.payments.refund(
        Refund(payment_id=order.payment.id, request_id=f"{order.id}:all", reason="x", amount=whole)
    )
    away["payments"].dead.clear()
    await due(floor, order)
    await service.finish_tasks()
    seen = await floor.order(order.id)
    assert seen.timeline[-1].detail.startswith("No money was sent back: ")
    assert (types(seen)[-1], types(for_customer(seen))) == ("work_refused", types(order))


async def test_a_refusal_that_somebody_waits_for_is_told_to_them_alone(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    with pytest.raises(Exception, match="refund"):
        await floor.orders.refund(refund(order, amount=10**9))
    assert types(await floor.order(order.id)) == types(order)
