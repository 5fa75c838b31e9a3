"""The rules of an order: its life cycle, what may be canceled, returned and refunded."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from haat.contracts.checkout import QuoteLine, Totals
from haat.contracts.identity import Address
from haat.contracts.orders import (
    Order,
    OrderMoved,
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
    "partially_shipped": 3,
    "shipped": 4,
    "out_for_delivery": 5,
    "partially_delivered": 6,
    "delivered": 7,
    "returned": 8,
    "canceled": 9,
}
CANCELED = "canceled"
CANCELABLE = frozenset({"placed", "confirmed", "packed"})
RETURNABLE = frozenset({"partially_delivered", "delivered"})
CASH = "cod"
# In the timeline: work that nobody waited for was refused. Only staff can do something about it.
REFUSED = "work_refused"


class Body(msgspec.Struct, frozen=True):
    """What was agreed, as it was at the checkout; it never changes."""

    items: Sequence[QuoteLine]
    totals: Totals
    shipping_address: Address
    shipping_method: str
    payment_method: str
    payment_summary: str
    billing_address: Address | None = None
    coupon_codes: Sequence[str] = []


class OnRoad(msgspec.Struct, frozen=True):
    """A parcel as the carrier's notices told it: how far it is, and units by item id; none once they are here again."""

    status: str
    units: dict[str, int]


class Refunds(msgspec.Struct, frozen=True):
    """Minor units by refund id: `counted` when the order asked for them, `failed` when the bank sent them back.

    What a cancellation gives back is counted under `canceled`: its refunds are made by payments, under their own ids,
    and made again when they fail. They are `heard` of when they have succeeded, as are those made at the provider.
    """

    counted: dict[str, int] = {}
    failed: dict[str, int] = {}
    heard: dict[str, int] = {}


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
    parcels: dict[str, OnRoad] = {}
    refunds: Refunds = Refunds()
    uneven: dict[str, int] = {}
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


def with_wallet_named(ask: PlaceOrder, wallets: Mapping[str, str]) -> PlaceOrder:
    """The order with its wallet called as people call it: `wallets` by the provider's names, which payments tell."""
    if ask.payment_method != "wallet":
        return ask
    *credit, wallet = ask.payment_summary.split(" + ")
    name = wallets.get(wallet.removesuffix(" wallet"), wallet)
    return msgspec.structs.replace(ask, payment_summary=" + ".join([*credit, name]))


def first_status(ask: PlaceOrder) -> tuple[str, str]:
    """Order status and payment status right after placing."""
    if ask.paid:
        # Also where cash was chosen, and gift cards pay for all of it.
        return ("placed" if ask.on_hold else "confirmed"), "paid"
    if ask.payment_method == CASH:
        return ("placed" if ask.on_hold else "confirmed"), "cash_on_delivery"
    return "placed", "authorized"


def forward(status: str, to: str) -> str:
    """The status after a notice that says `to`: never back, and never out of canceled."""
    return to if RANK[to] > RANK[status] and status != "canceled" else status


def undelivered(order: StoredOrder) -> list[str]:
    """The parcels that came to nothing on their way, and are not here again."""
    return [shipment_id for shipment_id, parcel in order.parcels.items() if parcel.status == "failed" and parcel.units]


def order_moved(order: StoredOrder, status: str) -> OrderMoved:
    """That the order is so far."""
    came_back = sum(parcel.status == "failed" and not parcel.units for parcel in order.parcels.values())
    return OrderMoved(order_id=order.id, number=order.number, status=status, user_id=order.user_id, came_back=came_back)


def with_captured(order: StoredOrder, captured: int) -> StoredOrder:
    """The order with what was taken so far, in minor units."""
    known = msgspec.structs.replace(order, captured_minor=max(captured, order.captured_minor))
    if not order.refunded_minor and known.captured_minor >= order.total_minor:
        return msgspec.structs.replace(known, payment_status="paid")
    return _with_refunds(known, order.refunds)


def with_refund(order: StoredOrder, parts: Mapping[str, int]) -> StoredOrder:
    """The order with the parts of a refund counted, by their ids, each once; zero for one that failed right away."""
    counted = {**parts, **order.refunds.counted}
    return _with_refunds(order, msgspec.structs.replace(order.refunds, counted=counted))


def with_heard_refund(order: StoredOrder, refund_id: str, amount: int) -> StoredOrder:
    """The order after a refund succeeded; nothing new when it is counted."""
    if refund_id in order.refunds.counted:
        return order
    heard = {**order.refunds.heard, refund_id: amount}
    return _with_refunds(order, msgspec.structs.replace(order.refunds, heard=heard))


def with_failed_refund(order: StoredOrder, refund_id: str, amount: int) -> StoredOrder:
    """The order after its bank sent a refund back, whether or not it was counted yet."""
    failed = {**order.refunds.failed, refund_id: amount}
    return _with_refunds(order, msgspec.structs.replace(order.refunds, failed=failed))


def canceled(order: StoredOrder, captured: int) -> StoredOrder:
    """The order once nothing of it stands: all that was captured goes back."""
    captured = max(captured, order.captured_minor)
    known = msgspec.structs.replace(order, status="canceled", on_hold=False, captured_minor=captured)
    counted = {**order.refunds.counted, CANCELED: captured - _asked_back(order.refunds)}
    if not captured:
        return msgspec.structs.replace(known, payment_status="voided")
    return _with_refunds(known, msgspec.structs.replace(order.refunds, counted=counted))


def _with_refunds(order: StoredOrder, refunds: Refunds) -> StoredOrder:
    counted, failed = refunds.counted, refunds.failed
    heard = _sum(refunds.heard, {*counted, *failed})
    # What a cancellation gives back is on its way until it fails; payments may try again, which is heard of.
    on_its_way = counted.get(CANCELED, 0) - _sum(failed, counted)
    # Told out of turn, a refund and the one that is made in its place could both count for a while.
    refunded = min(order.total_minor, _asked_back(refunds) + max(heard, on_its_way))
    # A refund can be heard of before the capture that it gives back.
    captured = max(order.captured_minor, refunded)
    status = order.payment_status
    if refunded:
        status = "refunded" if refunded >= captured else "partially_refunded"
    elif status in ("refunded", "partially_refunded"):
        unpaid = "cash_on_delivery" if order.body.payment_method == CASH else "authorized"
        status = "paid" if captured >= order.total_minor else unpaid
    return msgspec.structs.replace(
        order, refunds=refunds, refunded_minor=refunded, captured_minor=captured, payment_status=status
    )


def _asked_back(refunds: Refunds) -> int:
    """What went back because the order asked for it."""
    return _sum(refunds.counted, {*refunds.failed, CANCELED})


def _sum(amounts: Mapping[str, int], but: Collection[str]) -> int:
    return sum(amount for refund_id, amount in amounts.items() if refund_id not in but)


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
    wanted = summed(items)
    faults = [
        {"pointer": f"/items/{i}", "code": "too_many", "detail": f"{left.get(item.item_id, 0)} left of this item"}
        for i, item in enumerate(items)
        if wanted[item.item_id] > left.get(item.item_id, 0)
    ]
    if faults:
        raise Invalid(errors=faults)
    return wanted


def summed(items: Sequence[ShipItem | ReturnItem]) -> dict[str, int]:
    """Units by item id; an item may be named twice, as with two reasons."""
    counts: dict[str, int] = {}
    for item in items:
        counts[item.item_id] = counts.get(item.item_id, 0) + item.quantity
    return counts


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


def view(
    order: StoredOrder, shipments: Sequence[Shipment], timeline: Sequence[TimelineEntry], returns: Sequence[Return]
) -> Order:
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
        returned={item_id: count for item_id, count in order.returned.items() if count},
        undelivered=undelivered(order),
    )


def for_customer(order: Order) -> Order:
    """As customers see it: not who of the staff did what, nor the reasons that they typed for each other."""
    known = {order.user_id, *_NOT_STAFF}

    def told(entries: Sequence[TimelineEntry], typed: Mapping[str, str]) -> list[TimelineEntry]:
        return [
            entry
            if entry.actor in known
            else msgspec.structs.replace(entry, actor="", detail=typed.get(entry.type, entry.detail))
            for entry in entries
            if entry.type != REFUSED
        ]

    # What a return says of its money are our own words.
    returns = [msgspec.structs.replace(back, timeline=told(back.timeline, {})) for back in order.returns]
    return msgspec.structs.replace(order, timeline=told(order.timeline, _TYPED), returns=returns)


_NOT_STAFF = ("", "guest", "carrier", "payments")
# Where staff type a reason, what is said instead. Why a return was rejected is typed for the customer.
_TYPED = {"canceled": "Order canceled", "refunded": "Money sent back"}


def return_items(ask: Sequence[ReturnItem]) -> list[ShipItem]:
    """Returned items as counted units."""
    return [ShipItem(item_id=item.item_id, quantity=item.quantity) for item in ask]
