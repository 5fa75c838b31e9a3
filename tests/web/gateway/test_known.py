"""A target that was asked for before takes a shorter way: nobody can tell, and nothing old is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

import httpx
import pytest
from litestar import Response, get
from litestar.params import Parameter
from prometheus_client import REGISTRY

from haat.contracts.identity import Identity
from haat.kit.access import Caller
from haat.kit.message import Message, NotFound
from haat.kit.ready import Again, ready
from haat.web.gateway.app import gateway
from haat.web.gateway.counting import tell
from haat.web.gateway.known import LONGEST_TARGET, Known, KnownTargets

TAG = '"v1"'
STAFF = {"Authorization": "Bearer staff"}
STALE = {"Authorization": "Bearer old"}


class Shown(Message, frozen=True):
    """A ready answer."""

    body: bytes
    etag: str = TAG


class Asked(Message, frozen=True):
    """What a target means."""

    ref: str
    limit: int = 20
    everything: bool = False


class Shelf:
    """Counts what it is asked; what is `sold` is not found any more."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.sold: set[str] = set()

    async def page(self, ask: Asked) -> Shown:
        self.asked.append(ask)
        if ask.ref in self.sold:
            raise NotFound()
        return Shown(body=f'{{"ref":"{ask.ref}","everything":{str(ask.everything).lower()}}}'.encode())


class Routed:
    """Counts how often the application itself was asked."""

    def __init__(self) -> None:
        self.count = 0


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def routed() -> Routed:
    return Routed()


Opened = Callable[..., httpx.AsyncClient]


@pytest.fixture
def opened(shelf: Shelf, routed: Routed, people: Identity) -> Opened:
    """A gateway with one route of ready answers, with a limit of one's choice."""

    @get("/v1/shelf/{ref:str}", tags=["catalogue"])
    async def view(
        caller: Caller,
        ref: str,
        limit: Annotated[int, Parameter(ge=1, le=100)] = 20,
        if_none_match: Annotated[str | None, Parameter(header="If-None-Match")] = None,
    ) -> Response[bytes]:
        routed.count += 1
        ask = Asked(ref=ref, limit=limit, everything=caller.has_role("support"))
        return await ready(shelf.page, ask, if_none_match)

    def open_(limit_per_minute: int = 0) -> httpx.AsyncClient:
        app = gateway([view], {"identity": people}, {}, limit_per_minute=limit_per_minute)
        transport = httpx.ASGITransport(app, client=("203.0.113.9", 5000), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://shop")

    return open_


def told(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    return answer.status_code, answer.headers.multi_items(), answer.content


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"If-None-Match": TAG},
        {"If-None-Match": f'"v0", W/{TAG}'},
        {"If-None-Match": "*"},
        {"If-None-Match": '"v0"'},
        {"Authorization": "Bearer asha"},
        {"Cart-Token": "crt_1.x"},
        {"Accept": "text/html", "Cookie": "haat_access=staff"},
        {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    ],
)
async def test_the_short_way_answers_to_the_letter(
    opened: Opened, routed: Routed, method: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    # Both ways at one moment: what is left of a caller's requests is told in seconds.
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    asked = {**headers, "Request-Id": "r1"}
    # So low that what is left does not grow again during the test.
    long, short = opened(limit_per_minute=1), opened(limit_per_minute=1)
    await long.get("/v1/shelf/another")
    await short.get("/v1/shelf/kettle")
    before = routed.count
    slow = await long.request(method, "/v1/shelf/kettle", headers=asked)
    between = routed.count
    fast = await short.request(method, "/v1/shelf/kettle", headers=asked)
    assert (between - before, routed.count - between) == (1, 0)
    assert told(fast) == told(slow)


async def test_what_is_shown_is_asked_for_each_time(opened: Opened, shelf: Shelf):
    client = opened()
    for _ in range(3):
        await client.get("/v1/shelf/kettle?limit=5")
    assert shelf.asked == [Asked(ref="kettle", limit=5)] * 3


async def test_what_is_gone_is_refused_as_ever(opened: Opened, shelf: Shelf):
    client = opened()
    await client.get("/v1/shelf/kettle")
    shelf.sold.add("kettle")
    gone = await client.get("/v1/shelf/kettle", headers={"Request-Id": "r1"})
    never = await opened().get("/v1/shelf/kettle", headers={"Request-Id": "r1"})
    assert (gone.status_code, told(gone)) == (404, told(never))


async def test_what_staff_sees_is_for_staff_only(opened: Opened):
    client = opened()
    answers = [
        (await client.get("/v1/shelf/kettle", headers=headers)).json()["everything"]
        for headers in ({}, STAFF, {}, STAFF)
    ]
    assert answers == [False, True, False, True]


async def test_a_target_first_seen_by_staff_is_not_known(opened: Opened, routed: Routed):
    client = opened()
    await client.get("/v1/shelf/kettle", headers=STAFF)
    answer = await client.get("/v1/shelf/kettle")
    assert (answer.json()["everything"], routed.count) == (False, 2)


async def test_a_refused_target_is_not_known(opened: Opened, routed: Routed):
    client = opened()
    answers = [await client.get("/v1/shelf/kettle?limit=0") for _ in range(2)]
    assert ([answer.status_code for answer in answers], routed.count) == ([422, 422], 0)


async def test_a_bad_token_and_a_full_limit_are_refused_before(opened: Opened, shelf: Shelf):
    client = opened(limit_per_minute=1)
    asha = {"Authorization": "Bearer asha"}
    answers = [await client.get("/v1/shelf/kettle", headers=headers) for headers in (asha, asha, STALE)]
    assert ([answer.status_code for answer in answers], len(shelf.asked)) == ([200, 429, 401], 1)


async def test_a_header_that_is_repeated_takes_the_long_way(opened: Opened, routed: Routed):
    client = opened()
    await client.get("/v1/shelf/kettle")
    await client.get("/v1/shelf/kettle", headers=[("If-None-Match", TAG), ("If-None-Match", '"v0"')])
    assert routed.count == 2


async def test_both_ways_are_counted_under_one_route(opened: Opened):
    labels = {"route": "/v1/shelf/{ref:str}", "method": "GET", "status": "200"}
    tell()
    before = REGISTRY.get_sample_value("haat_http_requests_total", labels) or 0.0
    client = opened()
    for _ in range(3):
        await client.get("/v1/shelf/kettle")
    tell()
    assert (REGISTRY.get_sample_value("haat_http_requests_total", labels) or 0.0) - before == 3


def test_only_so_many_targets_are_known():
    known = KnownTargets(limit=2)
    meant = Known("/", Again(Shelf().page, Asked(ref="x")))
    for path in ("/a", "/b", "/c", "/" + "d" * LONGEST_TARGET):
        known.learn((path, b""), meant)
    assert [path for path in ("/a", "/b", "/c", "/" + "d" * LONGEST_TARGET) if known.get((path, b""))] == ["/b", "/c"]
