"""The queue of payments that wait for a person: why they wait, and the decision."""

from __future__ import annotations

from typing import Any, Literal, cast

from litestar import Response, get, post

from haat.contracts.fraud import Decide, Fraud, ReviewsOf
from haat.contracts.identity import Identity
from haat.kit.message import DomainError
from haat.web.backoffice.desk import Desk
from haat.web.backoffice.forms import new_key, typed
from haat.web.backoffice.people import names_of

STATES = ("open", "approved", "rejected", "canceled")
LONGEST_NOTE = 2_000
DECISIONS = ("approve", "reject")


@get("/fraud", duty="fraud")
async def queue(desk: Desk, fraud: Fraud, identity: Identity) -> Response[Any]:
    """The oldest first: every open one holds up somebody's order."""
    return await _page(desk, fraud, identity)


@post("/fraud/{review_id:str}", duty="fraud", status_code=200)
async def decide(desk: Desk, fraud: Fraud, identity: Identity, review_id: str) -> Response[Any]:
    """Approve: the order goes on. Reject, with a note: it is canceled and the money goes back."""
    fields = await typed(desk.request)
    decision, note = fields.get("decision", ""), fields.get("note", "")
    fault = ""
    if decision not in DECISIONS:
        fault = "Choose to approve or to reject"
    elif len(note) > LONGEST_NOTE:
        fault = f"At most {LONGEST_NOTE} characters"
    elif decision == "reject" and not note:
        fault = "Say why, so that whoever the customer calls knows"
    if fault:
        return await _page(desk, fraud, identity, review_id, fault, note, 422)
    ask = Decide(
        review_id=review_id,
        decision=cast(Literal["approve", "reject"], decision),
        note=note,
        actor=desk.actor,
        idempotency=desk.once(fields),
    )
    try:
        await fraud.decide(ask)
    except DomainError as error:
        if error.status == 404:
            raise
        return await _page(desk, fraud, identity, review_id, error.detail, note, error.status)
    return desk.go("/admin/fraud?said=decided")


async def _page(
    desk: Desk, fraud: Fraud, identity: Identity, refused: str = "", fault: str = "", note: str = "", status: int = 200
) -> Response[Any]:
    state = desk.asked("state") if desk.asked("state") in STATES else "open"
    page = await fraud.reviews(ReviewsOf(state=state, cursor=desk.asked("cursor", 1000) or None, limit=25))
    return desk.page(
        "fraud.html",
        status=status,
        page=page,
        state=state,
        states=STATES,
        names=await names_of(identity, (each.decided_by for each in page.data)),
        refused=refused,
        fault=fault,
        note=note,
        key=new_key(),
    )


ROUTES = [queue, decide]
