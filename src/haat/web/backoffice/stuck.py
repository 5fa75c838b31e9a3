"""Work on orders that goes on failing: which, why, and when it is tried next."""

from __future__ import annotations

from typing import Any

from litestar import Response, get

from haat.contracts.orders import Orders, StuckOf
from haat.web.backoffice.desk import Desk

SHOWN = 50
# What each kind of work is about, as whoever has to act reads it.
KINDS = {
    "ship": "hand a parcel over",
    "cancel": "cancel the order",
    "refund": "send money back",
    "receive": "receive a return",
    "capture": "take the money",
    "approve": "approve a return",
    "call_off": "call a parcel off",
}


@get("/stuck", duty="see_orders")
async def list_stuck(desk: Desk, orders: Orders) -> Response[Any]:
    """The oldest first: customers wait."""
    page = await orders.stuck(StuckOf(limit=SHOWN, cursor=desk.asked("cursor", 1000) or None))
    return desk.page("stuck.html", page=page, kinds=KINDS)


ROUTES = [list_stuck]
