"""How far an order is, in the words and steps that a shopper sees."""

from __future__ import annotations

from datetime import datetime

import msgspec

from haat.contracts.orders import Order

STEPS = {
    "placed": "Ordered",
    "confirmed": "Confirmed",
    "packed": "Packed",
    "shipped": "On its way",
    "out_for_delivery": "Out for delivery",
    "delivered": "Delivered",
}
PARTLY = {"partially_shipped": "Partly on its way", "partially_delivered": "Partly delivered"}
# The step of the way that a part of the order has reached.
STEP_OF_PART = {"partially_shipped": "shipped", "partially_delivered": "delivered"}
STATUS_WORDS = {**STEPS, **PARTLY, "canceled": "Cancelled", "returned": "Returned"}
SHIPMENT_WORDS = {
    "created": "Label printed",
    "picked_up": "With the carrier",
    "in_transit": "On its way",
    "out_for_delivery": "Out for delivery",
    "delivered": "Delivered",
    "failed": "Delivery failed",
    "canceled": "Stopped",
}
PAYMENT_WORDS = {
    "pending": "Waiting for payment",
    "authorized": "Reserved, charged when we pack",
    "paid": "Paid",
    "partially_refunded": "Partly refunded",
    "refunded": "Refunded",
    "voided": "Nothing charged",
    "cash_on_delivery": "Pay when it arrives",
}
RETURN_WORDS = {
    "requested": "Registered",
    "approved": "Approved",
    "in_transit": "On its way back",
    "received": "Received",
    "refunded": "Refunded",
    "rejected": "Not accepted",
}
CANCELABLE = frozenset({"placed", "confirmed", "packed"})


class Step(msgspec.Struct, frozen=True):
    """`state` is done, current or ahead."""

    title: str
    state: str
    at: datetime | None = None


def steps_of(order: Order) -> list[Step]:
    """The way of an order; a cancelled one ends where it was stopped."""
    times = {entry.type: entry.at for entry in order.timeline}
    times.setdefault("placed", order.placed_at)
    if order.status == "canceled":
        reached = [name for name in STEPS if name in times]
        done = [Step(STEPS[name], "done", times[name]) for name in reached]
        return [*done, Step("Cancelled", "current", times.get("canceled"))]
    names = list(STEPS)
    part = STEP_OF_PART.get(order.status)
    if part is not None:
        times[part] = times.get(order.status, order.placed_at)
    at = len(names) - 1 if order.status == "returned" else names.index(part or order.status)
    finished = order.status in ("delivered", "returned")
    return [
        Step(
            PARTLY[order.status] if name == part else STEPS[name],
            "done" if i < at or finished else "current" if i == at else "ahead",
            times.get(name) if i <= at else None,
        )
        for i, name in enumerate(names)
    ]


def may_cancel(order: Order) -> bool:
    return order.status in CANCELABLE


def may_return(order: Order) -> bool:
    return order.status in ("partially_delivered", "delivered") and bool(returnable(order))


def returnable(order: Order) -> dict[str, int]:
    """Units of each item that were delivered, and are neither in a return nor refunded yet."""
    arrived = {item.id: item.quantity for item in order.items}
    if order.status == "partially_delivered":
        arrived = dict.fromkeys(arrived, 0)
        for parcel in order.shipments:
            if parcel.direction == "outbound" and parcel.status == "delivered":
                for packed in parcel.items:
                    arrived[packed.item_id] = arrived.get(packed.item_id, 0) + packed.quantity
    left = {item.id: arrived[item.id] - order.returned.get(item.id, 0) for item in order.items}
    return {item_id: units for item_id, units in left.items() if units > 0}
