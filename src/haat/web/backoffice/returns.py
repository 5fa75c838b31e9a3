"""Returns that wait: what customers send back, received on the shelf or as damaged."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from haat.contracts.orders import ListReturns, Orders, ReceiveReturn
from haat.kit.message import DomainError
from haat.web.backoffice.desk import Desk
from haat.web.backoffice.forms import new_key, typed

A_PAGE = 50


@get("/returns", duty="see_returns")
async def list_returns(desk: Desk, orders: Orders) -> Response[Any]:
    """Returns that wait, the oldest first; or those that have ended, the latest first."""
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
    showing_ended = desk.asked("show") == "done"
    page = await orders.returns(
        ListReturns(ended=showing_ended, cursor=desk.asked("cursor", 1000) or None, limit=A_PAGE)
    )
    return desk.page(
        "returns.html",
        status=status,
        page=page,
        ended=showing_ended,
        refused=refused,
        fault=fault,
        key=new_key(),
    )


ROUTES = [list_returns, receive]
