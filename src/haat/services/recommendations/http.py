"""`/v1/events` takes the clickstream in, `/v1/recommendations` answers."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import get, post
from litestar.params import Parameter
from msgspec import Meta

from haat.contracts.recommendations import Click, Recommend, Recommendations, Recommender, RecordClicks
from haat.kit.access import Caller
from haat.kit.message import Invalid, Message
from haat.kit.problem import problems
from haat.services.recommendations.model import click_faults


class Clickstream(Message, frozen=True):
    """Up to 100 clicks at once."""

    events: Annotated[list[Click], Meta(min_length=1, max_length=100)]


class Accepted(Message, frozen=True):
    """How many events were taken."""

    accepted: int


@post("/v1/events", status_code=202, tags=["recommendations"], responses=problems(401, 422, 503))
async def record_events(data: Clickstream, recommendations: Recommender, caller: Caller) -> Accepted:
    """Tell what the shopper did; all of it is taken or, with every fault told, nothing. The same click of a session
    told again counts once, whatever `Idempotency-Key` comes with it; purchases are counted by their orders."""
    # Asked here as well as in the service: some moments could not even be sent there.
    faults = click_faults(data.events)
    if faults:
        raise Invalid(errors=faults)
    await recommendations.record(RecordClicks(events=data.events, user_id=caller.user_id))
    return Accepted(accepted=len(data.events))


@get("/v1/recommendations", tags=["recommendations"], responses=problems(401, 404, 422, 503))
async def recommend(
    recommendations: Recommender,
    caller: Caller,
    kind: Literal["similar", "bought_together", "for_you", "trending"],
    product_id: Annotated[str | None, Parameter(max_length=64, description="for similar and bought_together")] = None,
    session_id: Annotated[str | None, Parameter(max_length=100, description="whose views count for a guest")] = None,
    limit: Annotated[int, Parameter(ge=1, le=100)] = 10,
) -> Recommendations:
    """Products to show next, each with its reason."""
    ask = Recommend(kind=kind, product_id=product_id, user_id=caller.user_id, session_id=session_id, limit=limit)
    return await recommendations.recommend(ask)


ROUTES = [record_events, recommend]
