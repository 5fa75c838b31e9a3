"""What may be asked of orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from msgspec import Meta

from haat.contracts.checkout import QuoteLine, Totals
from haat.contracts.identity import Address
from haat.contracts.orders.view import ReturnItem
from haat.kit.idempotency import Idempotency
from haat.kit.message import Message
from haat.kit.money import Money


class PlaceOrder(Message, frozen=True):
    """The checkout's frozen quote becomes an order; one per checkout, however often it is asked."""

    checkout_id: str
    attempt_id: str
    cart_id: str
    items: Sequence[QuoteLine]
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
    coupon_codes: Sequence[str] = []
    guest_hash: str | None = None


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


class ListReturns(Message, frozen=True):
    """Staff: returns that wait, the oldest first; or those that have ended, the latest first."""

    ended: bool = False
    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class StuckOf(Message, frozen=True):
    """Staff: work on orders that goes on failing, the oldest first."""

    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class FiguresOf(Message, frozen=True):
    """Staff: figures of these days, both counted in, at most 366; days begin at midnight in `zone`."""

    first: date
    last: date
    currency: str
    zone: str = "Asia/Kolkata"


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
    items: Annotated[Sequence[ReturnItem], Meta(min_length=1, max_length=100)]
    user_id: str | None = None
    link: str | None = None
    cart_token: str | None = None
    any_owner: bool = False
    idempotency: Idempotency | None = None


class ApproveReturn(Message, frozen=True):
    """The items may come back: the carrier is sent for them, and the customer is told."""

    return_id: str
    actor: str
    idempotency: Idempotency | None = None


class RejectReturn(Message, frozen=True):
    """The items do not come back, or never came: the customer is told why, and may ask again."""

    return_id: str
    actor: str
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    idempotency: Idempotency | None = None


class ReceiveReturn(Message, frozen=True):
    """The parcel is back: refund, and restock unless damaged."""

    return_id: str
    actor: str
    restock: bool = True
    idempotency: Idempotency | None = None


class TakeBack(Message, frozen=True):
    """Staff: a parcel that the carrier could not deliver is here again. Raises OrderStateError for any other parcel."""

    order_id: str
    shipment_id: str
    actor: str
    idempotency: Idempotency | None = None


class ShipOrder(Message, frozen=True):
    """Staff: hand over all that is unshipped, or these items."""

    order_id: str
    actor: str
    items: Sequence[ShipItem] | None = None
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
    items: Sequence[ShipItem] | None = None
    idempotency: Idempotency | None = None


class BoughtBy(Message, frozen=True):
    user_id: str
    product_id: str
