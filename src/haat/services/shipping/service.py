"""Shipping's use cases: rates, dispatch, cancellation, and what the carrier tells."""

from __future__ import annotations

import asyncio

import msgspec
import structlog

from haat.contracts.payments import SignatureRefused
from haat.contracts.shipping import (
    CancelShipments,
    CarrierNotice,
    Dispatch,
    Rates,
    RatesFor,
    Shipment,
    ShipmentMoved,
    ShipmentsOf,
    ShipmentUnderWay,
    Shipping,
)
from haat.kit.clock import now
from haat.kit.database import Transaction
from haat.kit.ids import is_id, new_id
from haat.kit.message import NotFound, Nothing, Page, Unavailable
from haat.kit.telemetry import STUCK
from haat.ports.carrier import Answered, Booking, Carrier, CarrierEvent, ParcelFact, Place, Refused, Unknown
from haat.services.shipping.model import (
    WAREHOUSE,
    DispatchBody,
    boxes,
    expected,
    forward,
    options_for,
    promised,
    under_way,
    unheard,
    units_in,
)
from haat.services.shipping.store import ShippingStore, StoredShipment

log = structlog.get_logger("haat.shipping")
# Longer than a call to the carrier may take: nobody else asks about the same parcel meanwhile.
LEASE_SECONDS = 30
LONGEST_WAIT_SECONDS = 300
DUE_AT_ONCE = 10
# Tries until a parcel that the carrier does not take is an alarm: about ten minutes.
STUCK_TRIES = 9
# A notice may be lost for good. Without the last one an order never arrives: nothing of it can come back, and what the
# courier collected is not in the books.
UNHEARD_SECONDS = 6 * 3600


class ShippingService(Shipping):
    """A parcel's row stands before the carrier is called; an unknown outcome is resolved under the same key."""

    def __init__(self, store: ShippingStore, carrier: Carrier, seller_region: str = "KA") -> None:
        self._store = store
        self._carrier = carrier
        self._seller_region = seller_region

    async def rates(self, ask: RatesFor) -> Rates:
        return Rates(options=options_for(ask, self._seller_region, now()))

    async def dispatch(self, ask: Dispatch) -> Shipment:
        shipment_id = new_id("shp")
        async with self._store.connection() as connection:
            made = await self._store.create(
                connection,
                shipment_id,
                ask.request_id,
                ask.order_id,
                self._carrier.name,
                self._body(shipment_id, ask),
                LEASE_SECONDS,
            )
            there = made or await self._store.by_request(connection, ask.request_id)
            mine = made or await self._store.claim(connection, there.id, LEASE_SECONDS)
        if mine is not None:
            await self._book(mine)
        async with self._store.connection() as connection:
            return (await self._store.of_shipment(connection, there.id)).view()

    async def shipments(self, ask: ShipmentsOf) -> Page[Shipment]:
        if not ask.order_ids:
            return Page(data=[])
        async with self._store.connection() as connection:
            found = await self._store.of_orders(connection, ask.order_ids)
        return Page(data=[each.view() for each in found])

    async def cancel(self, ask: CancelShipments) -> Nothing:
        async with self._store.connection() as connection:
            found = await self._store.of_orders(connection, [ask.order_id])
        if ask.shipment_id is None:
            meant = [each for each in found if each.direction == "outbound"]
        else:
            meant = [each for each in found if each.id == ask.shipment_id]
        for each in meant:
            if under_way(each.status):
                raise ShipmentUnderWay(shipment_id=each.id, state=each.status)
        for each in meant:
            if each.status == "created":
                await self._cancel(each)
        return Nothing()

    async def notice(self, ask: CarrierNotice) -> Nothing:
        if ask.carrier != self._carrier.name:
            raise NotFound()
        told = self._carrier.verify(ask.body, ask.headers)
        if told is None:
            raise SignatureRefused()
        if not is_id(told.fact.reference, "shp"):
            log.warning("a notice about a parcel that is not ours", carrier=ask.carrier, notice_id=told.id)
            return Nothing()
        async with self._store.transaction() as transaction:
            shipment = await self._store.lock_for_notice(
                transaction.connection, f"{ask.carrier}:{told.id}", told.fact.reference
            )
            if shipment is not None:
                await self._apply(transaction, shipment, told.fact)
        return Nothing()

    async def book_queued(self) -> None:
        """Ask the carrier again for every parcel that it has not confirmed yet."""
        async with self._store.connection() as connection:
            due = await self._store.claim_due(connection, LEASE_SECONDS, DUE_AT_ONCE)
        await asyncio.gather(*(self._book(shipment) for shipment in due))

    async def look_after_unheard(self) -> None:
        """Ask the carrier about parcels on their way of which no notice has come for long."""
        async with self._store.connection() as connection:
            due = await self._store.claim_unheard(connection, UNHEARD_SECONDS, DUE_AT_ONCE)
        await asyncio.gather(*(self._look(shipment) for shipment in due))

    async def _look(self, shipment: StoredShipment) -> None:
        assert shipment.carrier_reference is not None
        outcome = await self._carrier.fetch(shipment.carrier_reference)
        if isinstance(outcome, Answered):
            async with self._store.transaction() as transaction:
                current = await self._store.lock(transaction.connection, shipment.id)
                await self._apply(transaction, current, outcome.fact)
        else:
            log.warning("nothing is heard of a parcel", shipment_id=shipment.id, outcome=type(outcome).__name__)

    async def _book(self, shipment: StoredShipment) -> bool:
        """Whether the carrier has given a definite answer, now stored."""
        outcome = await self._carrier.book(shipment.id, shipment.body.booking)
        if isinstance(outcome, Unknown):
            wait = min(LONGEST_WAIT_SECONDS, 2**shipment.tries)
            async with self._store.connection() as connection:
                await self._store.put_off(connection, shipment.id, wait)
            log.warning("the carrier does not answer", shipment_id=shipment.id, why=outcome.why, again_in=wait)
            if shipment.tries >= STUCK_TRIES:
                STUCK.labels("book").inc()
            if shipment.tries == STUCK_TRIES:
                log.error("parcel stuck", shipment_id=shipment.id, order_id=shipment.order_id, tries=shipment.tries)
            return False
        async with self._store.transaction() as transaction:
            current = await self._store.lock(transaction.connection, shipment.id)
            if isinstance(outcome, Answered):
                await self._apply(transaction, current, outcome.fact)
            elif current.booking == "queued":
                await self._store.refuse(transaction.connection, current.id)
                transaction.publish(_moved(current, "failed", detail=outcome.detail))
                log.error("the carrier refuses a parcel", shipment_id=current.id, code=outcome.code)
        return True

    async def _cancel(self, shipment: StoredShipment) -> None:
        if shipment.booking == "queued":
            # The carrier may have it: only a definite answer tells whether there is something to cancel.
            if not await self._book(shipment):
                raise Unavailable("the carrier does not answer")
            async with self._store.connection() as connection:
                shipment = await self._store.of_shipment(connection, shipment.id)
        if shipment.carrier_reference is None:
            return
        outcome = await self._carrier.cancel(f"{shipment.id}:cancel", shipment.carrier_reference)
        if isinstance(outcome, Refused):
            # It has left, or was stopped at the carrier's own desk; its notice may be on the way, or lost.
            await self._look(shipment)
            async with self._store.connection() as connection:
                now_known = (await self._store.of_shipment(connection, shipment.id)).status
            if now_known == "canceled":
                return
            raise ShipmentUnderWay(shipment_id=shipment.id, state=now_known)
        if isinstance(outcome, Unknown):
            raise Unavailable(outcome.why)
        async with self._store.transaction() as transaction:
            await self._apply(transaction, await self._store.lock(transaction.connection, shipment.id), outcome.fact)

    async def _apply(self, transaction: Transaction, shipment: StoredShipment, fact: ParcelFact) -> None:
        status = forward(shipment.status, fact.state)
        if shipment.status == "canceled" and under_way(fact.state):
            # Its units were put back on sale, and its money may have gone back.
            log.error("a canceled parcel is on its way", shipment_id=shipment.id, order_id=shipment.order_id)
        day = expected(shipment.body.promised, fact.estimated_delivery)
        await self._store.save_fact(transaction.connection, shipment.id, status, fact, day, UNHEARD_SECONDS)
        if status != shipment.status:
            left = unheard(shipment.status, status, fact.events)
            if left is not None:
                transaction.publish(_moved(shipment, left.code, fact.tracking_number, _said(left)))
            last = max(fact.events, key=lambda event: event.at, default=None)
            transaction.publish(_moved(shipment, status, fact.tracking_number, _said(last)))

    def _body(self, shipment_id: str, ask: Dispatch) -> DispatchBody:
        customer = msgspec.convert(ask.address, Place, from_attributes=True)
        back = ask.direction == "return"
        booking = Booking(
            reference=shipment_id,
            origin=customer if back else WAREHOUSE,
            destination=WAREHOUSE if back else customer,
            weights_grams=boxes(ask.weight_grams),
            service=ask.method,
            direction="return" if back else "outbound",
        )
        promise = None if back else promised(ask.address, ask.method, self._seller_region, now())
        return DispatchBody(booking=booking, items=ask.items, promised=promise)


def _said(event: CarrierEvent | None) -> str:
    return f"{event.description} ({event.location})" if event else ""


def _moved(shipment: StoredShipment, status: str, tracking_number: str = "", detail: str = "") -> ShipmentMoved:
    return ShipmentMoved(
        shipment_id=shipment.id,
        order_id=shipment.order_id,
        status=status,
        direction=shipment.direction,
        carrier=shipment.carrier,
        tracking_number=tracking_number or shipment.tracking_number,
        detail=detail,
        units=units_in(shipment.body),
    )
