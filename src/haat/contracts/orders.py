"""Orders: from placement to delivery, cancellation, returns and refunds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from haat.contracts.checkout import QuoteLine, Totals
from haat.contracts.identity import Address
from haat.contracts.shipping import Shipment
from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message, Page
from haat.kit.money import Money
from haat.kit.rpc import Contract, promise


class TimelineEntry(Message, frozen=True):
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
    """`status` is requested, approved, in_transit, received, refunded or rejected."""

    id: str
    order_id: str
    status: str
    items: list[ReturnItem]
    refund: Money
    created_at: datetime
    timeline: list[TimelineEntry]


class Order(Message, frozen=True):
    """`status` is placed, confirmed, packed, shipped, out_for_delivery, delivered, canceled or returned."""

    id: str
    number: str
    status: str
    items: list[QuoteLine]
    totals: Totals
    payment: OrderPayment
    shipments: list[Shipment]
    timeline: list[TimelineEntry]
    returns: list[Return]
    email: str
    shipping_address: Address
    placed_at: datetime
    billing_address: Address | None = None
    user_id: str | None = None
    on_hold: bool = False
    version: int = 1


class PlaceOrder(Message, frozen=True):
    """The checkout's frozen quote becomes an order; one per checkout, however often it is asked."""

    checkout_id: str
    attempt_id: str
    cart_id: str
    items: list[QuoteLine]
    totals: Totals
    email: str
    shipping_address: Address
    shipping_method: str
    payment_id: str
    payment_method: str
    payment_summary: str
    paid: bool
    billing_address: Address | None = None
    user_id: str | None = None
    on_hold: bool = False
    coupon_codes: list[str] = []
    guest_hash: str | None = None


class Placed(Message, frozen=True):
    id: str
    number: str


class OrderOf(Message, frozen=True):
    """By id or number. The owner, the holder of the signed `link` or of the cart's token, or staff (`any_owner`)."""

    order: str
    user_id: str | None = None
    link: str | None = None
    cart_token: str | None = None
    any_owner: bool = False


class ListOrders(Message, frozen=True):
    """A user's own orders newest first; staff (`user_id` None) with filters."""

    user_id: str | None = None
    status: str | None = None
    text: str = ""
    cursor: str | None = None
    limit: int = 20


class CancelOrder(Message, frozen=True):
    """Before the parcel has left: money goes back, stock comes back."""

    order_id: str
    actor: str
    reason: str = ""
    user_id: str | None = None
    link: str | None = None
    cart_token: str | None = None
    any_owner: bool = False
    idempotency: Idempotency | None = None


class RequestReturn(Message, frozen=True):
    order_id: str
    items: Annotated[list[ReturnItem], Meta(min_length=1, max_length=100)]
    user_id: str | None = None
    link: str | None = None
    cart_token: str | None = None
    any_owner: bool = False
    idempotency: Idempotency | None = None


class ReceiveReturn(Message, frozen=True):
    """The parcel is back: refund, and restock unless damaged."""

    return_id: str
    actor: str
    restock: bool = True
    idempotency: Idempotency | None = None


class ShipOrder(Message, frozen=True):
    """Staff: hand over all that is unshipped, or these items."""

    order_id: str
    actor: str
    items: list[ShipItem] | None = None
    idempotency: Idempotency | None = None


class ShipItem(Message, frozen=True):
    item_id: str
    quantity: Annotated[int, Meta(ge=1, le=10_000)]


class CaptureOrder(Message, frozen=True):
    order_id: str
    actor: str
    amount: Money | None = None
    idempotency: Idempotency | None = None


class RefundOrder(Message, frozen=True):
    """An amount, or lines with quantities; never more than captured and not yet refunded."""

    order_id: str
    actor: str
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    amount: Money | None = None
    items: list[ShipItem] | None = None
    idempotency: Idempotency | None = None


class BoughtBy(Message, frozen=True):
    user_id: str
    product_id: str


class Bought(Message, frozen=True):
    bought: bool


class OrderLink(Message, frozen=True):
    """A signed, unguessable address part that shows one order without signing in."""

    link: str


class OrderStateError(DomainError):
    """The order's state does not allow this (cancel after shipping, return before delivery)."""

    code = "order_state"
    title = "The order's state does not allow this"


class OrderLine(Message, frozen=True):
    product_id: str
    variant_id: str
    sku: str
    title: str
    quantity: int
    total: Money


class OrderPlaced(Event, frozen=True):
    order_id: str
    number: str
    checkout_id: str
    cart_id: str
    lines: list[OrderLine]
    total: Money
    user_id: str | None = None
    on_hold: bool = False
    attempt_id: str = ""
    payment_id: str = ""
    email: str = ""

    @property
    def key(self) -> str:
        return self.order_id


class OrderMoved(Event, frozen=True):
    """The order's status changed: confirmed, packed, shipped, out_for_delivery, delivered, canceled, returned."""

    order_id: str
    number: str
    status: str
    user_id: str | None = None
    detail: str = ""

    @property
    def key(self) -> str:
        return self.order_id


class Orders(Contract):
    """Orders of record. Refunds and returns are driven to their end by a worker if a request dies half-way."""

    @promise(safe_to_repeat=True)
    async def place(self, ask: PlaceOrder) -> Placed: ...
    @promise(safe_to_repeat=True)
    async def order(self, ask: OrderOf) -> Order: ...
    @promise(safe_to_repeat=True)
    async def orders(self, ask: ListOrders) -> Page[Order]: ...
    @promise(safe_to_repeat=True)
    async def link(self, ask: OrderOf) -> OrderLink: ...
    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def cancel(self, ask: CancelOrder) -> Order: ...
    async def request_return(self, ask: RequestReturn) -> Return: ...
    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def receive_return(self, ask: ReceiveReturn) -> Return: ...
    async def ship(self, ask: ShipOrder) -> Order: ...
    async def capture(self, ask: CaptureOrder) -> Order: ...
    async def refund(self, ask: RefundOrder) -> Order: ...
    @promise(safe_to_repeat=True)
    async def bought(self, ask: BoughtBy) -> Bought: ...
