"""A parcel carrier as shipping sees it: commands with an idempotency key, facts about parcels, verified notices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol

import msgspec

State = Literal["created", "picked_up", "in_transit", "out_for_delivery", "delivered", "failed", "canceled"]


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a parcel starts or ends."""

    name: str
    line1: str
    city: str
    region: str
    postal_code: str
    country: str
    line2: str | None = None
    phone: str | None = None


class Booking(msgspec.Struct, frozen=True):
    """`reference` is the sender's id of the parcel; `weights_grams` has one entry a box (1 g to 100 kg, at most 50)."""

    reference: str
    origin: Place
    destination: Place
    weights_grams: tuple[int, ...]
    service: str = "standard"
    direction: Literal["outbound", "return"] = "outbound"


class CarrierEvent(msgspec.Struct, frozen=True):
    at: datetime
    code: State
    description: str
    location: str


class ParcelFact(msgspec.Struct, frozen=True):
    """A parcel as the carrier knows it, with everything that happened to it so far."""

    id: str
    reference: str
    state: State
    tracking_number: str
    label_url: str
    estimated_delivery: datetime
    events: tuple[CarrierEvent, ...] = ()


class Answered(msgspec.Struct, frozen=True):
    """The carrier did it, or had done it before under the same key."""

    fact: ParcelFact


class Refused(msgspec.Struct, frozen=True):
    """The carrier did not do it: nothing has happened."""

    code: str
    detail: str


class Unknown(msgspec.Struct, frozen=True):
    """No answer that can be relied on: it may have happened, so ask again with the same key."""

    why: str


Outcome = Answered | Refused | Unknown


class Notice(msgspec.Struct, frozen=True):
    """A webhook whose signature checks out; `fact` is the parcel as it was when the notice was written."""

    id: str
    fact: ParcelFact


class Carrier(Protocol):
    """The same key and request never have a second effect; a key whose request was refused stays free."""

    name: str

    async def book(self, key: str, ask: Booking) -> Outcome: ...
    async def cancel(self, key: str, parcel_id: str) -> Outcome:
        """Refused once the parcel is picked up."""
        ...

    async def fetch(self, parcel_id: str) -> Outcome: ...
    def verify(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        """The notice in these raw bytes; None when signature, age or form do not check out."""
        ...

    async def close(self) -> None: ...
