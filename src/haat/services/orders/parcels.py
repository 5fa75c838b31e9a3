"""Where an order's units are: the rules of its parcels, and what follows for the order."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from haat.contracts.shipping import Shipment
from haat.services.orders.model import CASH, OnRoad, StoredOrder, added, forward, undelivered

# How far a parcel is; one that the carrier refused or that was stopped is not on its way at all.
ON_ITS_WAY, AT_THE_DOOR, ARRIVED = 1, 2, 3
STOPPED = frozenset({"failed", "canceled"})
STAGES = {"picked_up": ON_ITS_WAY, "in_transit": ON_ITS_WAY, "out_for_delivery": AT_THE_DOOR, "delivered": ARRIVED}


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
    return as_handed_over(msgspec.structs.replace(order, parcels=parcels, shipped=added(order.shipped, back)))


def as_handed_over(order: StoredOrder) -> StoredOrder:
    """The order, packed only while some of it is handed over: without, it waits to be packed again."""
    if order.status != "packed" or any(count > 0 for count in order.shipped.values()):
        return order
    return msgspec.structs.replace(order, status="confirmed")


def taken_back(order: StoredOrder, shipment_id: str) -> StoredOrder:
    """The order once an undelivered parcel is here: its units can be sent anew. With nothing else on its way the order
    is where it was before, and can be canceled.
    """
    parcel = order.parcels[shipment_id]
    back = {item_id: -quantity for item_id, quantity in parcel.units.items()}
    parcels = {**order.parcels, shipment_id: OnRoad(parcel.status, {})}
    here = msgspec.structs.replace(order, parcels=parcels, shipped=added(order.shipped, back))
    away = any(units_at(here, ON_ITS_WAY).values()) or undelivered(here)
    return here if away else as_handed_over(msgspec.structs.replace(here, status="packed"))


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


def lost(order: StoredOrder, parcel: Shipment) -> bool:
    """Whether the carrier gave this parcel up on its way and it is not here again; the order may not have heard yet."""
    known = order.parcels.get(parcel.id)
    gone = parcel.direction == "outbound" and parcel.status == "failed" and (known is None or bool(known.units))
    return gone and any(event.code in STAGES for event in parcel.events)


def owed_at_the_door(order: StoredOrder) -> int:
    """What was to be paid in cash by now, in minor units: all but what is still to come, once a parcel is there."""
    arrived = units_at(order, ARRIVED)
    if not arrived or order.body.payment_method != CASH:
        return 0
    to_come = {line.id: max(0, line.quantity - arrived.get(line.id, 0)) for line in order.body.items}
    return order.total_minor - sum(line.total.amount * to_come[line.id] // line.quantity for line in order.body.items)


def not_refundable(order: StoredOrder) -> dict[str, int]:
    """Units by item id that no money can go back for: gone back already, or, in cash at the door, not paid for yet."""
    unpaid = order.body.payment_method == CASH and order.captured_minor < order.total_minor
    return not_returnable(order) if unpaid else dict(order.returned)


def not_returnable(order: StoredOrder) -> dict[str, int]:
    """Units by item id that cannot be asked to come back: not delivered, or in a return or refunded already."""
    there = {line.id: line.quantity for line in order.body.items}
    arrived = units_at(order, ARRIVED) if order.status == "partially_delivered" else there
    away = {item_id: max(0, quantity - arrived.get(item_id, 0)) for item_id, quantity in there.items()}
    return added(order.returned, away)
