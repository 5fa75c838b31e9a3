"""What staff decide on returns: approved ones come back in a parcel, rejected ones leave their units free."""

from __future__ import annotations

import msgspec
import pytest

from haat.contracts.orders import (
    ApproveReturn,
    Order,
    OrderStateError,
    RejectReturn,
    RequestReturn,
    Return,
    ReturnItem,
    ReturnMoved,
)
from haat.contracts.shipping import Dispatch, Shipment, ShipmentsOf
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound
from haat.kit.money import Money
from tests.services.orders.asking import STAFF, due, key, orders_without, received, refund, sent_back, types
from tests.services.shopfloor import ADDRESS, PRICE, Floor, outcomes


def approved(made: Return) -> ApproveReturn:
    return ApproveReturn(return_id=made.id, actor=STAFF)


def rejected(made: Return, reason: str = "It never came") -> RejectReturn:
    return RejectReturn(return_id=made.id, actor=STAFF, reason=reason)


async def asked(floor: Floor, quantity: int = 1, amount: int = PRICE) -> tuple[Order, Return]:
    """A delivered order of as many lamps, and the return of all of them."""
    order = await floor.delivered((await floor.variant(amount=amount), quantity))
    return order, await floor.orders.request_return(sent_back(order, quantity))


async def parcel_of(floor: Floor, order: Order) -> tuple[str, int]:
    """The shipment that brings the return back, and how many there are."""
    found = (await floor.shipping.shipments(ShipmentsOf(order_ids=[order.id]))).data
    back = [each for each in found if each.direction == "return"]
    return back[0].id, len(back)


async def test_a_rejected_return_is_told_and_its_units_can_come_back_again(floor: Floor):
    order, made = await asked(floor, 2)
    with pytest.raises(Invalid):
        await floor.orders.request_return(sent_back(order))
    ended = await floor.orders.reject_return(rejected(made))
    seen = await floor.order(order.id)
    again = await floor.orders.request_return(sent_back(order, 2))
    assert [(entry.type, entry.detail, entry.actor) for entry in ended.timeline[1:]] == [
        ("rejected", "It never came", STAFF)
    ]
    assert (ended.status, seen.status, seen.payment.refunded, types(seen)[-1]) == (
        "rejected",
        "delivered",
        Money(0),
        "return_rejected",
    )
    assert (again.status, again.refund) == ("requested", Money(PRICE * 2))
    told = [event for event in await floor.told("orders", order.id) if isinstance(event, ReturnMoved)]
    assert [(event.return_id, event.status, event.detail) for event in told] == [(made.id, "rejected", "It never came")]


async def test_units_that_come_back_after_a_rejection_sum_to_their_line(floor: Floor):
    order = await floor.delivered((await floor.variant(amount=33_335), 3), coupon_codes=[await floor.coupon()])
    first, _ = [await floor.orders.request_return(sent_back(order)) for _ in range(2)]
    await floor.orders.reject_return(rejected(first))
    for _ in range(2):
        await floor.orders.request_return(sent_back(order))
    seen = await floor.order(order.id)
    living = [each.refund.amount for each in seen.returns if each.status != "rejected"]
    assert (len(living), sum(living)) == (3, order.items[0].total.amount)


async def test_rejecting_again_changes_and_tells_nothing_more(floor: Floor):
    order, made = await asked(floor)
    first = await floor.orders.reject_return(rejected(made))
    again = await floor.orders.reject_return(rejected(made, "another reason"))
    told = [event for event in await floor.told("orders", order.id) if isinstance(event, ReturnMoved)]
    assert (again, len(told)) == (first, 1)


async def test_five_who_reject_at_once_free_the_units_once(floor: Floor):
    order, made = await asked(floor, 2)
    await outcomes([floor.orders.reject_return(rejected(made)) for _ in range(5)])
    found = await outcomes([floor.orders.request_return(sent_back(order)) for _ in range(4)])
    assert [each for each in found if each == "invalid"] == ["invalid"] * 2


async def test_the_same_key_rejects_once(floor: Floor):
    _, made = await asked(floor)
    ask = RejectReturn(return_id=made.id, actor=STAFF, reason="no", idempotency=key())
    assert await floor.orders.reject_return(ask) == await floor.orders.reject_return(ask)


async def test_what_has_ended_is_neither_rejected_nor_approved_nor_received(floor: Floor):
    _, refunded = await asked(floor)
    await floor.orders.receive_return(received(refunded))
    _, refused = await asked(floor)
    await floor.orders.reject_return(rejected(refused))
    asks = [
        floor.orders.reject_return(rejected(refunded)),
        floor.orders.approve_return(approved(refunded)),
        floor.orders.approve_return(approved(refused)),
        floor.orders.receive_return(received(refused)),
    ]
    assert await outcomes(asks) == ["order_state"] * 4


async def test_a_return_whose_money_may_be_out_is_not_rejected(floor: Floor):
    order, made = await asked(floor)
    service, away = orders_without(floor, inventory="put_back")
    await service.receive_return(received(made))
    with pytest.raises(OrderStateError, match="Other work"):
        await floor.orders.reject_return(rejected(made))
    away["inventory"].dead.clear()
    await due(floor, order)
    await service.finish_tasks()
    assert (await floor.order(order.id)).returns[0].status == "refunded"


async def test_an_approved_return_is_fetched_goes_its_way_and_is_received(floor: Floor):
    order, made = await asked(floor)
    ended = await floor.orders.approve_return(approved(made))
    shipment, count = await parcel_of(floor, order)
    parcel = {"shipment": shipment, "units": {order.items[0].id: 1}, "direction": "return"}
    await floor.parcel(order.id, "picked_up", "in_transit", **parcel)
    moving = (await floor.order(order.id)).returns[0]
    await floor.parcel(order.id, "out_for_delivery", "delivered", "delivered", **parcel)
    here = await floor.order(order.id)
    back = await floor.orders.receive_return(received(made))
    assert (ended.status, count, moving.status, here.returns[0].status) == ("approved", 1, "in_transit", "in_transit")
    assert [entry.type for entry in back.timeline] == ["requested", "approved", "in_transit", "arrived", "refunded"]
    assert (here.status, back.status, back.refund) == ("delivered", "refunded", Money(PRICE))
    told = [event.status for event in await floor.told("orders", order.id) if isinstance(event, ReturnMoved)]
    assert told == ["approved"]


async def test_the_carrier_fetches_it_where_it_was_delivered(floor: Floor):
    order, made = await asked(floor, 2)
    await floor.orders.approve_return(approved(made))
    shipment, _ = await parcel_of(floor, order)
    row = (
        "SELECT body #>> '{booking,origin,line1}', body #>> '{items,0,quantity}' FROM shipping.shipments WHERE id = $1"
    )
    assert await floor.rows(row, shipment) == [(ADDRESS.line1, "2")]


async def test_approving_five_times_sends_the_carrier_once(floor: Floor):
    order, made = await asked(floor)
    await outcomes([floor.orders.approve_return(approved(made)) for _ in range(5)])
    again = await floor.orders.approve_return(approved(made))
    assert (again.status, (await parcel_of(floor, order))[1]) == ("approved", 1)


async def test_an_approval_cut_short_is_finished_once(floor: Floor):
    order, made = await asked(floor)
    service, away = orders_without(floor, shipping="dispatch")
    assert (await service.approve_return(approved(made))).status == "requested"
    away["shipping"].dead.clear()
    await due(floor, order)
    await service.finish_tasks()
    seen = await floor.order(order.id)
    assert (seen.returns[0].status, (await parcel_of(floor, order))[1]) == ("approved", 1)


async def test_a_parcel_that_never_came_is_rejected_and_moves_nothing_after(floor: Floor):
    order, made = await asked(floor)
    await floor.orders.approve_return(approved(made))
    shipment, _ = await parcel_of(floor, order)
    await floor.parcel(order.id, "picked_up", shipment=shipment, direction="return")
    ended = await floor.orders.reject_return(rejected(made, "Lost on the way"))
    await floor.parcel(order.id, "delivered", shipment=shipment, direction="return")
    assert (await floor.order(order.id)).returns == [ended]


async def called_off(floor: Floor, order: Order) -> tuple[str, list[str]]:
    """How far the return's parcel is at shipping, and what the order tells, once its carrier was asked."""
    await floor.house.service("orders").finish_tasks()
    await floor.deliver("orders", "shipping", order.id)
    (parcel,) = (await floor.shipping.shipments(ShipmentsOf(order_ids=[order.id]))).data
    return parcel.status, types(await floor.order(order.id))[-2:]


async def test_rejecting_an_approved_return_calls_its_parcel_off(floor: Floor):
    order, made = await asked(floor)
    await floor.orders.approve_return(approved(made))
    ended = await floor.orders.reject_return(rejected(made, "We sent you the wrong form"))
    assert await called_off(floor, order) == ("canceled", ["return_rejected", "parcel_canceled"])
    assert (await floor.order(order.id)).returns == [ended]


async def test_rejecting_calls_off_when_the_carrier_is_there_again(floor: Floor):
    order, made = await asked(floor)
    await floor.orders.approve_return(approved(made))
    service, away = orders_without(floor, shipping="cancel")
    await service.reject_return(rejected(made))
    await service.finish_tasks()
    away["shipping"].dead.clear()
    await due(floor, order)
    assert await called_off(floor, order) == ("canceled", ["return_rejected", "parcel_canceled"])


async def test_what_is_received_before_it_was_fetched_is_not_fetched_any_more(floor: Floor):
    order, made = await asked(floor)
    await floor.orders.approve_return(approved(made))
    ended = await floor.orders.receive_return(received(made))
    assert await called_off(floor, order) == ("canceled", ["return_received", "parcel_canceled"])
    assert (await floor.order(order.id)).returns == [ended]


async def test_nothing_is_called_off_for_what_is_received_from_the_carrier_or_without_one(floor: Floor):
    order, made = await asked(floor, 2)
    await floor.orders.approve_return(approved(made))
    shipment, _ = await parcel_of(floor, order)
    await floor.parcel(order.id, "picked_up", "delivered", shipment=shipment, direction="return")
    await floor.orders.receive_return(received(made))
    other, by_hand = await asked(floor)
    await floor.orders.receive_return(received(by_hand))
    tasks = "SELECT DISTINCT kind FROM orders.tasks WHERE order_id = ANY($1) AND kind = 'call_off'"
    assert await floor.rows(tasks, [order.id, other.id]) == []


async def test_staff_are_told_of_a_rejected_parcel_that_the_carrier_has_already(floor: Floor):
    order, made = await asked(floor)
    await floor.orders.approve_return(approved(made))
    shipment, _ = await parcel_of(floor, order)
    await floor.rows("UPDATE shipping.shipments SET status = 'in_transit' WHERE id = $1", shipment)
    await floor.orders.reject_return(rejected(made))
    assert await called_off(floor, order) == ("in_transit", ["return_rejected", "parcel_under_way"])


async def test_a_parcel_that_the_carrier_does_not_fetch_is_told_to_staff(floor: Floor):
    order, made = await asked(floor)
    await floor.orders.approve_return(approved(made))
    shipment, _ = await parcel_of(floor, order)
    await floor.parcel(order.id, "failed", shipment=shipment, direction="return")
    seen = await floor.order(order.id)
    assert (seen.timeline[-1].type, seen.timeline[-1].detail) == (
        "parcel_failed",
        "The carrier does not fetch what comes back",
    )
    assert (seen.status, seen.returns[0].status) == ("delivered", "approved")


class ByPigeon:
    """Shipping that is asked for a way of sending of which the carrier knows nothing."""

    def __init__(self, floor: Floor) -> None:
        self._shipping = floor.shipping

    async def dispatch(self, ask: Dispatch) -> Shipment:
        return await self._shipping.dispatch(msgspec.structs.replace(ask, method="by pigeon"))


async def test_a_return_that_the_carrier_refuses_is_not_approved_nobody_is_told_and_it_may_be_tried_again(floor: Floor):
    order, made = await asked(floor)
    service, away = orders_without(floor)
    away["shipping"].neighbour = ByPigeon(floor)
    with pytest.raises(OrderStateError, match="does not fetch"):
        await service.approve_return(approved(made))
    told = [event for event in await floor.told("orders", order.id) if isinstance(event, ReturnMoved)]
    assert ([each.status for each in (await floor.order(order.id)).returns], told) == (["requested"], [])
    assert (await floor.orders.approve_return(approved(made))).status == "approved"


async def test_a_parcel_that_waits_for_the_carrier_is_told_without_a_number(floor: Floor):
    _, made = await asked(floor)
    fault = {"op": "book", "mode": "500_before"}
    async with floor.session.post(f"{floor.house.settings.carrier_url}/sandbox/faults", json=fault) as answer:
        assert answer.status < 300, await answer.text()
    ended = await floor.orders.approve_return(approved(made))
    assert ended.timeline[-1].detail == "sandbox fetches it"


async def test_a_return_that_names_an_item_twice_is_counted_and_stocked_with_both(floor: Floor):
    lamp = await floor.variant(stock=10)
    order = await floor.delivered((lamp, 3))
    items = [ReturnItem(item_id=order.items[0].id, quantity=count, reason="too bright") for count in (1, 2)]
    made = await floor.orders.request_return(RequestReturn(order_id=order.id, items=items, any_owner=True))
    back = await floor.orders.receive_return(received(made))
    assert (back.refund, await floor.stock(lamp)) == (Money(PRICE * 3), (10, 0, 10))


async def test_units_whose_refund_is_under_way_cannot_be_asked_to_come_back(floor: Floor):
    order = await floor.delivered((await floor.variant(amount=33_333), 2))
    service, away = orders_without(floor, payments="refund")
    await service.refund(refund(order, quantity=1))
    with pytest.raises(Invalid):
        await floor.orders.request_return(sent_back(order, 2))
    made = await floor.orders.request_return(sent_back(order))
    away["payments"].dead.clear()
    await due(floor, order)
    await service.finish_tasks()
    with pytest.raises(Invalid):
        await floor.orders.request_return(sent_back(order))
    await floor.orders.receive_return(received(made))
    seen = await floor.order(order.id)
    assert (seen.status, seen.payment.refunded) == ("returned", order.items[0].total)


async def test_a_return_never_heard_of_is_not_decided_on(floor: Floor):
    nothing = new_id("ret")
    for ask in (
        floor.orders.approve_return(ApproveReturn(return_id=nothing, actor=STAFF)),
        floor.orders.reject_return(RejectReturn(return_id=nothing, actor=STAFF, reason="no")),
    ):
        with pytest.raises(NotFound):
            await ask
