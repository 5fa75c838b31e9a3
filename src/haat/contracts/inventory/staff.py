"""What staff ask of the inventory: write-offs, transfers, locations, and a word before a crowd comes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from haat.contracts.inventory.messages import DEFAULT_LOCATION, Quantity
from haat.kit.idempotency import Idempotency
from haat.kit.message import Message

Reason = Annotated[str, Meta(min_length=1, max_length=200)]


class Damage(Message, frozen=True):
    """Write off free units at a location; what is reserved stays."""

    sku: str
    quantity: Quantity
    reason: Reason
    actor: str
    location: str = DEFAULT_LOCATION
    cause_id: str | None = None
    idempotency: Idempotency | None = None


class Transfer(Message, frozen=True):
    """Move free units of a SKU from one location to another, at once."""

    sku: str
    quantity: Quantity
    source: str
    target: str
    reason: Reason
    actor: str
    idempotency: Idempotency | None = None


class SetPriority(Message, frozen=True):
    """The lower the number, the sooner a location is asked for units.

    With `expected` only a priority that is still that one is changed: raises Precondition otherwise.
    """

    location: Annotated[str, Meta(min_length=1, max_length=100)]
    priority: Annotated[int, Meta(ge=0, le=10_000)]
    expected: int | None = None


class Location(Message, frozen=True):
    """Where units lie; 100 is the priority of a location that was given none."""

    location: str
    priority: int


class AnnounceDrop(Message, frozen=True):
    """A crowd is expected for a SKU until then, so reservations are granted many at a time; None calls it off."""

    sku: str
    until: Annotated[datetime, Meta(tz=True)] | None
