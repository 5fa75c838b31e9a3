"""Orders whose units travel apart: an order is where its units are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.contracts.orders import (
    Order,
    OrderMoved,
    OrderStateError,
    ParcelUndelivered,
    ReceiveReturn,
    RefundOrder,
    ShipItem,
    TakeBack,
)
from haat.contracts.payments import CashMethod, IssueGiftCard
from haat.contracts.shipping import ShipmentMoved
from haat.kit.clock import now
from haat.kit.database import Batch
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import Invalid
from haat.kit.money import Money
from haat.services.orders.model import RANK, StoredOrder
from haat.services.orders.parcels import with_parcel
from haat.services.orders.store import OrderStore, Task
from tests.services.orders.asking import STAFF, cancel, key, line, refund, sent_back, ship, types
from tests.services.orders.test_model import order as stored
from tests.services.shopfloor import PRICE, Floor, outcomes


async def of_three(floor: Floor, **how: object) -> tuple[Order, str]:
    """An order of three units of one item."""
    order = await floor.bought((await floor.variant(), 3), **how)
    return order, order.items[0].id


async def test_an_order_is_delivered_when_its_last_unit_is(floor: Floor):
    order, item = await of_three(floor)
    seen = []
    for shipment, units, status in [
        ("shp_1", 1, "picked_up"),
        ("shp_2", 2, "picked_up"),
        ("shp_1", 1, "out_for_delivery"),
        ("shp_1", 1, "delivered"),
        ("shp_2", 2, "out_for_delivery"),
        ("shp_2", 2, "delivered"),
    ]:
        await floor.parcel(order.id, status, shipment=shipment, units={item: units})
        seen.append((await floor.order(order.id)).status)
    parts = ["partially_shipped", "shipped", "shipped", "partially_delivered", "partially_delivered", "delivered"]
    assert seen == parts
    assert types(await floor.order(order.id))[2:] == list(dict.fromkeys(parts))


async def arrived(floor: Floor, order: Order, shipment: str, units: int) -> Order:
    """The order once a parcel of it is there, and what follows is done."""
    await floor.parcel(order.id, "picked_up", "delivered", shipment=shipment, units={order.items[0].id: units})
    await floor.house.service("orders").finish_tasks()
    return await floor.order(order.id)


async def test_cash_is_collected_with_each_parcel(floor: Floor):
    order = await floor.bought((await floor.variant(amount=10_000), 3), payment=CashMethod())
    first, last = await arrived(floor, order, "shp_1", 1), await arrived(floor, order, "shp_2", 2)
    # What the delivery costs, 115 rupees, is paid with the first.
    assert (first.payment.captured, first.payment.status) == (Money(21_500), "cash_on_delivery")
    assert (last.payment.captured, last.payment.status) == (Money(41_500), "paid")
    assert types(last)[1:] == ["partially_shipped", "partially_delivered", "paid", "delivered", "paid"]


async def test_cash_of_what_arrived_can_go_back_before_the_rest_is_there(floor: Floor):
    order, _ = await of_three(floor, payment=CashMethod())
    await arrived(floor, order, "shp_1", 1)
    made = await floor.orders.request_return(sent_back(order, 1))
    await floor.orders.receive_return(ReceiveReturn(return_id=made.id, actor=STAFF))
    part = await floor.order(order.id)
    last = await arrived(floor, order, "shp_2", 2)
    assert (part.payment.refunded, last.payment.refunded) == (Money(PRICE), Money(PRICE))
    assert (last.payment.captured, last.payment.status) == (order.totals.total, "partially_refunded")


async def test_cash_that_was_never_paid_does_not_go_back(floor: Floor):
    dear, cheap = await floor.variant(), await floor.variant(amount=10_000)
    order = await floor.bought((dear, 1), (cheap, 1), payment=CashMethod())
    items = {line.sku: line.id for line in order.items}
    await floor.parcel(order.id, "picked_up", "delivered", shipment="shp_1", units={items[dear.sku]: 1})
    await floor.house.service("orders").finish_tasks()
    await floor.parcel(order.id, "picked_up", "failed", shipment="shp_2", units={items[cheap.sku]: 1})
    asks = [
        RefundOrder(order_id=order.id, actor=STAFF, reason="x", items=[ShipItem(item_id=items[each.sku], quantity=1)])
        for each in (cheap, dear)
    ]
    with pytest.raises(Invalid):
        await floor.orders.refund(asks[0])
    assert (await floor.orders.refund(asks[1])).payment.refunded == Money(PRICE)


async def test_what_was_paid_before_it_arrived_can_go_back_before(floor: Floor):
    order, _ = await of_three(floor)
    await floor.parcel(order.id, "picked_up", "delivered", shipment="shp_1", units={order.items[0].id: 1})
    assert (await floor.orders.refund(refund(order, quantity=3))).payment.refunded == Money(PRICE * 3)


async def test_a_gift_card_pays_before_cash_whatever_arrives_first(floor: Floor):
    gift = await floor.payments.issue_gift_card(IssueGiftCard(amount=Money(PRICE + 50_000), actor=STAFF))
    order, _ = await of_three(floor, payment=CashMethod(gift_cards=[gift.code]))
    captured = [(await arrived(floor, order, f"shp_{n}", 1)).payment.captured for n in range(3)]
    whole = order.totals.total
    assert captured == [Money(0), whole - Money(PRICE), whole]
    assert types(await floor.order(order.id)).count("paid") == 2


async def test_only_units_that_arrived_can_come_back(floor: Floor):
    order, item = await of_three(floor)
    with pytest.raises(OrderStateError):
        await floor.orders.request_return(sent_back(order, 1))
    await floor.parcel(order.id, "delivered", shipment="shp_1", units={item: 2})
    with pytest.raises(Invalid):
        await floor.orders.request_return(sent_back(order, 3))
    await floor.orders.request_return(sent_back(order, 1))
    with pytest.raises(Invalid):
        await floor.orders.request_return(sent_back(order, 2))
    await floor.parcel(order.id, "delivered", shipment="shp_2", units={item: 1})
    made = await floor.orders.request_return(sent_back(order, 2))
    assert (await floor.order(order.id)).status == "delivered"
    assert made.items[0].quantity == 2


async def test_what_the_carrier_refuses_can_be_handed_over_again(floor: Floor):
    order, item = await of_three(floor)
    first = (await floor.orders.ship(ship(order))).shipments[0]
    await floor.parcel(order.id, "failed", shipment=first.id, units={item: 3})
    again = await floor.orders.ship(ship(order))
    assert (types(again)[2:], [p.items[0].quantity for p in again.shipments]) == (
        ["packed", "parcel_failed", "packed"],
        [3, 3],
    )


async def test_an_order_whose_only_parcel_the_carrier_refuses_waits_to_be_packed_again(floor: Floor):
    order, item = await of_three(floor)
    first = (await floor.orders.ship(ship(order, 2))).shipments[0]
    second = (await floor.orders.ship(ship(order, 1))).shipments[1]
    seen = []
    for parcel, units in ((first.id, 2), (second.id, 1)):
        await floor.parcel(order.id, "failed", shipment=parcel, units={item: units})
        seen.append((await floor.order(order.id)).status)
    assert seen == ["packed", "confirmed"]
    assert order.id not in await OrderStore(floor.database).to_fulfil(now() + timedelta(seconds=5), 10_000)


async def test_an_order_whose_parcel_is_refused_before_it_is_noted_is_not_packed(floor: Floor):
    order, item = await of_three(floor)
    store, task = OrderStore(floor.database), new_id("tsk")
    await floor.parcel(order.id, "failed", units={item: 3})
    async with store.connection() as connection:
        await store.begin_task(connection, Task(task, order.id, "ship", {"actor": STAFF, "units": {item: 3}}), 0)
    await floor.house.service("orders").finish_tasks()
    assert (await floor.order(order.id)).status == "confirmed"


async def test_what_was_stopped_before_it_left_can_be_handed_over_again(floor: Floor):
    order, item = await of_three(floor)
    first = (await floor.orders.ship(ship(order))).shipments[0]
    await floor.parcel(order.id, "canceled", shipment=first.id, units={item: 3})
    again = await floor.orders.ship(ship(order))
    assert (again.status, types(again)[2:], [p.items[0].quantity for p in again.shipments]) == (
        "packed",
        ["packed", "parcel_canceled", "packed"],
        [3, 3],
    )


async def test_a_parcel_stopped_beside_one_that_had_left_is_sent_after_it(floor: Floor):
    order, item = await of_three(floor)
    await floor.orders.ship(ship(order, 1))
    stopped, left = (await floor.orders.ship(ship(order, 2))).shipments
    await floor.parcel(order.id, "canceled", shipment=stopped.id, units={item: 1})
    await floor.parcel(order.id, "picked_up", "delivered", shipment=left.id, units={item: 2})
    part = await floor.order(order.id)
    last = (await floor.orders.ship(ship(order))).shipments[-1]
    await floor.parcel(order.id, "picked_up", "delivered", shipment=last.id, units={item: 1})
    assert (part.status, last.items[0].quantity) == ("partially_delivered", 1)
    assert (await floor.order(order.id)).status == "delivered"


async def test_a_parcel_stopped_because_its_order_is_canceled_is_not_told_of_again(floor: Floor):
    order, item = await of_three(floor)
    first = (await floor.orders.ship(ship(order))).shipments[0]
    seen = await floor.orders.cancel(cancel(order))
    await floor.parcel(order.id, "canceled", shipment=first.id, units={item: 3})
    assert await floor.order(order.id) == seen


async def test_what_is_lost_on_the_way_is_not_sent_again_by_itself(floor: Floor):
    order, item = await of_three(floor)
    await floor.orders.ship(ship(order))
    await floor.parcel(order.id, "picked_up", "failed", shipment="shp_9", units={item: 3})
    with pytest.raises(OrderStateError, match="Nothing is left"):
        await floor.orders.ship(ship(order))


def taking_back(order: Order, shipment_id: str, idempotency: Idempotency | None = None) -> TakeBack:
    return TakeBack(order_id=order.id, shipment_id=shipment_id, actor=STAFF, idempotency=idempotency)


async def given_up(floor: Floor, **how: object) -> tuple[Order, str]:
    """An order of three units whose only parcel was at the door, and its id."""
    order, item = await of_three(floor, **how)
    parcel = (await floor.orders.ship(ship(order))).shipments[0].id
    await floor.parcel(order.id, "picked_up", "out_for_delivery", "failed", shipment=parcel, units={item: 3})
    return await floor.order(order.id), parcel


async def test_a_parcel_that_was_given_up_is_told_once(floor: Floor):
    order, parcel = await given_up(floor)
    await floor.parcel(order.id, "failed", shipment=parcel, units={order.items[0].id: 3})
    told = await floor.told("orders", order.id)
    assert [each.shipment_id for each in told if isinstance(each, ParcelUndelivered)] == [parcel]


async def test_an_undelivered_parcel_is_sent_anew_once_it_was_taken_back(floor: Floor):
    order, parcel = await given_up(floor)
    back = await floor.orders.take_back(taking_back(order, parcel))
    again = await floor.orders.ship(ship(order))
    assert ((order.status, order.undelivered), (back.status, back.undelivered)) == (
        ("out_for_delivery", [parcel]),
        ("confirmed", []),
    )
    assert ([each.items[0].quantity for each in again.shipments], types(again)[-3:]) == (
        [3, 3],
        ["parcel_failed", "parcel_back", "packed"],
    )


async def test_an_order_whose_parcel_was_refused_at_the_door_is_canceled_once_it_is_back(floor: Floor):
    lamp = await floor.variant(stock=3)
    order = await floor.bought((lamp, 3), payment=CashMethod())
    parcel = (await floor.orders.ship(ship(order))).shipments[0].id
    await floor.parcel(
        order.id, "picked_up", "out_for_delivery", "failed", shipment=parcel, units={order.items[0].id: 3}
    )
    with pytest.raises(OrderStateError):
        await floor.orders.cancel(cancel(order))
    sold = await floor.stock(lamp)
    await floor.orders.take_back(taking_back(order, parcel))
    ended = await floor.orders.cancel(cancel(order))
    assert (ended.status, ended.payment.status, ended.payment.captured) == ("canceled", "voided", Money(0))
    assert (sold, await floor.stock(lamp)) == ((0, 0, 0), (3, 0, 3))


async def test_what_came_back_beside_what_was_delivered_is_sent_after_it(floor: Floor):
    order, item = await of_three(floor)
    await floor.parcel(order.id, "picked_up", "delivered", shipment="shp_1", units={item: 1})
    lost = (await floor.orders.ship(ship(order, 2))).shipments[0].id
    await floor.parcel(order.id, "picked_up", "failed", shipment=lost, units={item: 2})
    back = await floor.orders.take_back(taking_back(order, lost))
    last = (await floor.orders.ship(ship(order, 2))).shipments[-1].id
    await floor.parcel(order.id, "picked_up", "delivered", shipment=last, units={item: 2})
    assert (back.status, (await floor.order(order.id)).status) == ("partially_delivered", "delivered")


async def test_what_is_sent_again_is_told_as_another_way(floor: Floor):
    order, parcel = await given_up(floor)
    await floor.orders.take_back(taking_back(order, parcel))
    again = (await floor.orders.ship(ship(order))).shipments[-1].id
    await floor.parcel(order.id, "picked_up", shipment=again, units={order.items[0].id: 3})
    moved = [event for event in await floor.told("orders", order.id) if isinstance(event, OrderMoved)]
    assert [event.came_back for event in moved if event.status == "shipped"] == [0, 1]


async def test_while_another_parcel_is_missing_an_order_is_not_open_again(floor: Floor):
    order, item = await of_three(floor)
    await floor.orders.ship(ship(order, 1))
    one, two = [each.id for each in (await floor.orders.ship(ship(order, 2))).shipments]
    for parcel, units in ((one, 1), (two, 2)):
        await floor.parcel(order.id, "picked_up", "failed", shipment=parcel, units={item: units})
    first = await floor.orders.take_back(taking_back(order, one))
    last = await floor.orders.take_back(taking_back(order, two))
    assert [(each.status, each.undelivered) for each in (first, last)] == [
        ("partially_shipped", [two]),
        ("confirmed", []),
    ]


async def test_an_order_is_packed_when_one_parcel_is_here_again_and_the_next_is_packed(floor: Floor):
    order, item = await of_three(floor)
    one, two = [(await floor.orders.ship(ship(order, units))).shipments[-1].id for units in (1, 2)]
    for parcel, units in ((one, 1), (two, 2)):
        await floor.parcel(order.id, "picked_up", "failed", shipment=parcel, units={item: units})
    await floor.orders.take_back(taking_back(order, one))
    await floor.orders.ship(ship(order, 1))
    assert (await floor.orders.take_back(taking_back(order, two))).status == "packed"


async def test_a_parcel_is_taken_back_once_however_often_it_is_told(floor: Floor):
    order, parcel = await given_up(floor)
    once = key()
    await outcomes([floor.orders.take_back(taking_back(order, parcel)) for _ in range(5)])
    await outcomes([floor.orders.take_back(taking_back(order, parcel, once)) for _ in range(2)])
    again = await floor.orders.ship(ship(order))
    assert (again.shipments[-1].items[0].quantity, types(again).count("parcel_back")) == (3, 1)


@pytest.mark.parametrize("told", [(), ("picked_up",), ("picked_up", "delivered"), ("picked_up", "delivered", "failed")])
async def test_only_a_parcel_that_was_given_up_is_taken_back(floor: Floor, told: tuple[str, ...]):
    order, item = await of_three(floor)
    await floor.parcel(order.id, *told, shipment="shp_1", units={item: 3})
    with pytest.raises(OrderStateError, match="not given this parcel up"):
        await floor.orders.take_back(taking_back(order, "shp_1"))


async def test_a_late_notice_moves_no_parcel_that_was_given_up(floor: Floor):
    order, parcel = await given_up(floor)
    await floor.parcel(order.id, "in_transit", shipment=parcel, units={order.items[0].id: 3})
    assert (await floor.order(order.id)).undelivered == [parcel]


async def test_a_notice_without_units_means_the_whole_order(floor: Floor):
    order, _ = await of_three(floor)
    await floor.parcel(order.id, "delivered")
    assert (await floor.order(order.id)).status == "delivered"


async def test_a_batch_of_notices_in_any_order_ends_where_the_parcels_are(floor: Floor):
    order, item = await of_three(floor)
    about = {"order_id": order.id, "carrier": "sandbox", "tracking_number": "SB1", "direction": "outbound"}
    told = [("shp_2", 2, "delivered"), ("shp_1", 1, "delivered"), ("shp_1", 1, "picked_up"), ("shp_2", 2, "in_transit")]
    events = [ShipmentMoved(**about, shipment_id=s, status=status, units={item: n}) for s, n, status in told]
    await floor.house.service("orders").following.shipments_moved(Batch(events))
    assert (await floor.order(order.id)).status == "delivered"


STEPS = ["picked_up", "in_transit", "out_for_delivery", "delivered"]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(STEPS)),
        max_size=24,
    )
)
def test_an_order_is_delivered_exactly_when_all_four_parcels_are(notices: list[tuple[int, str]]):
    order: StoredOrder = stored(line("a", 4, 1000), status="packed")
    for parcel, status in notices:
        moved = with_parcel(order, f"shp_{parcel}", status, {"a": 1})
        assert RANK[moved.status] >= RANK[order.status]
        order = moved
    arrived = {parcel for parcel, status in notices if status == "delivered"}
    assert (order.status == "delivered") is (len(arrived) == 4)
    assert (order.status == "partially_delivered") is (0 < len(arrived) < 4)
