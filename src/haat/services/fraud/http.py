"""`/v1/fraud/reviews`: what waits for a person, for finance staff."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import get, post
from litestar.params import Parameter
from msgspec import Meta

from haat.contracts.fraud import Decide, Fraud, Review, ReviewsOf
from haat.kit.access import Caller, needs_role
from haat.kit.idempotency import Idempotency
from haat.kit.message import Message, Page
from haat.kit.problem import problems

ReviewId = Annotated[str, Parameter(description="a review, `rev_…`")]
State = Annotated[
    Literal["open", "approved", "rejected", "canceled"], Parameter(query="state", description="which reviews")
]
Limit = Annotated[int, Parameter(ge=1, le=100)]
Cursor = Annotated[str | None, Parameter(max_length=1_000, description="where the last page ended")]


class DecisionBody(Message, frozen=True):
    """The person's decision and why."""

    decision: Literal["approve", "reject"]
    note: Annotated[str, Meta(max_length=2_000)] = ""


@get("/v1/fraud/reviews", tags=["fraud"], guards=[needs_role("finance")], responses=problems(401, 403, 422))
async def reviews(fraud: Fraud, in_state: State = "open", limit: Limit = 20, cursor: Cursor = None) -> Page[Review]:
    """The queue with scores and reasons, the oldest first."""
    return await fraud.reviews(ReviewsOf(state=in_state, limit=limit, cursor=cursor))


@post(
    "/v1/fraud/reviews/{review_id:str}/decision",
    status_code=200,
    tags=["fraud"],
    guards=[needs_role("finance")],
    responses=problems(401, 403, 404, 409, 422),
)
async def decide(
    review_id: ReviewId, data: DecisionBody, fraud: Fraud, caller: Caller, idempotency: Idempotency | None
) -> Review:
    """Approve or reject, once; the order goes on or is canceled."""
    ask = Decide(
        review_id=review_id,
        decision=data.decision,
        note=data.note,
        actor=caller.signed_in(),
        idempotency=idempotency,
    )
    return await fraud.decide(ask)


ROUTES = [reviews, decide]
