"""Refusals as documents."""

from typing import Annotated

import httpx
import msgspec
from litestar import Litestar, get
from litestar.params import Parameter
from structlog.testing import capture_logs

from haat.kit.problem import EXCEPTION_HANDLERS, problem_body


def test_a_fact_never_takes_the_place_of_a_named_member():
    body, _ = problem_body(409, "order_state", "No", "Not now", {"status": "shipped", "available": 3}, "req_1")
    assert msgspec.json.decode(body) == {
        "type": "/problems/order_state",
        "title": "No",
        "status": 409,
        "detail": "Not now",
        "code": "order_state",
        "request_id": "req_1",
        "errors": [],
        "available": 3,
    }


async def test_a_fault_of_ours_is_recorded_under_the_id_that_is_told():
    @get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    app = Litestar([broken], exception_handlers=EXCEPTION_HANDLERS)
    with capture_logs() as lines:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
            told = (await client.get("/broken")).json()
    assert [(line["event"], line["request_id"]) for line in lines] == [("unexpected", told["request_id"])]


async def test_a_parameter_that_does_not_fit_is_told_by_the_name_it_is_sent_under():
    @get("/things")
    async def things(
        scope_: Annotated[int, Parameter(query="scope")],
        match: Annotated[str, Parameter(header="If-Match", max_length=3)],
        limit: Annotated[int, Parameter(le=100)],
    ) -> None: ...

    app = Litestar([things], exception_handlers=EXCEPTION_HANDLERS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        told = (await client.get("/things?scope=x&limit=101", headers={"If-Match": "long"})).json()
    assert [fault["pointer"] for fault in told["errors"]] == ["/scope", "/If-Match", "/limit"]
