"""Stock, event sourced: levels, reservations with expiry, adjustments and alerts."""

from __future__ import annotations

from haat.contracts.inventory.messages import (
    DEFAULT_LOCATION,
    Adjust,
    Alert,
    AlertsOf,
    AttemptRef,
    ExtendHold,
    History,
    HistoryOf,
    Level,
    Line,
    PutBack,
    Quantity,
    Receive,
    Reservation,
    Reserve,
    SetLowMark,
    SkuRef,
    Stock,
    StockEvent,
    StockOf,
)
from haat.contracts.inventory.outcomes import (
    AlreadyCommitted,
    OutOfStock,
    ReservationGone,
    StockCameBack,
    StockChanged,
    StockRanLow,
)
from haat.contracts.inventory.staff import AnnounceDrop, Damage, Location, SetPriority, Transfer
from haat.kit.message import Nothing, Page
from haat.kit.rpc import Contract, promise

__all__ = [
    "DEFAULT_LOCATION",
    "Adjust",
    "Alert",
    "AlertsOf",
    "AlreadyCommitted",
    "AnnounceDrop",
    "AttemptRef",
    "Damage",
    "ExtendHold",
    "History",
    "HistoryOf",
    "Inventory",
    "Level",
    "Line",
    "Location",
    "OutOfStock",
    "PutBack",
    "Quantity",
    "Receive",
    "Reservation",
    "ReservationGone",
    "Reserve",
    "SetLowMark",
    "SetPriority",
    "SkuRef",
    "Stock",
    "StockCameBack",
    "StockChanged",
    "StockEvent",
    "StockOf",
    "StockRanLow",
    "Transfer",
]


class Inventory(Contract):
    """Never oversells: a reservation is granted by the statement that counts it."""

    @promise(safe_to_repeat=True, timeout_seconds=2)
    async def stock_of(self, ask: StockOf) -> Stock: ...
    @promise(safe_to_repeat=True, timeout_seconds=5)
    async def reserve(self, ask: Reserve) -> Reservation: ...
    @promise(safe_to_repeat=True, timeout_seconds=5)
    async def extend(self, ask: ExtendHold) -> Reservation: ...
    @promise(safe_to_repeat=True, timeout_seconds=5)
    async def commit(self, ask: AttemptRef) -> Reservation: ...
    @promise(safe_to_repeat=True, timeout_seconds=5)
    async def release(self, ask: AttemptRef) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def put_back(self, ask: PutBack) -> Nothing: ...
    async def adjust(self, ask: Adjust) -> Level: ...
    @promise(safe_to_repeat=True, timeout_seconds=60)
    async def receive(self, ask: Receive) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def levels(self, ask: SkuRef) -> Page[Level]: ...
    @promise(safe_to_repeat=True)
    async def history(self, ask: HistoryOf) -> History: ...
    @promise(safe_to_repeat=True)
    async def alerts(self, ask: AlertsOf) -> Page[Alert]: ...
    @promise(safe_to_repeat=True)
    async def set_low_mark(self, ask: SetLowMark) -> Level: ...
    async def damage(self, ask: Damage) -> Level: ...
    async def transfer(self, ask: Transfer) -> Page[Level]: ...
    @promise(safe_to_repeat=True)
    async def locations(self, ask: Nothing) -> Page[Location]: ...
    @promise(safe_to_repeat=True)
    async def set_priority(self, ask: SetPriority) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def announce(self, ask: AnnounceDrop) -> Nothing: ...
