"""An order's life, with real payments, stock and parcels beside it."""

from __future__ import annotations

import pytest

from haat.contracts.orders import (
    BoughtBy,
    ListOrders,
    OrderOf,
    OrderStateError,
)
from haat.contracts.payments import CashMethod
from haat.contracts.shipping import ShipmentUnderWay
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound
from haat.kit.money import Money
from tests.services.orders.asking import (
    OlderLook,
    cancel,
    key,
    orders_without,
    placing,
    refunded,
    ship,
    types,
)
from tests.services.shopfloor import Floor, outcomes


async def test_canceling_gives_the_money_and_the_stock_back(floor: Floor):
    lamp = await floor.variant(stock=10)
    order = await floor.bought((lamp, 3))
    canceled = await floor.orders.cancel(cancel(order))
    assert (canceled.status, canceled.payment.status, canceled.payment.refunded) == (
        "canceled",
        "refunded",
        order.totals.total,
    )
    assert (await refunded(floor, order), await floor.stock(lamp)) == (order.totals.total.amount, (10, 0, 10))


@pytest.mark.parametrize(
    ("summary", "shown"),
    [
        ("sandbox wallet", "Sandbox Wallet"),
        ("Gift card + sandbox wallet", "Gift card + Sandbox Wallet"),
        ("another wallet", "another wallet"),
    ],
)
async def test_an_order_calls_its_wallet_as_people_do(floor: Floor, summary: str, shown: str):
    placed = await floor.orders.place(placing(payment_method="wallet", payment_summary=summary))
    assert (await floor.order(placed.id)).payment.summary == shown


async def test_canceling_before_the_money_was_taken_lets_it_go(floor: Floor):
    lamp = await floor.variant()
    owner = await floor.guest((lamp, 1))
    checkout = await floor.open(owner)
    done = await floor.complete(owner, checkout.id, await floor.card())
    canceled = await floor.orders.cancel(cancel(await floor.order(done.order.id)))
    assert (canceled.status, canceled.payment.status) == ("canceled", "voided")
    assert [row["state"] for row in await floor.books(checkout.id)] == ["voided"]


async def test_money_taken_unheard_of_is_counted_when_the_order_is_canceled(floor: Floor):
    lamp = await floor.variant()
    owner = await floor.guest((lamp, 1))
    done = await floor.complete(owner, (await floor.open(owner)).id, await floor.card())
    order = await floor.order(done.order.id)
    await floor.deliver("payments", "orders", order.id)
    canceled = await floor.orders.cancel(cancel(order))
    await floor.taken(order.id)
    late = await floor.order(order.id)
    total = order.totals.total
    assert (canceled.payment.status, canceled.payment.captured, canceled.payment.refunded) == ("refunded", total, total)
    assert (late.status, late.payment) == ("canceled", canceled.payment)


async def test_a_notice_of_money_after_the_cancellation_does_not_make_the_order_paid(floor: Floor):
    lamp = await floor.variant()
    order = await floor.bought((lamp, 1))
    await floor.rows(
        "UPDATE orders.orders SET status = 'canceled', payment_status = 'voided', captured_minor = 0 WHERE id = $1",
        order.id,
    )
    await floor.rows("DELETE FROM orders.inbox")
    await floor.taken(order.id)
    seen = await floor.order(order.id)
    assert (seen.status, seen.payment.status, seen.payment.refunded) == ("canceled", "refunded", order.totals.total)


async def test_canceling_twice_is_once(floor: Floor):
    lamp = await floor.variant(stock=10)
    order = await floor.bought((lamp, 3))
    await floor.orders.cancel(cancel(order))
    again = await floor.orders.cancel(cancel(order))
    assert (again.status, types(again).count("canceled"), await floor.stock(lamp)) == ("canceled", 1, (10, 0, 10))


async def test_canceling_five_times_at_once_is_once(floor: Floor):
    lamp = await floor.variant(stock=10)
    order = await floor.bought((lamp, 3))
    found = await outcomes([floor.orders.cancel(cancel(order)) for _ in range(5)])
    assert {getattr(each, "status", each) for each in found} <= {"canceled", "order_state"}
    seen = await floor.order(order.id)
    assert (seen.status, types(seen).count("canceled"), await floor.stock(lamp)) == ("canceled", 1, (10, 0, 10))
    assert await refunded(floor, order) == order.totals.total.amount


async def test_what_has_been_shipped_cannot_be_canceled(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    await floor.orders.ship(ship(order))
    await floor.parcel(order.id, "picked_up")
    with pytest.raises(OrderStateError) as refused:
        await floor.orders.cancel(cancel(order))
    assert (refused.value.facts, await refunded(floor, order)) == ({"state": "shipped"}, 0)


async def test_a_cancellation_decided_before_the_parcel_left_is_refused(floor: Floor):
    """The order is read, the parcel leaves, and only then the work begins."""
    order = await floor.bought((await floor.variant(), 1))
    store = OlderLook(floor.database)
    await store.look(order)
    await floor.parcel(order.id, "picked_up")
    with pytest.raises(OrderStateError):
        await orders_without(floor, store)[0].cancel(cancel(order))
    assert (await floor.order(order.id)).status == "shipped"


async def test_a_part_is_shipped_and_then_the_rest(floor: Floor):
    order = await floor.bought((await floor.variant(), 3))
    part = await floor.orders.ship(ship(order, 1))
    rest = await floor.orders.ship(ship(order))
    assert (part.status, [each.quantity for parcel in rest.shipments for each in parcel.items]) == ("packed", [1, 2])
    with pytest.raises(OrderStateError, match="Nothing is left"):
        await floor.orders.ship(ship(order))


async def test_more_than_is_left_cannot_be_shipped(floor: Floor):
    order = await floor.bought((await floor.variant(), 3))
    await floor.orders.ship(ship(order, 2))
    with pytest.raises(Invalid):
        await floor.orders.ship(ship(order, 2))


async def test_shipping_five_times_at_once_is_one_parcel(floor: Floor):
    order = await floor.bought((await floor.variant(), 3))
    await outcomes([floor.orders.ship(ship(order)) for _ in range(5)])
    shipments = (await floor.order(order.id)).shipments
    assert [each.quantity for parcel in shipments for each in parcel.items] == [3]


async def test_an_order_decided_on_an_older_look_is_not_shipped_twice(floor: Floor):
    order = await floor.bought((await floor.variant(), 3))
    store = OlderLook(floor.database)
    await store.look(order)
    await floor.orders.ship(ship(order))
    with pytest.raises(OrderStateError):
        await orders_without(floor, store)[0].ship(ship(order))


async def test_the_same_key_ships_once_and_is_told_the_order(floor: Floor):
    order, same = await floor.bought((await floor.variant(), 2)), key()
    await floor.orders.ship(ship(order, key=same))
    again = await floor.orders.ship(ship(order, key=same))
    assert (again.status, len(again.shipments)) == ("packed", 1)


async def test_cash_on_delivery_is_taken_on_delivery(floor: Floor):
    order = await floor.bought((await floor.variant(), 1), payment=CashMethod())
    before = (order.status, order.payment.status, order.payment.captured)
    await floor.parcel(order.id, "picked_up", "delivered")
    await floor.house.service("orders").finish_tasks()
    seen = await floor.order(order.id)
    assert before == ("confirmed", "cash_on_delivery", Money(0))
    assert (seen.status, seen.payment.status, seen.payment.captured) == ("delivered", "paid", order.totals.total)


async def test_parcels_move_an_order_forward_only(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    await floor.parcel(order.id, "delivered", "in_transit", "out_for_delivery")
    seen = await floor.order(order.id)
    assert (seen.status, types(seen)) == ("delivered", ["placed", "paid", "delivered"])


async def test_a_canceled_order_stays_canceled_whatever_its_parcel_does(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    await floor.orders.cancel(cancel(order))
    await floor.parcel(order.id, "picked_up")
    assert (await floor.order(order.id)).status == "canceled"


async def test_a_parcel_on_its_way_keeps_the_order_from_being_canceled(floor: Floor):
    """The carrier has it, and the notice has not come yet."""
    order = await floor.bought((await floor.variant(), 1))
    await floor.orders.ship(ship(order))
    await floor.rows("UPDATE shipping.shipments SET status = 'in_transit' WHERE order_id = $1", order.id)
    with pytest.raises(ShipmentUnderWay):
        await floor.orders.cancel(cancel(order))
    assert (await refunded(floor, order), (await floor.order(order.id)).status) == (0, "packed")


async def test_what_was_lost_on_its_way_is_not_put_back_on_sale_before_the_order_hears_of_it(floor: Floor):
    lamp = await floor.variant(stock=3)
    order = await floor.bought((lamp, 1))
    parcel = (await floor.orders.ship(ship(order))).shipments[0].id
    await floor.rows("INSERT INTO shipping.tracking VALUES ($1, now(), 'picked_up', '', '')", parcel)
    await floor.rows("UPDATE shipping.shipments SET status = 'failed' WHERE id = $1", parcel)
    with pytest.raises(ShipmentUnderWay):
        await floor.orders.cancel(cancel(order))
    assert (await refunded(floor, order), await floor.stock(lamp)) == (0, (2, 0, 2))
    assert (await floor.order(order.id)).status == "packed"


async def test_orders_show_without_their_parcels_while_shipping_is_away(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    service, _ = orders_without(floor, shipping="shipments")
    assert (await service.order(OrderOf(order=order.id, any_owner=True))).shipments == []


async def test_strangers_are_told_nothing(floor: Floor):
    order = await floor.bought((await floor.variant(), 1), user_id=new_id("usr"))
    for who in ({"user_id": new_id("usr")}, {"cart_token": "crt_x.y"}, {"link": "guessed"}, {}):
        with pytest.raises(NotFound):
            await floor.orders.order(OrderOf(order=order.id, **who))


async def test_the_link_shows_the_order(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    link = (await floor.orders.link(OrderOf(order=order.id, any_owner=True))).link
    assert (await floor.orders.order(OrderOf(order=order.number, link=link))).id == order.id


async def test_lists_page_on_by_their_cursor(floor: Floor):
    user_id, lamp = new_id("usr"), await floor.variant()
    ids = [(await floor.bought((lamp, 1), user_id=user_id, payment=CashMethod())).id for _ in range(3)]
    first = await floor.orders.orders(ListOrders(user_id=user_id, limit=2))
    rest = await floor.orders.orders(ListOrders(user_id=user_id, limit=2, cursor=first.next_cursor))
    assert [order.id for order in [*first.data, *rest.data]] == ids[::-1]
    assert (first.has_more, rest.has_more, rest.next_cursor) == (True, False, None)


async def test_what_was_bought_is_known(floor: Floor):
    user_id, lamp = new_id("usr"), await floor.variant()
    order = await floor.bought((lamp, 1), user_id=user_id)
    product_id = order.items[0].product_id
    assert (await floor.orders.bought(BoughtBy(user_id=user_id, product_id=product_id))).bought
    await floor.orders.cancel(cancel(order))
    assert not (await floor.orders.bought(BoughtBy(user_id=user_id, product_id=product_id))).bought
