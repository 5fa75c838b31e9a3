"""The rules of an order: its life cycle, what may be canceled, returned and refunded."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from haat.contracts.checkout import QuoteLine, Totals
from haat.contracts.identity import Address
from haat.contracts.orders import (
    Order,
    OrderPayment,
    OrderStateError,
    PlaceOrder,
    Return,
    ReturnItem,
    ShipItem,
    TimelineEntry,
)
from haat.contracts.shipping import Parcel, Shipment
from haat.kit.ids import ALPHABET
from haat.kit.message import Invalid
from haat.kit.money import Money

# The life cycle by rank: an order moves forward, a late notice of an earlier step changes nothing.
RANK = {
    "placed": 0,
    "confirmed": 1,
    "packed": 2,
    "shipped": 3,
    "out_for_delivery": 4,
    "delivered": 5,
    "returned": 6,
    "canceled": 7,
}
CANCELABLE = frozenset({"placed", "confirmed", "packed"})
STATUS_OF_SHIPMENT = {
    "picked_up": "shipped",
    "in_transit": "shipped",
    "out_for_delivery": "out_for_delivery",
    "delivered": "delivered",
}


class Body(msgspec.Struct, frozen=True):
    """What was agreed, as it was at the checkout; it never changes."""

    items: list[QuoteLine]
    totals: Totals
    shipping_address: Address
    shipping_method: str
    payment_method: str
    payment_summary: str
    billing_address: Address | None = None
    coupon_codes: list[str] = []


class StoredOrder(msgspec.Struct, frozen=True):
    """One order as stored."""

    id: str
    number: str
    checkout_id: str
    attempt_id: str
    email: str
    status: str
    on_hold: bool
    body: Body
    payment_id: str
    payment_status: str
    currency: str
    total_minor: int
    captured_minor: int
    refunded_minor: int
    shipped: dict[str, int]
    returned: dict[str, int]
    placed_at: datetime
    version: int
    user_id: str | None = None
    guest_hash: str | None = None


def new_number() -> str:
    """A number people can read out: `HT-` and eight letters and digits without the confusable ones."""
    bits = int.from_bytes(os.urandom(5))
    return "HT-" + "".join(ALPHABET[bits >> shift & 31] for shift in range(35, -1, -5)).upper()


def body_of(ask: PlaceOrder) -> Body:
    """The agreed part of an order to place."""
    return Body(
        items=ask.items,
        totals=ask.totals,
        shipping_address=ask.shipping_address,
        shipping_method=ask.shipping_method,
        payment_method=ask.payment_method,
        payment_summary=ask.payment_summary,
        billing_address=ask.billing_address,
        coupon_codes=ask.coupon_codes,
    )


def first_status(ask: PlaceOrder) -> tuple[str, str]:
    """Order status and payment status right after placing."""
    if ask.payment_method == "cod":
        return ("placed" if ask.on_hold else "confirmed"), "cash_on_delivery"
    if ask.paid:
        return ("placed" if ask.on_hold else "confirmed"), "paid"
    return "placed", "authorized"


def forward(status: str, to: str) -> str:
    """The status after a notice that says `to`: never back, and never out of canceled."""
    return to if RANK[to] > RANK[status] and status != "canceled" else status


def check_cancelable(order: StoredOrder) -> None:
    """Raises OrderStateError once the parcel has left."""
    if order.status not in CANCELABLE:
        raise OrderStateError(f"An order that is {order.status} cannot be canceled", state=order.status)


def units(order: StoredOrder, items: Sequence[ShipItem] | None, taken: Mapping[str, int]) -> dict[str, int]:
    """Units per item id that are asked for (all that are left when None), checked against what is left.

    Raises Invalid naming every item that is unknown or asked for too often, OrderStateError when nothing is left.
    """
    left = {line.id: line.quantity - taken.get(line.id, 0) for line in order.body.items}
    if items is None:
        rest = {item_id: quantity for item_id, quantity in left.items() if quantity > 0}
        if not rest:
            raise OrderStateError("Nothing is left to do for this order", state=order.status)
        return rest
    wanted: dict[str, int] = {}
    for item in items:
        wanted[item.item_id] = wanted.get(item.item_id, 0) + item.quantity
    faults = [
        {"pointer": f"/items/{i}", "code": "too_many", "detail": f"{left.get(item.item_id, 0)} left of this item"}
        for i, item in enumerate(items)
        if wanted[item.item_id] > left.get(item.item_id, 0)
    ]
    if faults:
        raise Invalid(errors=faults)
    return wanted


def refund_of(order: StoredOrder, wanted: Mapping[str, int]) -> int:
    """What these units cost in minor units: refunds of all units, in any portions, sum to the line's total."""
    lines = {line.id: line for line in order.body.items}
    total = 0
    for item_id, quantity in wanted.items():
        line, before = lines[item_id], order.returned.get(item_id, 0)
        share = [line.total.amount * n // line.quantity for n in (before, before + quantity)]
        total += share[1] - share[0]
    return total


def parcels(order: StoredOrder, wanted: Mapping[str, int]) -> tuple[list[Parcel], int]:
    """The items of a parcel and its weight in grams."""
    lines = {line.id: line for line in order.body.items}
    items = [
        Parcel(sku=lines[item_id].sku, title=lines[item_id].title, quantity=quantity, item_id=item_id)
        for item_id, quantity in wanted.items()
    ]
    return items, max(1, sum(lines[item_id].weight_grams * quantity for item_id, quantity in wanted.items()))


def added(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Counts by item id, added up."""
    return {key: counts.get(key, 0) + more.get(key, 0) for key in {*counts, *more}}


def sign(order_id: str, secret: str) -> str:
    """The signed link part of an order."""
    digest = hmac.digest(secret.encode(), b"order-link:" + order_id.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:18]).decode()


def may_see(order: StoredOrder, ask: Any, secret: str) -> bool:
    """Whether this is the owner, the holder of the link or of the guest's cart token, or staff."""
    if ask.any_owner or (ask.user_id is not None and ask.user_id == order.user_id):
        return True
    if ask.link is not None and hmac.compare_digest(ask.link.encode(), sign(order.id, secret).encode()):
        return True
    if ask.cart_token is None or order.guest_hash is None:
        return False
    return hmac.compare_digest(hashlib.sha256(ask.cart_token.encode()).hexdigest(), order.guest_hash)


def view(order: StoredOrder, shipments: list[Shipment], timeline: list[TimelineEntry], returns: list[Return]) -> Order:
    """The order as the API shows it."""
    return Order(
        id=order.id,
        number=order.number,
        status=order.status,
        items=order.body.items,
        totals=order.body.totals,
        payment=OrderPayment(
            status=order.payment_status,
            id=order.payment_id,
            method=order.body.payment_method,
            summary=order.body.payment_summary,
            captured=Money(order.captured_minor, order.currency),
            refunded=Money(order.refunded_minor, order.currency),
        ),
        shipments=shipments,
        timeline=timeline,
        returns=returns,
        email=order.email,
        shipping_address=order.body.shipping_address,
        billing_address=order.body.billing_address,
        placed_at=order.placed_at,
        user_id=order.user_id,
        on_hold=order.on_hold,
        version=order.version,
    )


def return_items(ask: Sequence[ReturnItem]) -> list[ShipItem]:
    """Returned items as counted units."""
    return [ShipItem(item_id=item.item_id, quantity=item.quantity) for item in ask]
