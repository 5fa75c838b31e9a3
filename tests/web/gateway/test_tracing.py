"""Requests, calls between services and reactions arrive at a collector as one trace; without one nothing is wrapped."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from litestar import Litestar, get

from haat.contracts.identity import AccessToken, Identity, Principal
from haat.engines.transport.http import HttpTransport
from haat.kit.database import Batch
from haat.kit.message import DomainError, Event, Message
from haat.kit.reactions import LoggedEvent, Reader
from haat.kit.rpc import Contract, local, remote
from haat.kit.rpc_routes import serve
from haat.kit.service_identity import ServiceIdentity
from haat.kit.tracing import Tracer, start_tracing, traced, traceparent, traces_url
from haat.web.gateway.app import gateway
from tests.collector import Collector, collecting

SECRET = "only-for-tests-" + "x" * 32
TRACE, ABOVE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Ask(Message, frozen=True):
    text: str


class SoldOut(DomainError):
    code = "test_tracing_sold_out"


class Lamps(Contract):
    """A neighbour in another process."""

    async def light(self, ask: Ask) -> Ask: ...
    async def refuse(self, ask: Ask) -> Ask: ...
    async def fail(self, ask: Ask) -> Ask: ...
    async def trace(self, ask: Ask) -> Ask: ...


class LampsService(Lamps):
    async def light(self, ask: Ask) -> Ask:
        return ask

    async def refuse(self, ask: Ask) -> Ask:
        raise SoldOut("only for the eyes of 4111 1111 1111 1111")

    async def fail(self, ask: Ask) -> Ask:
        raise RuntimeError("the card is 4111 1111 1111 1111")

    async def trace(self, ask: Ask) -> Ask:
        return Ask(text=traceparent.get() or "")


class Nobody(Identity):
    """Every token is somebody's."""

    async def authenticate(self, ask: AccessToken) -> Principal:
        raise SoldOut


class Lit(Event, frozen=True):
    room: str

    @property
    def key(self) -> str:
        return self.room


@get("/v1/lamps/{room:str}")
async def lamp(room: str, lamps: Any) -> Ask:
    """Ask the neighbour."""
    answer: Ask = await lamps.light(Ask(text=room))
    return answer


@get("/v1/broken")
async def broken(lamps: Any) -> Ask:
    """Ask the neighbour for what it cannot do."""
    answer: Ask = await lamps.fail(Ask(text="a"))
    return answer


@get("/v1/trace")
async def trace(lamps: Any) -> Ask:
    """Ask the neighbour which trace it is part of."""
    answer: Ask = await lamps.trace(Ask(text="a"))
    return answer


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as listening:
        yield listening


@pytest.fixture
def tracer(collector: Collector) -> Iterator[Tracer]:
    """What is built in this test is traced."""
    started = start_tracing("tests", collector.url)
    assert started is not None
    yield started
    start_tracing("tests", None)
    started.stop()


async def served() -> AsyncIterator[Lamps]:
    """The neighbour as its callers see it, over a socket."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    identity = ServiceIdentity("lamps", SECRET)
    app = Litestar([serve(Lamps, LampsService(), identity.verifier("test_tracing"))], openapi_config=None)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    transport = HttpTransport("test_tracing", f"http://127.0.0.1:{listening.getsockname()[1]}", identity.sign)
    yield remote(Lamps, transport)
    await transport.close()
    server.should_exit = True
    await running


@pytest.fixture
async def far(tracer: Tracer) -> AsyncIterator[Lamps]:
    async for lamps in served():
        yield lamps


@pytest.fixture
async def client(far: Lamps) -> AsyncIterator[httpx.AsyncClient]:
    async with shop(far) as opened:
        yield opened


def shop(lamps: Lamps) -> httpx.AsyncClient:
    app: Any = gateway([lamp, broken, trace], {"identity": Nobody(), "lamps": lamps}, {})
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://shop")


def both(at: dict[tuple[str, str], Any], name: str) -> tuple[Any, Any]:
    return at["CLIENT", name], at["SERVER", name]


async def test_a_request_and_the_calls_it_makes_are_one_trace_below_the_callers_span(
    client: httpx.AsyncClient, tracer: Tracer, collector: Collector
):
    await client.get("/v1/lamps/hall?secret=1", headers={"traceparent": f"00-{TRACE}-{ABOVE}-01"})
    tracer.flush()
    at = {(span.kind, span.name): span for span in collector.spans}
    request, asked, answered = at["SERVER", "GET /v1/lamps/{room:str}"], *both(at, "test_tracing.light")
    assert {span.trace for span in collector.spans} == {TRACE}
    assert (request.parent, asked.parent, answered.parent) == (ABOVE, request.id, asked.id)


async def test_a_request_is_told_by_its_route_and_never_by_its_address(
    client: httpx.AsyncClient, tracer: Tracer, collector: Collector
):
    await client.get("/v1/lamps/hall?secret=1", headers={"Request-Id": "r 4111111111111111"})
    tracer.flush()
    (request,) = [span for span in collector.spans if span.name.startswith("GET")]
    assert request.attributes == {
        "http.request.method": "GET",
        "http.route": "/v1/lamps/{room:str}",
        "http.response.status_code": 200,
        "haat.request_id": "r [card]",
    }


async def test_a_request_without_a_trace_begins_one(client: httpx.AsyncClient, tracer: Tracer, collector: Collector):
    await client.get("/v1/lamps/hall", headers={"traceparent": "not one"})
    tracer.flush()
    assert [span.parent for span in collector.spans if span.name.startswith("GET")] == [""]


async def test_what_the_caller_does_not_record_is_not_recorded(
    client: httpx.AsyncClient, tracer: Tracer, collector: Collector
):
    await client.get("/v1/lamps/hall", headers={"traceparent": f"00-{TRACE}-{ABOVE}-00"})
    tracer.flush()
    assert collector.spans == []


async def test_a_failure_is_told_by_its_name_and_nothing_of_its_text(
    client: httpx.AsyncClient, tracer: Tracer, collector: Collector
):
    await client.get("/v1/broken")
    tracer.flush()
    assert sorted((span.kind, span.name, span.failure) for span in collector.spans) == [
        ("CLIENT", "test_tracing.fail", "unavailable"),
        ("SERVER", "GET /v1/broken", "503"),
        ("SERVER", "test_tracing.fail", "RuntimeError"),
    ]


async def test_a_refusal_is_a_proper_answer(tracer: Tracer, collector: Collector):
    with pytest.raises(SoldOut):
        await local(Lamps, LampsService()).refuse(Ask(text="a"))
    tracer.flush()
    assert [(span.kind, span.name, span.failure) for span in collector.spans] == [
        ("INTERNAL", "test_tracing.refuse", "")
    ]


class OneEvent:
    """An event log with one event in it."""

    def __init__(self, event: Event) -> None:
        self._logged = [LoggedEvent(1, event.id, "test_tracing.Lit", msgspec.json.encode(event))]

    async def read(self, reader: str, names: Any, limit: int) -> list[LoggedEvent]:
        return self._logged

    async def acknowledge(self, reader: str, last: LoggedEvent) -> None: ...
    async def wait(self, seconds: float) -> None: ...
    async def park(self, reader: str, event: LoggedEvent, error: str) -> None: ...


async def test_a_reaction_is_a_trace_with_the_calls_it_makes(far: Lamps, tracer: Tracer, collector: Collector):
    async def light(lamps: Lamps, batch: Batch[Lit]) -> None:
        await lamps.light(Ask(text=batch.events[0].room))

    await Reader("electrician", far, {Lit: light}, OneEvent(Lit(room="hall"))).step()
    tracer.flush()
    at = {(span.kind, span.name): span for span in collector.spans}
    reaction, (asked, answered) = at["CONSUMER", "electrician test_tracing.Lit"], both(at, "test_tracing.light")
    assert (reaction.parent, asked.parent, answered.parent) == ("", reaction.id, asked.id)


@pytest.mark.usefixtures("tracer")
async def test_what_follows_a_call_is_not_below_it():
    await local(Lamps, LampsService()).light(Ask(text="a"))
    assert traceparent.get() is None


async def test_without_a_collector_a_call_is_left_as_it_is():
    async def call(ask: Ask) -> Ask:
        return ask

    assert traced("test_tracing.call", "INTERNAL", call) is call


async def test_without_a_collector_the_callers_trace_still_travels():
    async for lamps in served():
        async with shop(lamps) as client:
            answer = await client.get("/v1/trace", headers={"traceparent": f"00-{TRACE}-{ABOVE}-01"})
    assert answer.json() == {"text": f"00-{TRACE}-{ABOVE}-01"}


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://traces.example/otlp/v1/traces", "https://traces.example/otlp/v1/traces"),
    ],
)
def test_a_collector_is_named_with_or_without_the_path_of_traces(endpoint: str, url: str):
    assert traces_url(endpoint) == url
