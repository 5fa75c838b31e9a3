"""What is asked of the inventory, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from haat.kit.idempotency import Idempotency
from haat.kit.message import Message

Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
DEFAULT_LOCATION = "main"


class StockOf(Message, frozen=True):
    skus: Sequence[str]


class Level(Message, frozen=True):
    """Stock of one SKU at one location: `available` = `on_hand` - `reserved`, never below 0.

    `drop_until` is the moment until which staff expect a crowd, where they have announced one.
    """

    sku: str
    location: str
    on_hand: int
    reserved: int
    available: int
    low_stock_at: int
    version: int
    drop_until: datetime | None = None


class Stock(Message, frozen=True):
    """What can be sold per SKU, summed over locations; SKUs never heard of are absent."""

    available: Mapping[str, int]

    def of(self, sku: str) -> int:
        """Units of one SKU that can be sold now."""
        return self.available.get(sku, 0)


class Line(Message, frozen=True):
    sku: str
    quantity: Quantity


class Reserve(Message, frozen=True):
    """Hold all lines or none for `hold_seconds`; `attempt_id` makes it idempotent."""

    attempt_id: str
    lines: Sequence[Line]
    hold_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 600


class Reservation(Message, frozen=True):
    """`state` is held, committed, released or expired; filling while some lines are held and others not yet."""

    attempt_id: str
    state: str
    lines: Sequence[Line]
    expires_at: datetime


class AttemptRef(Message, frozen=True):
    attempt_id: str


class ExtendHold(Message, frozen=True):
    attempt_id: str
    hold_seconds: Annotated[int, Meta(ge=1, le=86_400)]


class PutBack(Message, frozen=True):
    """Returned units come back on the shelf; `cause_id` makes it idempotent."""

    cause_id: str
    lines: Sequence[Line]


class Adjust(Message, frozen=True):
    """Add or take units with a reason; on_hand never goes below what is reserved."""

    sku: str
    quantity: Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    actor: str
    location: str = DEFAULT_LOCATION
    cause_id: str | None = None
    idempotency: Idempotency | None = None


class Receive(Message, frozen=True):
    """Set up or receive many SKUs at once; each line is idempotent by `cause_id` and SKU."""

    cause_id: str
    lines: Sequence[Line]
    actor: str
    location: str = DEFAULT_LOCATION
    reason: str = "received"


class SkuRef(Message, frozen=True):
    sku: str


class HistoryOf(Message, frozen=True):
    """The events of a SKU, newest first; with `as_of` also the level folded up to that moment."""

    sku: str
    as_of: datetime | None = None
    cursor: str | None = None
    limit: int = 50


class StockEvent(Message, frozen=True):
    """One fact about a SKU: `type` such as received, reserved, committed, released, expired, returned or damaged."""

    sku: str
    location: str
    version: int
    at: datetime
    type: str
    quantity: int
    cause_id: str
    data: Mapping[str, Any]


class History(Message, frozen=True):
    level: Level
    data: Sequence[StockEvent]
    has_more: bool = False
    next_cursor: str | None = None


class AlertsOf(Message, frozen=True):
    cursor: str | None = None
    limit: int = 50


class Alert(Message, frozen=True):
    """A SKU at or below its low mark; `kind` is low_stock or out_of_stock."""

    sku: str
    location: str
    kind: str
    available: int
    since: datetime


class SetLowMark(Message, frozen=True):
    """Tell when `available` of a SKU at a location falls to this many units.

    With `expected` only a mark that is still that one is changed: raises Precondition otherwise.
    """

    sku: str
    low_stock_at: Annotated[int, Meta(ge=0, le=1_000_000)]
    location: str = DEFAULT_LOCATION
    expected: int | None = None
