"""What orders refuse, and what they tell."""

from __future__ import annotations

from collections.abc import Sequence

from haat.contracts.orders.view import OrderLine
from haat.kit.message import DomainError, Event
from haat.kit.money import Money


class OrderStateError(DomainError):
    """The order's state does not allow this (cancel after shipping, return before delivery)."""

    code = "order_state"
    title = "The order's state does not allow this"


class OrderPlaced(Event, frozen=True):
    order_id: str
    number: str
    checkout_id: str
    cart_id: str
    lines: Sequence[OrderLine]
    total: Money
    user_id: str | None = None
    on_hold: bool = False
    attempt_id: str = ""
    payment_id: str = ""

    @property
    def key(self) -> str:
        return self.order_id


class OrderMoved(Event, frozen=True):
    """The order's status changed, to any of those an order can have but placed.

    `came_back` is how many of its parcels came to nothing before: what is sent again goes through the same steps.
    """

    order_id: str
    number: str
    status: str
    user_id: str | None = None
    detail: str = ""
    came_back: int = 0

    @property
    def key(self) -> str:
        return self.order_id


class ParcelUndelivered(Event, frozen=True):
    """The carrier gave a parcel up that was on its way to the customer."""

    order_id: str
    number: str
    shipment_id: str
    user_id: str | None = None

    @property
    def key(self) -> str:
        return self.order_id


class ReturnMoved(Event, frozen=True):
    """Staff have decided on a return: `status` is approved or rejected, `detail` the reason that they gave."""

    order_id: str
    number: str
    return_id: str
    status: str
    user_id: str | None = None
    detail: str = ""

    @property
    def key(self) -> str:
        return self.order_id
