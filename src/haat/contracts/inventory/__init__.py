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
from haat.contracts.inventory.outcomes import AlreadyCommitted, OutOfStock, ReservationGone, StockChanged, StockRanLow
from haat.kit.message import Nothing, Page
from haat.kit.rpc import Contract, promise

__all__ = [
    "DEFAULT_LOCATION",
    "Adjust",
    "Alert",
    "AlertsOf",
    "AlreadyCommitted",
    "AttemptRef",
    "ExtendHold",
    "History",
    "HistoryOf",
    "Inventory",
    "Level",
    "Line",
    "OutOfStock",
    "PutBack",
    "Quantity",
    "Receive",
    "Reservation",
    "ReservationGone",
    "Reserve",
    "SetLowMark",
    "SkuRef",
    "Stock",
    "StockChanged",
    "StockEvent",
    "StockOf",
    "StockRanLow",
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
