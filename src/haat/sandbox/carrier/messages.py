"""What the carrier is asked and what it answers, as on the wire."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Status = Literal["accepted", "picked_up", "in_transit", "out_for_delivery", "delivered", "failed", "canceled"]
Direction = Literal["outbound", "return"]
Text = Annotated[str, Meta(min_length=1, max_length=200)]


class Address(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    name: Text
    line1: Text
    city: Text
    region: Text
    postal_code: Annotated[str, Meta(min_length=3, max_length=12)]
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]
    line2: Annotated[str, Meta(max_length=200)] | None = None
    phone: Annotated[str, Meta(max_length=20)] | None = None


class Parcel(Struct, frozen=True, forbid_unknown_fields=True):
    weight_grams: Annotated[int, Meta(ge=1, le=100_000)]


class NewShipment(Struct, frozen=True, forbid_unknown_fields=True):
    """`service` is the sender's name for it; one that begins with `express` moves twice as fast."""

    reference: Text
    parcels: Annotated[tuple[Parcel, ...], Meta(min_length=1, max_length=50)]
    origin: Address = field(name="from")
    destination: Address = field(name="to")
    service: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,40}$")] = "standard"
    direction: Direction = "outbound"


class Empty(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say; a body may be left out or be `{}`."""


class TrackingEvent(Struct, frozen=True):
    at: datetime
    code: Status
    description: str
    location: str


class Shipment(Struct, frozen=True):
    """One consignment; its events in the order they happened."""

    id: str
    reference: str
    direction: Direction
    service: str
    status: Status
    tracking_number: str
    tracking_url: str
    label_url: str
    estimated_delivery: datetime
    created_at: datetime
    parcels: tuple[Parcel, ...]
    origin: Address = field(name="from")
    destination: Address = field(name="to")
    events: tuple[TrackingEvent, ...] = ()
