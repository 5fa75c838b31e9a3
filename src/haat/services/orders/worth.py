"""What units that come back are worth: portions of a line sum to its total, whatever came back before."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from haat.contracts.payments import Payment
from haat.services.orders.model import StoredOrder


def shares_of(order: StoredOrder, wanted: Mapping[str, int]) -> dict[str, int]:
    """What these units cost in minor units, by item id: all units, in any portions, sum to the line's total."""
    shares = {}
    for item_id, quantity in wanted.items():
        shares[item_id] = max(0, _even(order, item_id, quantity) - order.uneven.get(item_id, 0))
    return shares


def with_returned(order: StoredOrder, counts: Mapping[str, int], money: Mapping[str, int]) -> StoredOrder:
    """The order with units that come back, or (below zero) do not after all, and the minor units they stand for.

    Where a rejected return has left another sum than the units that still come back would have had from the first on,
    `uneven` is by how much it is more; the next to come back has so much less.
    """
    returned, uneven = dict(order.returned), dict(order.uneven)
    for item_id, count in counts.items():
        even = _even(order, item_id, count)
        returned[item_id] = returned.get(item_id, 0) + count
        uneven[item_id] = uneven.get(item_id, 0) + money.get(item_id, even) - even
    left = {item_id: more for item_id, more in uneven.items() if more}
    return msgspec.structs.replace(order, returned=returned, uneven=left)


def paid_by_return(payment: Payment, most: int) -> int:
    """What a return worth `most` pays, in minor units: no more than other refunds and disputes have left of the money.

    Of money that is still to be taken nothing has been left: all of it is asked for, and payments refuse.
    """
    if payment.state == "authorized":
        return most
    left = payment.refundable or payment.captured - payment.refunded
    return min(most, left.amount)


def _even(order: StoredOrder, item_id: str, count: int) -> int:
    """What the next `count` units of a line cost (below zero: the last ones that came back)."""
    (line,) = [each for each in order.body.items if each.id == item_id]
    before = order.returned.get(item_id, 0)
    so_far, then = (line.total.amount * n // line.quantity for n in (before, before + count))
    return then - so_far
