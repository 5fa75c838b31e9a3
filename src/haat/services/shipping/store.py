"""SQL of shipping. Lock order: one shipment, then its tracking. No two shipments are locked by one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.shipping import Shipment, TrackingEvent
from haat.kit.database import Connection, Database, Transaction
from haat.kit.sql import load_queries
from haat.ports.carrier import ParcelFact
from haat.services.shipping.model import DispatchBody

queries = load_queries(Path(__file__).with_name("queries.sql"))


class StoredShipment(msgspec.Struct, frozen=True):
    """One parcel as stored; `booking` is queued, booked or refused."""

    id: str
    order_id: str
    direction: str
    carrier: str
    status: str
    booking: str
    body: DispatchBody
    tries: int
    tracking_number: str
    carrier_reference: str | None
    label_url: str | None
    estimated_delivery: date | None
    created_at: datetime
    events: list[TrackingEvent]

    def view(self) -> Shipment:
        """The parcel as other services see it."""
        return Shipment(
            id=self.id,
            order_id=self.order_id,
            carrier=self.carrier,
            tracking_number=self.tracking_number,
            status=self.status,
            items=self.body.items,
            events=self.events,
            created_at=self.created_at,
            direction=self.direction,
            label_url=self.label_url,
            estimated_delivery=self.estimated_delivery,
        )


class ShippingStore:
    """Parcels by id, by request and by order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("shipping")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def create(
        self,
        connection: Connection,
        shipment_id: str,
        request_id: str,
        order_id: str,
        carrier: str,
        body: DispatchBody,
        lease_seconds: int,
    ) -> StoredShipment | None:
        """Write the row that stands before the call; None when this request was made before."""
        row = await queries.create(
            connection,
            id=shipment_id,
            request_id=request_id,
            order_id=order_id,
            direction=body.booking.direction,
            carrier=carrier,
            body=body,
            lease_seconds=lease_seconds,
        )
        return None if row is None else _stored(row)

    async def by_request(self, connection: Connection, request_id: str) -> StoredShipment:
        """The parcel made for a request that `create` has seen before."""
        return _stored(await queries.by_request(connection, request_id=request_id))

    async def claim(self, connection: Connection, shipment_id: str, lease_seconds: int) -> StoredShipment | None:
        """The right to book a queued parcel that is due; None while another has it."""
        row = await queries.claim(connection, id=shipment_id, lease_seconds=lease_seconds)
        return None if row is None else _stored(row)

    async def claim_due(self, connection: Connection, lease_seconds: int, at_most: int) -> list[StoredShipment]:
        """Queued parcels that are due, each given to one worker."""
        rows = queries.claim_due(connection, lease_seconds=lease_seconds, at_most=at_most)
        return [_stored(row) async for row in rows]

    async def claim_unheard(self, connection: Connection, wait_seconds: int, at_most: int) -> list[StoredShipment]:
        """Parcels on their way that the carrier has long told nothing of, each given to one worker."""
        rows = queries.claim_unheard(connection, wait_seconds=wait_seconds, at_most=at_most)
        return [_stored(row) async for row in rows]

    async def put_off(self, connection: Connection, shipment_id: str, wait_seconds: int) -> None:
        """A queued parcel is due again after `wait_seconds`."""
        await queries.put_off(connection, id=shipment_id, wait_seconds=wait_seconds)

    async def lock(self, connection: Connection, shipment_id: str) -> StoredShipment:
        """One parcel that exists, locked until the transaction ends."""
        return _stored(await queries.lock(connection, id=shipment_id))

    async def lock_for_notice(self, connection: Connection, notice_id: str, shipment_id: str) -> StoredShipment | None:
        """The parcel of a notice; None when there is none, or the notice was read before."""
        row = await queries.lock_for_notice(connection, notice_id=notice_id, id=shipment_id)
        return _stored(row) if row is not None and row["fresh"] else None

    async def refuse(self, connection: Connection, shipment_id: str) -> None:
        """The carrier will not take it."""
        await queries.refuse(connection, id=shipment_id)

    async def save_fact(
        self,
        connection: Connection,
        shipment_id: str,
        status: str,
        fact: ParcelFact,
        expected: date,
        wait_seconds: int,
    ) -> None:
        """What the carrier says, under the status that was decided; events known already stay as they are.

        It is asked itself when it tells nothing more for `wait_seconds`.
        """
        await queries.save_fact(
            connection,
            id=shipment_id,
            status=status,
            carrier_reference=fact.id,
            tracking_number=fact.tracking_number,
            label_url=fact.label_url,
            estimated_delivery=expected,
            wait_seconds=wait_seconds,
            ats=[event.at for event in fact.events],
            codes=[event.code for event in fact.events],
            locations=[event.location for event in fact.events],
            descriptions=[event.description for event in fact.events],
        )

    async def of_orders(self, connection: Connection, order_ids: Sequence[str]) -> list[StoredShipment]:
        """The parcels of these orders with their tracking, the oldest first."""
        return [_stored(row) async for row in queries.of_orders(connection, order_ids=order_ids)]

    async def of_shipment(self, connection: Connection, shipment_id: str) -> StoredShipment:
        """One parcel that exists, with its tracking."""
        return _stored(await queries.of_shipment(connection, id=shipment_id))


def _stored(row: Any) -> StoredShipment:
    found = dict(row)
    return msgspec.convert({**found, "events": found.get("events") or []}, StoredShipment)
