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
# How far a parcel is; one that the carrier refused or that was stopped is not on its way at all.
ON_ITS_WAY, AT_THE_DOOR, ARRIVED = 1, 2, 3
STOPPED = frozenset({"failed", "canceled"})
STAGES = {"picked_up": ON_ITS_WAY, "in_transit": ON_ITS_WAY, "out_for_delivery": AT_THE_DOOR, "delivered": ARRIVED}


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


def with_parcel(order: StoredOrder, shipment_id: str, status: str, units_in: Mapping[str, int]) -> StoredOrder:
    """The order after a notice of one of its parcels; the status of an order is that of its units, never back."""
    held = {line.id: line.quantity for line in order.body.items}
    before = order.parcels.get(shipment_id)
    if status in STAGES:
        if before is not None and (before.status in STOPPED or STAGES[before.status] > STAGES[status]):
            return order
        parcels = {**order.parcels, shipment_id: OnRoad(status, dict(units_in) or held)}
        moved = msgspec.structs.replace(order, parcels=parcels)
        return msgspec.structs.replace(moved, status=forward(order.status, _status_by_parcels(moved)))
    if status not in STOPPED or order.status == "canceled":
        return order
    if before is not None:
        # Given up on its way: its units are neither with the customer nor here, until staff say that they are back.
        lost = status == "failed" and before.status in STAGES and before.status != "delivered"
        parcels = {**order.parcels, shipment_id: OnRoad(status, before.units)}
        return msgspec.structs.replace(order, parcels=parcels) if lost else order
    # The carrier would not take it, or it was stopped in time: its units are still here and can be handed over again.
    back = {item_id: -quantity for item_id, quantity in (units_in or held).items()}
    parcels = {**order.parcels, shipment_id: OnRoad(status, {})}
    return msgspec.structs.replace(order, parcels=parcels, shipped=added(order.shipped, back))


def undelivered(order: StoredOrder) -> list[str]:
    """The parcels that came to nothing on their way, and are not here again."""
    return [shipment_id for shipment_id, parcel in order.parcels.items() if parcel.status == "failed" and parcel.units]


def taken_back(order: StoredOrder, shipment_id: str) -> StoredOrder:
    """The order once an undelivered parcel is here: its units can be sent anew. With nothing else on its way the order
    is where it was before, and can be canceled.
    """
    parcel = order.parcels[shipment_id]
    back = {item_id: -quantity for item_id, quantity in parcel.units.items()}
    parcels = {**order.parcels, shipment_id: OnRoad(parcel.status, {})}
    here = msgspec.structs.replace(order, parcels=parcels, shipped=added(order.shipped, back))
    away = any(units_at(here, ON_ITS_WAY).values()) or undelivered(here)
    return here if away else msgspec.structs.replace(here, status="confirmed")


def _status_by_parcels(order: StoredOrder) -> str:
    if _all(order, arrived := units_at(order, ARRIVED)):
        return "delivered"
    if arrived:
        return "partially_delivered"
    if _all(order, units_at(order, AT_THE_DOOR)):
        return "out_for_delivery"
    return "shipped" if _all(order, units_at(order, ON_ITS_WAY)) else "partially_shipped"


def units_at(order: StoredOrder, stage: int) -> dict[str, int]:
    """Units by item id in parcels that are at least this far."""
    found: dict[str, int] = {}
    for parcel in order.parcels.values():
        if STAGES.get(parcel.status, 0) >= stage:
            found = added(found, parcel.units)
    return found


def _all(order: StoredOrder, counts: Mapping[str, int]) -> bool:
    return all(counts.get(line.id, 0) >= line.quantity for line in order.body.items)


def owed_at_the_door(order: StoredOrder) -> int:
    """What was to be paid in cash by now, in minor units: all but what is still to come, once a parcel is there."""
    arrived = units_at(order, ARRIVED)
    if not arrived or order.body.payment_method != CASH:
        return 0
    to_come = {line.id: max(0, line.quantity - arrived.get(line.id, 0)) for line in order.body.items}
    return order.total_minor - sum(line.total.amount * to_come[line.id] // line.quantity for line in order.body.items)


def not_returnable(order: StoredOrder) -> dict[str, int]:
    """Units by item id that cannot be asked to come back: not delivered, or in a return or refunded already."""
    there = {line.id: line.quantity for line in order.body.items}
    arrived = units_at(order, ARRIVED) if order.status == "partially_delivered" else there
    away = {item_id: max(0, quantity - arrived.get(item_id, 0)) for item_id, quantity in there.items()}
    return added(order.returned, away)


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


def return_items(ask: Sequence[ReturnItem]) -> list[ShipItem]:
    """Returned items as counted units."""
    return [ShipItem(item_id=item.item_id, quantity=item.quantity) for item in ask]
