"""Shipping: rates by zone and weight, parcels with a carrier, tracking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from haat.contracts.identity import Address
from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message, Nothing, Page
from haat.kit.money import Money
from haat.kit.rpc import Contract, promise


class RatesFor(Message, frozen=True):
    """Ways to send this weight to this address; an empty list means the shop does not deliver there."""

    address: Address
    weight_grams: int
    subtotal: Money


class ShippingOption(Message, frozen=True):
    """`id` such as standard or express; `price` includes tax."""

    id: str
    title: str
    price: Money
    delivery_date: date


class Rates(Message, frozen=True):
    options: Sequence[ShippingOption]


class Parcel(Message, frozen=True):
    sku: str
    title: str
    quantity: int
    item_id: str = ""


class Dispatch(Message, frozen=True):
    """Hand a parcel to the carrier; `request_id` makes it idempotent. `direction` is outbound or return."""

    request_id: str
    order_id: str
    address: Address
    items: Sequence[Parcel]
    weight_grams: int
    method: str = "standard"
    direction: str = "outbound"
    idempotency: Idempotency | None = None


class TrackingEvent(Message, frozen=True):
    at: datetime
    code: str
    description: str
    location: str


class Shipment(Message, frozen=True):
    """`status` is created, picked_up, in_transit, out_for_delivery, delivered, failed, canceled."""

    id: str
    order_id: str
    carrier: str
    tracking_number: str
    status: str
    items: Sequence[Parcel]
    events: Sequence[TrackingEvent]
    created_at: datetime
    direction: str = "outbound"
    label_url: str | None = None
    estimated_delivery: date | None = None


class ShipmentsOf(Message, frozen=True):
    order_ids: Sequence[str]


class CancelShipments(Message, frozen=True):
    """Stop what goes out and has not been picked up yet; with `request_id` the parcel of that dispatch, whichever
    way it goes. Raises ShipmentUnderWay."""

    order_id: str
    request_id: str | None = None


class CarrierNotice(Message, frozen=True):
    """Raw bytes and headers of a carrier's webhook; duplicates and disorder are normal."""

    carrier: str
    body: bytes
    headers: Mapping[str, str]


class ShipmentUnderWay(DomainError):
    """The carrier has the parcel already: it can only come back as a return."""

    code = "shipment_under_way"
    title = "The parcel is on its way already"


class ShipmentMoved(Event, frozen=True):
    """A parcel's status went forward (never back). `units` by item id are in it; none named are the whole order."""

    shipment_id: str
    order_id: str
    status: str
    direction: str
    carrier: str
    tracking_number: str
    detail: str = ""
    units: Mapping[str, int] = {}

    @property
    def key(self) -> str:
        return self.order_id


class Shipping(Contract):
    """Rates come from a table, so that checkout never waits for a carrier."""

    @promise(safe_to_repeat=True, timeout_seconds=2)
    async def rates(self, ask: RatesFor) -> Rates: ...
    @promise(safe_to_repeat=True, timeout_seconds=20)
    async def dispatch(self, ask: Dispatch) -> Shipment: ...
    @promise(safe_to_repeat=True)
    async def shipments(self, ask: ShipmentsOf) -> Page[Shipment]: ...
    @promise(safe_to_repeat=True)
    async def cancel(self, ask: CancelShipments) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def notice(self, ask: CarrierNotice) -> Nothing: ...
