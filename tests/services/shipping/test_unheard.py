"""Parcels whose notices do not come, or come late: the carrier is asked, and what is old tells no day any more."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from haat.contracts.shipping import CancelShipments, ShipmentUnderWay
from haat.engines.carrier.sandbox import SandboxCarrier
from haat.kit.clock import now
from haat.kit.ids import new_id
from haat.ports.carrier import CarrierEvent, ParcelFact
from haat.services.shipping.service import ShippingService
from tests.services.shipping.conftest import SECRET


async def test_a_parcel_whose_notices_were_lost_is_asked_about_and_arrives(
    shipping, depot, parcel_for, parcels, told, due_now
):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.advance(4001)
    await shipping.look_after_unheard()
    early = (await parcels(made.order_id))[0].status
    await due_now(made.order_id)
    await asyncio.gather(*(shipping.look_after_unheard() for _ in range(3)))
    (arrived,) = await parcels(made.order_id)
    assert (early, arrived.status, len(arrived.events)) == ("created", "delivered", 6)
    assert await told(made.order_id) == ["delivered"]


async def test_what_was_looked_after_is_left_alone_until_it_is_due_again(shipping, depot, parcel_for, parcels, due_now):
    made, seen = await shipping.dispatch(parcel_for(new_id("ord"))), []
    await due_now(made.order_id)
    for _ in range(2):
        await shipping.look_after_unheard()
        seen.append((await parcels(made.order_id))[0].status)
        await depot.advance(4001)
    await due_now(made.order_id)
    await shipping.look_after_unheard()
    assert [*seen, (await parcels(made.order_id))[0].status] == ["created", "created", "delivered"]


async def test_a_parcel_of_which_the_carrier_cannot_tell_stays_as_it_was(shipping, parcel_for, parcels, due_now):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    away = SandboxCarrier("http://127.0.0.1:9", [SECRET])
    await due_now(made.order_id)
    await ShippingService(shipping._store, away).look_after_unheard()
    await away.close()
    assert await parcels(made.order_id) == [made]


async def test_a_parcel_that_was_stopped_at_the_carrier_s_own_desk_is_canceled(
    shipping, parcel_for, parcels, told, database
):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    async with database.connection() as connection:
        theirs = await connection.fetchval("SELECT carrier_reference FROM shipping.shipments WHERE id = $1", made.id)
    await shipping._carrier.cancel("by hand", theirs)
    await shipping.cancel(CancelShipments(order_id=made.order_id))
    assert ((await parcels(made.order_id))[0].status, await told(made.order_id)) == ("canceled", ["canceled"])


async def test_a_parcel_that_was_stopped_and_moves_all_the_same_is_an_alarm(shipping, parcel_for, parcels):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await shipping.cancel(CancelShipments(order_id=made.order_id))
    with capture_logs() as lines:
        async with shipping._store.transaction() as transaction:
            stored = await shipping._store.lock(transaction.connection, made.id)
            await shipping._apply(transaction, stored, fact(1))
    told = [(line["log_level"], line["shipment_id"]) for line in lines if "canceled parcel" in line["event"]]
    assert (told, (await parcels(made.order_id))[0].status) == ([("error", made.id)], "canceled")


async def test_a_parcel_that_left_unnoticed_is_known_to_have_left_once_it_cannot_be_stopped(
    shipping, depot, parcel_for, parcels
):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.advance(1001)
    with pytest.raises(ShipmentUnderWay) as refused:
        await shipping.cancel(CancelShipments(order_id=made.order_id))
    assert (refused.value.facts["state"], (await parcels(made.order_id))[0].status) == ("picked_up", "picked_up")


async def test_a_parcel_that_the_carrier_does_not_take_for_long_is_one_alarm_and_still_tried(
    shipping, parcel_for, parcels, due_now, database
):
    carrier = SandboxCarrier("http://127.0.0.1:9", [SECRET])
    away = ShippingService(shipping._store, carrier)
    made, told = await away.dispatch(parcel_for(new_id("ord"))), []
    before = REGISTRY.get_sample_value("haat_orders_stuck_total", {"task": "book"}) or 0.0
    async with database.connection() as connection:
        await connection.execute("UPDATE shipping.shipments SET tries = 7 WHERE id = $1", made.id)
    for service in (away, away, away, shipping):
        await due_now(made.order_id)
        with capture_logs() as lines:
            await service.book_queued()
        stuck = [line for line in lines if line["event"] == "parcel stuck"]
        told += [(line["log_level"], line["shipment_id"], line["tries"]) for line in stuck]
    await carrier.close()
    after = REGISTRY.get_sample_value("haat_orders_stuck_total", {"task": "book"}) or 0.0
    assert (told, after - before) == ([("error", made.id, 9)], 2)
    assert len((await parcels(made.order_id))[0].events) == 1


def fact(hours: int) -> ParcelFact:
    """What the carrier knew so many hours after the parcel had left."""
    begun = now() + timedelta(hours=1)
    events = [CarrierEvent(begun + timedelta(hours=each), "in_transit", "Sorted", "Pune") for each in range(hours + 1)]
    return ParcelFact("c_1", "shp_1", "in_transit", "HC1", "", begun, tuple(events))


async def test_a_notice_that_comes_late_tells_no_older_day(shipping, parcel_for, parcels):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    store, seen = shipping._store, []
    for hours, day in ((0, 3), (2, 6), (1, 4), (2, 7)):
        async with store.connection() as connection:
            await store.save_fact(connection, made.id, "in_transit", fact(hours), date(2026, 12, day), 60)
        seen.append((await parcels(made.order_id))[0].estimated_delivery.day)
    assert seen == [3, 6, 6, 7]
