"""Orders as people see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from haat.contracts.checkout import QuoteLine, Totals
from haat.contracts.identity import Address
from haat.contracts.shipping import Shipment
from haat.kit.message import Message
from haat.kit.money import Money


class TimelineEntry(Message, frozen=True):
    """`actor` is a user's id, or who else acted. Staff see all; customers neither who of the staff it was, nor why."""

    at: datetime
    type: str
    detail: str
    actor: str = ""


class OrderPayment(Message, frozen=True):
    """`status` is pending, authorized, paid, partially_refunded, refunded, voided or cash_on_delivery."""

    status: str
    id: str
    method: str
    summary: str
    captured: Money
    refunded: Money


class ReturnItem(Message, frozen=True):
    item_id: str
    quantity: Annotated[int, Meta(ge=1, le=10_000)]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class Return(Message, frozen=True):
    """`status` is requested, approved, in_transit, refunded or rejected. An approved one has a parcel, whose way it
    goes; once it is at the warehouse its timeline says `arrived`, and it is refunded when staff receive it.

    `refund` is what the items cost, and, once refunded, what went back for them: less where other refunds went before.
    """

    id: str
    order_id: str
    status: str
    items: Sequence[ReturnItem]
    refund: Money
    created_at: datetime
    timeline: Sequence[TimelineEntry]


class Order(Message, frozen=True):
    """`status` is placed, confirmed, packed, partially_shipped, shipped, out_for_delivery, partially_delivered,
    delivered, canceled or returned: the partial ones while units are still to be sent, or to arrive, behind others.

    `returned` is how many units of an item, by its id, are in returns or were refunded: no more of them can be.
    `undelivered` are the parcels that the carrier gave up on their way, and that nobody has taken back yet.
    """

    id: str
    number: str
    status: str
    items: Sequence[QuoteLine]
    totals: Totals
    payment: OrderPayment
    shipments: Sequence[Shipment]
    timeline: Sequence[TimelineEntry]
    returns: Sequence[Return]
    email: str
    shipping_address: Address
    placed_at: datetime
    billing_address: Address | None = None
    user_id: str | None = None
    on_hold: bool = False
    version: int = 1
    returned: Mapping[str, int] = {}
    undelivered: Sequence[str] = []


class OrderReturn(Message, frozen=True):
    """A return with what staff must know of its order; `titles` by item id."""

    back: Return
    number: str
    name: str
    titles: Mapping[str, str]


class StuckWork(Message, frozen=True):
    """Work on an order that goes on failing: `kind` is ship, cancel, refund, receive, capture, approve or call_off."""

    task_id: str
    order_id: str
    number: str
    kind: str
    tries: int
    error: str
    created_at: datetime
    next_try_at: datetime


class InvoiceFile(Message, frozen=True):
    """A tax invoice as a PDF file; its number is the same however often it is asked for."""

    number: str
    pdf: bytes


class DayFigures(Message, frozen=True):
    """The orders placed on one day in the shop's own time that were not canceled, and what they come to."""

    day: date
    count: int
    total: Money


class Placed(Message, frozen=True):
    id: str
    number: str


class Bought(Message, frozen=True):
    bought: bool


class OrderLink(Message, frozen=True):
    """A signed, unguessable address part that shows one order without signing in."""

    link: str


class OrderLine(Message, frozen=True):
    product_id: str
    variant_id: str
    sku: str
    title: str
    quantity: int
    total: Money
