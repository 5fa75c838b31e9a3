"""Returns that wait: what customers want to send back, approved or rejected, received on the shelf or as damaged."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from litestar import Response, get, post

from haat.contracts.orders import ApproveReturn, ListReturns, Orders, ReceiveReturn, RejectReturn, Return
from haat.kit.message import DomainError
from haat.web.backoffice.desk import Desk
from haat.web.backoffice.forms import new_key, typed
from haat.web.backoffice.order_view import LONGEST_REASON

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
    return await _done(desk, orders, return_id, orders.receive_return(ask), "received")


@post("/returns/{return_id:str}/approve", duty="receive", status_code=200)
async def approve(desk: Desk, orders: Orders, return_id: str) -> Response[Any]:
    """The items may come back: the carrier is sent for them."""
    fields = await typed(desk.request)
    ask = ApproveReturn(return_id=return_id, actor=desk.actor, idempotency=desk.once(fields))
    return await _done(desk, orders, return_id, orders.approve_return(ask), "approved")


@post("/returns/{return_id:str}/reject", duty="receive", status_code=200)
async def reject(desk: Desk, orders: Orders, return_id: str) -> Response[Any]:
    """The items do not come back, or never came: the customer reads why."""
    fields = await typed(desk.request)
    reason = fields.get("reason", "")
    if not 1 <= len(reason) <= LONGEST_REASON:
        told = f"Say why, in 1 to {LONGEST_REASON} characters: the customer's mail shows it"
        return await _page(desk, orders, return_id, told, 422, reason)
    ask = RejectReturn(return_id=return_id, actor=desk.actor, reason=reason, idempotency=desk.once(fields))
    return await _done(desk, orders, return_id, orders.reject_return(ask), "rejected", reason)


async def _done(
    desk: Desk, orders: Orders, return_id: str, act: Coroutine[Any, Any, Return], said: str, reason: str = ""
) -> Response[Any]:
    """Do it, and lead back to the list; a refusal is told beside the return."""
    try:
        back = await act
    except DomainError as error:
        if error.status == 404:
            raise
        return await _page(desk, orders, return_id, error.detail, error.status, reason)
    # What waits for a neighbour that is away is done later, or refused.
    waits = back.status == "requested" or (said == "received" and back.status != "refunded")
    if said == "received" and not back.refund.amount:
        said = "received-unpaid"
    return desk.go(f"/admin/returns?said={'trying' if waits else said}")


async def _page(
    desk: Desk, orders: Orders, refused: str = "", fault: str = "", status: int = 200, reason: str = ""
) -> Response[Any]:
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
        reason=reason,
        longest=LONGEST_REASON,
        key=new_key(),
    )


ROUTES = [list_returns, receive, approve, reject]
