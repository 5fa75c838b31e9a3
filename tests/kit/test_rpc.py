"""A contract keeps the same promises in process and over a real socket."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
import uvicorn
from granian.http import HTTP1Settings
from litestar import Litestar

from haat.engines.transport.http import IDLE_SECONDS, HttpTransport
from haat.kit.database import holding_connection
from haat.kit.idempotency import replayed
from haat.kit.message import DomainError, Invalid, Message, Unavailable
from haat.kit.rpc import Answer, CallInsideTransaction, Contract, deadline, local, promise, remote
from haat.kit.rpc_routes import serve
from haat.kit.service_identity import ServiceIdentity
from haat.kit.tracing import traceparent

SECRET = "only-for-tests-" + "x" * 32


class Ask(Message, frozen=True):
    text: str
    numbers: Sequence[int] = []
    at: datetime | None = None


class Reply(Message, frozen=True):
    text: str
    numbers: Sequence[int] = []


class Sold(DomainError):
    code = "test_rpc_sold"
    title = "Sold to somebody else"


class Probe(Contract):
    """Calls that go well and badly."""

    @promise(safe_to_repeat=True)
    async def echo(self, ask: Ask) -> Reply: ...
    async def refuse(self, ask: Ask) -> Reply: ...
    async def judge(self, ask: Ask) -> Reply: ...
    async def fail(self, ask: Ask) -> Reply: ...
    async def replay(self, ask: Ask) -> Reply: ...
    async def context(self, ask: Ask) -> Reply: ...
    @promise(timeout_seconds=0.2)
    async def dawdle(self, ask: Ask) -> Reply: ...


class ProbeService(Probe):
    def __init__(self) -> None:
        self.given: Sequence[int] = []

    async def echo(self, ask: Ask) -> Reply:
        self.given = ask.numbers
        return Reply(text=ask.text, numbers=self.given)

    async def refuse(self, ask: Ask) -> Reply:
        raise Sold("Gone", sku="LAMP", lines=[Ask(text="a")], available=0)

    async def judge(self, ask: Ask) -> Reply:
        raise Invalid(errors=[{"pointer": "/text", "code": "invalid", "detail": "no"}])

    async def fail(self, ask: Ask) -> Reply:
        raise ZeroDivisionError

    async def replay(self, ask: Ask) -> Reply:
        replayed.set(True)
        return Reply(text="stored")

    async def context(self, ask: Ask) -> Reply:
        left = int((deadline.get() or 0) - time.monotonic())
        return Reply(text=traceparent.get() or "", numbers=[left])

    async def dawdle(self, ask: Ask) -> Reply:
        await asyncio.sleep(30)
        return Reply(text="late")


class Recorder:
    """A transport to nowhere: counts what is sent, and answers as told."""

    def __init__(self, *answers: Answer | None) -> None:
        self.answers = list(answers)
        self.posted: list[Mapping[str, str]] = []

    async def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        self.posted.append(headers)
        answer = self.answers.pop(0)
        if answer is None:
            raise Unavailable("no answer came")
        return answer


@pytest.fixture(scope="session")
async def address() -> AsyncIterator[str]:
    """A server of the contract on a socket of its own."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    identity = ServiceIdentity("probe", SECRET)
    app = Litestar([serve(Probe, ProbeService(), identity.verifier("test_rpc"))], openapi_config=None)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await running


async def over_http(address: str, secret: str = SECRET) -> AsyncIterator[Probe]:
    transport = HttpTransport("test_rpc", address, ServiceIdentity("tests", secret).sign)
    yield remote(Probe, transport)
    await transport.close()


@pytest.fixture
async def far(address: str) -> AsyncIterator[Probe]:
    async for caller in over_http(address):
        yield caller


@pytest.fixture(params=["local", "remote"])
async def probe(request: pytest.FixtureRequest, far: Probe) -> Probe:
    """The same contract, either way."""
    return {"local": local(Probe, ProbeService()), "remote": far}[request.param]


async def test_a_call_is_answered(probe: Probe):
    assert await probe.echo(Ask(text="₹ 49", numbers=[1, 2])) == Reply(text="₹ 49", numbers=[1, 2])


async def test_a_domain_error_is_raised_again_as_its_class_with_plain_facts(probe: Probe):
    with pytest.raises(Sold) as refused:
        await probe.refuse(Ask(text="a"))
    assert (refused.value.detail, refused.value.facts) == (
        "Gone",
        {"sku": "LAMP", "lines": [{"text": "a", "numbers": [], "at": None}], "available": 0},
    )


async def test_an_invalid_request_keeps_its_faults(probe: Probe):
    with pytest.raises(Invalid) as refused:
        await probe.judge(Ask(text="a"))
    assert refused.value.facts == {"errors": [{"pointer": "/text", "code": "invalid", "detail": "no"}]}


EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


@pytest.mark.parametrize(
    "ask",
    [
        Ask(text="a", numbers=[2**64]),
        Ask(text="a", numbers=[-(2**63) - 1]),
        Ask(text="a", at=datetime(1, 1, 1, tzinfo=EAST)),
        Ask(text="a", at=datetime(9999, 12, 31, 23, tzinfo=WEST)),
    ],
)
async def test_what_nothing_here_can_keep_is_refused(probe: Probe, ask: Ask):
    with pytest.raises(Invalid) as refused:
        await probe.echo(ask)
    assert [(each["pointer"], each["code"]) for each in refused.value.facts["errors"]] == [("", "out_of_range")]


async def test_the_furthest_that_can_be_kept_goes_through(probe: Probe):
    ask = Ask(text="a", numbers=[2**64 - 1, -(2**63)], at=datetime(1, 1, 1, tzinfo=UTC))
    assert (await probe.echo(ask)).numbers == ask.numbers


async def test_an_unexpected_error_means_unknown_whether_it_happened(probe: Probe):
    with pytest.raises(Unavailable):
        await probe.fail(Ask(text="a"))


async def test_a_call_while_holding_a_connection_is_a_programming_error(probe: Probe):
    token = holding_connection.set(True)
    with pytest.raises(CallInsideTransaction):
        await probe.echo(Ask(text="a"))
    holding_connection.reset(token)


async def test_a_stored_answer_is_known_as_one(probe: Probe):
    replayed.set(False)
    await probe.replay(Ask(text="a"))
    assert replayed.get()


async def test_in_process_too_what_is_asked_is_a_copy():
    service, numbers = ProbeService(), [1, 2]
    await local(Probe, service).echo(Ask(text="a", numbers=numbers))
    numbers.append(3)
    assert service.given == [1, 2]


async def test_a_neighbour_that_is_not_there_is_unavailable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async for caller in over_http(f"http://127.0.0.1:{taken.getsockname()[1]}"):
            with pytest.raises(Unavailable):
                await caller.echo(Ask(text="a"))


async def test_a_slow_neighbour_is_unavailable_after_the_calls_own_time(far: Probe):
    with pytest.raises(Unavailable):
        await asyncio.wait_for(far.dawdle(Ask(text="a")), 25)


async def test_a_caller_without_the_deployments_secret_is_refused(address: str):
    async for stranger in over_http(address, "another-secret-" + "y" * 32):
        with pytest.raises(Unavailable, match="401"):
            await stranger.echo(Ask(text="a"))


async def test_the_trace_and_the_time_left_travel_with_a_call(far: Probe):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    tokens = traceparent.set(trace), deadline.set(time.monotonic() + 5.9)
    reply = await far.context(Ask(text="a"))
    traceparent.reset(tokens[0])
    deadline.reset(tokens[1])
    # Less than was left here, and than a call has by itself.
    assert (reply.text, 0 < reply.numbers[0] <= 5) == (trace, True)


async def test_without_time_left_nothing_is_sent():
    nowhere = Recorder()
    token = deadline.set(time.monotonic() - 1)
    with pytest.raises(Unavailable):
        await remote(Probe, nowhere).refuse(Ask(text="a"))
    deadline.reset(token)
    assert nowhere.posted == []


async def test_a_call_that_is_safe_to_repeat_is_repeated_once():
    answered = Recorder(None, Answer(200, b'{"text":"second"}'))
    assert (await remote(Probe, answered).echo(Ask(text="a"))).text == "second"
    silent = Recorder(None, None)
    with pytest.raises(Unavailable):
        await remote(Probe, silent).echo(Ask(text="a"))
    assert len(silent.posted) == 2


async def test_any_other_call_is_never_repeated():
    silent = Recorder(None, None)
    with pytest.raises(Unavailable):
        await remote(Probe, silent).refuse(Ask(text="a"))
    assert len(silent.posted) == 1


async def test_a_refusal_of_a_kind_never_heard_of_is_still_a_refusal():
    newer = Recorder(Answer(409, b'{"code":"from_the_future","detail":"No","facts":{"a":1}}'))
    with pytest.raises(DomainError) as refused:
        await remote(Probe, newer).refuse(Ask(text="a"))
    assert (type(refused.value), refused.value.facts) == (DomainError, {"a": 1})


async def test_the_largest_upload_fits_into_a_call(far: Probe):
    upload = "x" * 27_000_000
    assert len((await far.echo(Ask(text=upload))).text) == 27_000_000


def test_an_idle_connection_is_left_before_the_server_leaves_it():
    assert HTTP1Settings().header_read_timeout / 1000 > IDLE_SECONDS
