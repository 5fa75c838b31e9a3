"""Returns that wait: what customers send back, received on the shelf or as damaged."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post

from haat.contracts.orders import ListOrders, Order, Orders, ReceiveReturn, Return
from haat.kit.message import DomainError
from haat.web.backoffice.desk import Desk
from haat.web.backoffice.forms import new_key, typed

# Orders list no returns by themselves: only what was delivered can come back, so those orders are looked through.
LOOKED_AT = 100
ENDED = ("refunded", "rejected")


class Waiting(msgspec.Struct, frozen=True):
    """One return and the order it came from; `titles` by item id."""

    order: Order
    back: Return
    titles: dict[str, str]

    @property
    def units(self) -> int:
        return sum(item.quantity for item in self.back.items)


@get("/returns", duty="see_returns")
async def list_returns(desk: Desk, orders: Orders) -> Response[Any]:
    """Open returns, the oldest first; those that have ended below."""
    return await _page(desk, orders)


@post("/returns/{return_id:str}", duty="receive", status_code=200)
async def receive(desk: Desk, orders: Orders, return_id: str) -> Response[Any]:
    """The parcel is back: money goes out, units go on the shelf unless they are damaged."""
    fields = await typed(desk.request)
    state = fields.get("state", "")
    if state not in ("good", "damaged"):
        return await _page(desk, orders, return_id, "Choose whether the items can be sold again", 422)
    ask = ReceiveReturn(return_id=return_id, actor=desk.actor, restock=state == "good", idempotency=desk.once(fields))
    try:
        await orders.receive_return(ask)
    except DomainError as error:
        if error.status == 404:
            raise
        return await _page(desk, orders, return_id, error.detail, error.status)
    return desk.go("/admin/returns?said=received")


async def _page(desk: Desk, orders: Orders, refused: str = "", fault: str = "", status: int = 200) -> Response[Any]:
    found = await orders.orders(
        ListOrders(status="delivered", cursor=desk.asked("cursor", 1000) or None, limit=LOOKED_AT)
    )
    open_, ended = sorted_returns(found.data)
    return desk.page(
        "returns.html",
        status=status,
        open=open_,
        ended=ended,
        page=found,
        looked_at=LOOKED_AT,
        refused=refused,
        fault=fault,
        key=new_key(),
    )


def sorted_returns(orders: list[Order]) -> tuple[list[Waiting], list[Waiting]]:
    """Returns that wait, the oldest first, and those that have ended, the latest first."""
    every = [
        Waiting(order, back, {line.id: line.title for line in order.items})
        for order in orders
        for back in order.returns
    ]
    every.sort(key=lambda each: each.back.created_at)
    waiting = [each for each in every if each.back.status not in ENDED]
    return waiting, [each for each in reversed(every) if each.back.status in ENDED]


ROUTES = [list_returns, receive]
