"""Parcels handed to a real carrier: once each, whatever gets lost, and never backwards."""

import asyncio

import msgspec
import pytest

from haat.contracts.payments import SignatureRefused
from haat.contracts.shipping import CancelShipments, RatesFor, ShipmentMoved, ShipmentsOf, ShipmentUnderWay
from haat.kit.ids import new_id
from haat.kit.message import NotFound, Unavailable
from haat.kit.money import Money


async def test_a_dispatched_parcel_has_a_tracking_number_and_a_label(shipping, parcel_for):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    assert (made.status, made.carrier, made.label_url, [event.code for event in made.events]) == (
        "created",
        "sandbox",
        f"https://parcels.example/sandbox/labels/{made.tracking_number}",
        ["created"],
    )


async def test_the_same_request_makes_one_parcel(shipping, parcel_for, parcels):
    ask = parcel_for(new_id("ord"))
    first, second = await shipping.dispatch(ask), await shipping.dispatch(ask)
    assert (first, len(await parcels(ask.order_id))) == (second, 1)


async def test_ten_requests_at_once_book_one_parcel_at_the_carrier(shipping, depot, parcel_for):
    ask = parcel_for(new_id("ord"))
    made = await asyncio.gather(*(shipping.dispatch(ask) for _ in range(10)))
    (notice,) = await depot.take(1)
    assert ({each.id for each in made}, depot.notices.empty()) == (
        {msgspec.json.decode(notice.body)["data"]["shipment"]["reference"]},
        True,
    )


async def test_a_parcel_stays_queued_while_the_carrier_is_away(shipping, depot, parcel_for):
    await depot.disturb("book", "drop_before")
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    assert (made.status, made.tracking_number, made.events) == ("created", "", [])


async def test_a_queued_parcel_is_booked_by_the_sweep(shipping, depot, parcel_for, parcels, due_now):
    await depot.disturb("book", "drop_before")
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await due_now(made.order_id)
    await shipping.book_queued()
    assert len((await parcels(made.order_id))[0].tracking_number) == 16


async def test_a_lost_answer_is_resolved_without_a_second_parcel(shipping, depot, parcel_for, parcels, due_now):
    await depot.disturb("book", "drop_after")
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    (first,) = await depot.take(1)
    await due_now(made.order_id)
    await shipping.book_queued()
    known = msgspec.json.decode(first.body)["data"]["shipment"]["tracking_number"]
    assert ((await parcels(made.order_id))[0].tracking_number, depot.notices.empty()) == (known, True)


async def test_a_notice_resolves_a_lost_answer_too(shipping, depot, parcel_for, parcels):
    await depot.disturb("book", "drop_after")
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    (notice,) = await depot.take(1)
    await shipping.notice(notice)
    assert len((await parcels(made.order_id))[0].tracking_number) == 16


async def test_two_sweeps_do_not_ask_about_the_same_parcel(shipping, depot, parcel_for, due_now):
    await depot.disturb("book", "drop_before")
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await due_now(made.order_id)
    await depot.disturb("book", "500_after", times=2)
    await asyncio.gather(shipping.book_queued(), shipping.book_queued())
    await depot.take(1)
    again = await shipping.dispatch(parcel_for(new_id("ord")))
    # The second fault is still there for this parcel: the sweeps used up only one.
    assert again.tracking_number == ""


async def test_what_the_carrier_refuses_has_failed(shipping, parcel_for, told):
    made = await shipping.dispatch(parcel_for(new_id("ord"), method="by pigeon"))
    assert (made.status, await told(made.order_id)) == ("failed", ["failed"])


async def test_a_parcel_is_followed_to_the_door(shipping, depot, parcel_for, parcels, told):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.advance(4001)
    for notice in await depot.take(6):
        await shipping.notice(notice)
    (arrived,) = await parcels(made.order_id)
    assert (arrived.status, [event.code for event in arrived.events]) == (
        "delivered",
        ["created", "picked_up", "in_transit", "in_transit", "out_for_delivery", "delivered"],
    )
    assert await told(made.order_id) == ["picked_up", "in_transit", "out_for_delivery", "delivered"]


async def test_a_parcel_is_expected_on_the_promised_day(shipping, parcel_for, parcels):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    ask = RatesFor(address=parcel_for(made.order_id).address, weight_grams=900, subtotal=Money(50_000))
    standard = (await shipping.rates(ask)).options[0]
    # The carrier says an hour from now: in the sandbox roads are short.
    assert (await parcels(made.order_id))[0].estimated_delivery == standard.delivery_date


async def test_the_others_are_told_what_is_in_a_parcel(shipping, depot, parcel_for, database):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.advance(1001)
    for notice in await depot.take(2):
        await shipping.notice(notice)
    async with database.connection() as connection:
        body = await connection.fetchval("SELECT body FROM shipping.outbox WHERE key = $1", made.order_id)
    assert msgspec.json.decode(body, type=ShipmentMoved).units == {"itm_1": 2}


async def test_notices_in_reverse_order_end_as_delivered(shipping, depot, parcel_for, parcels, told):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.advance(4001)
    for notice in reversed(await depot.take(6)):
        await shipping.notice(notice)
    (arrived,) = await parcels(made.order_id)
    assert (arrived.status, len(arrived.events), await told(made.order_id)) == ("delivered", 6, ["delivered"])


async def test_a_parcel_that_failed_before_any_notice_of_its_way_came_was_on_it(shipping, depot, parcel_for, told):
    address = msgspec.structs.replace(parcel_for("").address, name="Nobody home")
    made = await shipping.dispatch(parcel_for(new_id("ord"), address=address))
    await depot.advance(4001)
    for notice in reversed(await depot.take(6)):
        await shipping.notice(notice)
    assert await told(made.order_id) == ["picked_up", "failed"]


async def test_a_notice_that_comes_ten_times_at_once_counts_once(shipping, depot, parcel_for, told):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.advance(1001)
    _, picked_up = await depot.take(2)
    await asyncio.gather(*(shipping.notice(picked_up) for _ in range(10)))
    assert await told(made.order_id) == ["picked_up"]


async def test_different_notices_at_once_never_move_it_back(shipping, depot, parcel_for, parcels):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.advance(4001)
    await asyncio.gather(*(shipping.notice(notice) for notice in await depot.take(6)))
    assert (await parcels(made.order_id))[0].status == "delivered"


async def test_a_forged_notice_is_refused(shipping, depot, parcel_for):
    await shipping.dispatch(parcel_for(new_id("ord")))
    (notice,) = await depot.take(1)
    with pytest.raises(SignatureRefused):
        await shipping.notice(msgspec.structs.replace(notice, body=notice.body + b" "))


async def test_an_unknown_carrier_is_not_found(shipping, depot, parcel_for):
    await shipping.dispatch(parcel_for(new_id("ord")))
    (notice,) = await depot.take(1)
    with pytest.raises(NotFound):
        await shipping.notice(msgspec.structs.replace(notice, carrier="pigeon"))


async def test_a_waiting_parcel_is_canceled_at_the_carrier(shipping, depot, parcel_for, parcels, told):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await shipping.cancel(CancelShipments(order_id=made.order_id))
    await shipping.cancel(CancelShipments(order_id=made.order_id))
    assert ((await parcels(made.order_id))[0].status, await told(made.order_id)) == ("canceled", ["canceled"])


async def test_a_parcel_that_was_picked_up_unnoticed_is_under_way(shipping, depot, parcel_for):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.advance(1001)
    with pytest.raises(ShipmentUnderWay):
        await shipping.cancel(CancelShipments(order_id=made.order_id))


async def test_a_delivered_parcel_is_under_way(shipping, depot, parcel_for):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.advance(4001)
    for notice in await depot.take(6):
        await shipping.notice(notice)
    with pytest.raises(ShipmentUnderWay):
        await shipping.cancel(CancelShipments(order_id=made.order_id))


async def test_canceling_finds_a_parcel_whose_booking_was_lost(shipping, depot, parcel_for, parcels):
    await depot.disturb("book", "drop_after")
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await shipping.cancel(CancelShipments(order_id=made.order_id))
    assert (await parcels(made.order_id))[0].status == "canceled"


async def test_canceling_waits_for_a_carrier_that_is_away(shipping, depot, parcel_for, parcels):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.disturb("cancel", "drop_before")
    with pytest.raises(Unavailable):
        await shipping.cancel(CancelShipments(order_id=made.order_id))
    assert (await parcels(made.order_id))[0].status == "created"


async def test_an_order_without_parcels_has_nothing_to_cancel(shipping, parcels):
    order_id = new_id("ord")
    await shipping.cancel(CancelShipments(order_id=order_id))
    assert await parcels(order_id) == []


async def test_parcels_of_many_orders_come_together(shipping, parcel_for):
    asks = [parcel_for(new_id("ord")) for _ in range(3)]
    made = [await shipping.dispatch(ask) for ask in asks]
    found = await shipping.shipments(ShipmentsOf(order_ids=[ask.order_id for ask in asks]))
    assert found.data == made


async def test_a_return_travels_to_the_warehouse(shipping, depot, parcel_for):
    await shipping.dispatch(parcel_for(new_id("ord"), direction="return"))
    (notice,) = await depot.take(1)
    shipment = msgspec.json.decode(notice.body)["data"]["shipment"]
    assert (shipment["direction"], shipment["from"]["city"], shipment["to"]["city"]) == ("return", "Delhi", "Hoskote")
