"""Plain calls skip the framework: nobody can tell by the answer, and what is not plain goes the framework's way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

import httpx
import pytest
from litestar import Request, Response, delete, get, post
from litestar.params import Parameter

from haat.contracts.identity import Identity
from haat.kit.access import Caller, needs_role, needs_user
from haat.kit.idempotency import Idempotency, replayed
from haat.kit.message import Message, NotFound
from haat.kit.problem import EXCEPTION_HANDLERS, problems
from haat.web.gateway.app import gateway
from haat.web.gateway.front import Front
from haat.web.gateway.limits import Limits

BIG = {"name": "x" * 70_000}
HUGE = {"name": "x" * 2_100_000}
KEY = {"Idempotency-Key": "k1"}


class Wanted(Message, frozen=True):
    """A body."""

    name: Annotated[str, Parameter(max_length=100_000)]
    quantity: int = 1


class Told(Message, frozen=True):
    """What the handler was given."""

    by: str
    ref: str | None = None
    wanted: Wanted | None = None
    key: str | None = None
    fingerprint: str | None = None
    limit: int = 0


@post("/v1/wants", tags=["catalogue"], responses=problems(404))
async def want(data: Wanted, caller: Caller, idempotency: Idempotency | None) -> Told:
    """A plain call with a body; with a key, told to be a replay."""
    key = idempotency
    replayed.set(key is not None)
    return Told(
        by=caller.account,
        wanted=data,
        key=None if key is None else key.key,
        fingerprint=None if key is None else key.fingerprint,
    )


@get("/v1/wants/latest", tags=["catalogue"])
async def latest(caller: Caller) -> Told:
    """Spelled out: comes before the one that takes any."""
    return Told(by=caller.account, ref="the latest")


@get("/v1/wants/{ref:str}", tags=["catalogue"])
async def one(ref: str, caller: Caller, limit: Annotated[int, Parameter(ge=1, le=9)] = 5) -> Response[Told]:
    """A part of the path, a query, a header of its own; what is unknown is refused."""
    if ref == "gone":
        raise NotFound("It is gone", ref=ref)
    if ref == "broken":
        raise RuntimeError("a fault of ours")
    return Response(Told(by=caller.account, ref=ref, limit=limit), headers={"Cart-Token": "t1"})


@delete("/v1/wants/{ref:str}", tags=["catalogue"], guards=[needs_user])
async def drop(ref: str, shelf: list[str]) -> None:
    """A guard, an injected value, no content."""
    shelf.append(ref)


@post("/v1/wants/{ref:str}/raise", status_code=200, tags=["staff"], guards=[needs_role("support")])
async def raised(ref: str, request: Request[Any, Any, Any]) -> Response[bytes]:
    """The raw body, an answer that is not JSON, a cookie; told to be a replay."""
    replayed.set(True)
    answer = Response(await request.body() + ref.encode(), media_type="text/plain")
    answer.set_cookie("seen", "yes")
    return answer


@get("/v1/wants/{ref:str}/paper", media_type="application/pdf", tags=["catalogue"])
async def paper(ref: str) -> Response[bytes]:
    """Another kind of answer, said by the route."""
    return Response(ref.encode(), headers={"Content-Disposition": "inline"})


@get("/v1/wants/{ref:str}/words", tags=["catalogue"])
async def words(ref: str) -> str:
    """Another kind of answer, said by the type."""
    return ref


@post("/v1/wants/{ref:str}/nothing", status_code=200, tags=["catalogue"])
async def nothing(ref: str) -> None:
    """No content where there could be some."""


@post("/v1/wants/{ref:str}/as-it-is", status_code=200, tags=["catalogue"])
async def as_it_is(ref: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
    """The raw body and the headers, to check a signature."""
    return {"ref": ref, "body": body.decode(), "signature": headers.get("x-signature", "")}


ROUTES = [nothing, want, latest, one, drop, raised, paper, words, as_it_is]
Twins = tuple[httpx.AsyncClient, httpx.AsyncClient]
Recorder = Callable[[], list[str]]


@pytest.fixture
def routed() -> list[str]:
    """Paths that the framework was asked about."""
    return []


@pytest.fixture
def twins(people: Identity, routed: list[str]) -> Twins:
    """The gateway, and the same one without the straight way."""

    def client(straight: bool) -> httpx.AsyncClient:
        front = gateway(ROUTES, {"identity": people}, {"shelf": []}, on_error=EXCEPTION_HANDLERS)
        assert isinstance(front, Front)
        framework = front.application

        async def watched(scope: Any, receive: Any, send: Any) -> None:
            routed.append(scope["path"])
            await framework(scope, receive, send)

        kept = front.straight if straight else None
        whole = Front(watched, people, limits=Limits(0), straight=kept)
        transport = httpx.ASGITransport(whole, client=("203.0.113.9", 5000), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://shop")

    return client(True), client(False)


def told(answer: httpx.Response) -> tuple[int, set[tuple[str, str]], bytes]:
    return answer.status_code, set(answer.headers.multi_items()), answer.content


ASHA, STAFF = {"Authorization": "Bearer asha"}, {"Authorization": "Bearer staff"}
STRAIGHT: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/v1/wants", {"json": {"name": "kettle"}}),
    ("POST", "/v1/wants", {"json": {"name": "kettle", "quantity": 3}, "headers": {**KEY, **ASHA}}),
    ("POST", "/v1/wants", {"json": {"name": "kettle"}, "headers": {**KEY, "Cart-Token": "crt_1.x"}}),
    ("GET", "/v1/wants/latest", {}),
    ("POST", "/v1/wants/w1/nothing", {}),
    ("GET", "/v1/wants/w1", {"headers": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}),
    ("HEAD", "/v1/wants/w1", {}),
    ("GET", "/v1/wants/gone", {}),
    ("GET", "/v1/wants/broken", {}),
    ("DELETE", "/v1/wants/w1", {}),
    ("DELETE", "/v1/wants/w1", {"headers": ASHA}),
    ("POST", "/v1/wants/w1/raise", {"content": b"as it is: ", "headers": STAFF}),
    ("POST", "/v1/wants/w1/raise", {"headers": ASHA}),
    ("POST", "/v1/wants/w1/as-it-is", {"content": b"{ 1", "headers": {"X-Signature": "v1,abc"}}),
    ("POST", "/v1/wants/w1/as-it-is", {}),
]
FRAMEWORK: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/v1/wants", {"json": {"quantity": "2", "colour": "red"}}),
    ("POST", "/v1/wants", {"content": b'{"name": ', "headers": {"Content-Type": "application/json"}}),
    ("POST", "/v1/wants", {"content": b'{"name": "\xff"}', "headers": {"Content-Type": "application/json"}}),
    ("POST", "/v1/wants", {"content": b"[" * 5000, "headers": {"Content-Type": "application/json"}}),
    ("POST", "/v1/wants", {"content": b'{"name": "a"}', "headers": {"Content-Type": "text/plain"}}),
    ("POST", "/v1/wants", {"data": {"name": "a"}}),
    ("POST", "/v1/wants", {}),
    ("POST", "/v1/wants", {"json": BIG}),
    ("POST", "/v1/wants", {"json": HUGE}),
    ("POST", "/v1/wants", {"json": {"name": "a"}, "headers": {"Idempotency-Key": ""}}),
    ("POST", "/v1/wants", {"json": {"name": "a"}, "headers": {"Idempotency-Key": "k" * 256}}),
    ("POST", "/v1/wants?now=1", {"json": {"name": "a"}}),
    ("GET", "/v1/wants/w1?limit=3", {}),
    ("GET", "/v1/wants/w1?limit=x", {}),
    ("GET", "/v1/wants/a%2Fb", {}),
    ("GET", "/v1/wants/%E0%A4%B9", {}),
    ("GET", "/v1/wants/", {}),
    ("GET", "/v1/wants/w1/", {}),
    ("GET", "/v1/wants/w1/paper", {}),
    ("GET", "/v1/wants/w1/words", {}),
    ("PUT", "/v1/wants/w1", {}),
    ("GET", "/v1/nothing", {}),
]


@pytest.mark.parametrize(
    ("method", "path", "asked", "by_framework"),
    [*((*each, False) for each in STRAIGHT), *((*each, True) for each in FRAMEWORK)],
)
async def test_both_ways_answer_alike(
    twins: Twins,
    routed: list[str],
    method: str,
    path: str,
    asked: dict[str, Any],
    by_framework: bool,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    straight, framework = twins
    asked = {**asked, "headers": {**asked.get("headers", {}), "Request-Id": "r1"}}
    fast = await straight.request(method, path, **asked)
    went_the_framework_way = bool(routed)
    slow = await framework.request(method, path, **asked)
    assert told(fast) == told(slow)
    assert went_the_framework_way is by_framework


async def test_a_body_in_pieces_is_for_the_framework_and_a_header_repeated_too(twins: Twins, routed: list[str]):
    async def pieces() -> Any:
        yield b'{"name": '
        yield b'"kettle"}'

    chunked = await twins[0].post("/v1/wants", content=pieces(), headers={"Content-Type": "application/json"})
    repeated = await twins[0].get("/v1/wants/latest", headers=[("Accept", "a/b"), ("Accept", "c/d")])
    assert (chunked.json()["wanted"]["name"], repeated.status_code, len(routed)) == ("kettle", 200, 2)
