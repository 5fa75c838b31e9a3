"""How the inventory refuses, and the events it tells."""

from __future__ import annotations

from haat.kit.message import DomainError, Event


class OutOfStock(DomainError):
    """Not enough units: `sku`, `available` and the lines short in `lines`."""

    code = "out_of_stock"
    title = "Not enough in stock"


class ReservationGone(DomainError):
    """The reservation has expired or was released."""

    code = "reservation_gone"
    title = "The reservation does not hold any more"


class AlreadyCommitted(DomainError):
    """The units are sold: they come back by a return, not by a release."""

    code = "already_committed"
    title = "The reservation is committed already"


class StockChanged(Event, frozen=True):
    """The level of one SKU after a change, summed over locations."""

    sku: str
    available: int
    version: int

    @property
    def key(self) -> str:
        return self.sku


class StockRanLow(Event, frozen=True):
    sku: str
    location: str
    available: int
    kind: str

    @property
    def key(self) -> str:
        return self.sku


class StockCameBack(Event, frozen=True):
    """A SKU that was sold out everywhere, or never there until staff counted it, can be sold; `available` is summed."""

    sku: str
    available: int

    @property
    def key(self) -> str:
        return self.sku
