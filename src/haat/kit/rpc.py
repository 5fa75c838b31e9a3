"""Contracts in process or over HTTP: `local`, `remote` and `serve` give the same promises either way."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, get_type_hints

import msgspec
import structlog

from haat.kit.database import holding_connection
from haat.kit.idempotency import replayed
from haat.kit.message import DomainError, Invalid, Message, Unavailable, contract_module
from haat.kit.tracing import traced, traceparent

C = TypeVar("C", bound="Contract")
log = structlog.get_logger("haat.rpc")
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

DEFAULT_TIMEOUT_SECONDS = 10.0
# The moment (time.monotonic) after which nobody waits for the answer any more.
deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class Contract:
    """What one service promises: async methods, one frozen message in, one out."""


class CallInsideTransaction(RuntimeError):
    """A contract was called while a database connection was held: a programming error."""


class Call(msgspec.Struct, frozen=True):
    """One call of a contract: its name, its message types, and how it may be repeated."""

    name: str
    ask: Any
    reply: Any
    safe_to_repeat: bool
    timeout_seconds: float


class Transport(Protocol):
    """Carries one encoded call to another process; the engine side of `remote`."""

    async def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        """Raises Unavailable when no answer came (it may still have happened)."""
        ...


class Answer(msgspec.Struct, frozen=True):
    """Status, headers and body of what came back."""

    status: int
    body: bytes
    replayed: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """A domain error on the wire."""

    code: str
    detail: str
    facts: dict[str, Any]


def promise(*, safe_to_repeat: bool = False, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> Callable[[F], F]:
    """Mark a call of a contract: reads and idempotent commands are safe to repeat once."""

    def mark(call: F) -> F:
        call.__promise__ = (safe_to_repeat, timeout_seconds)  # type: ignore[attr-defined]
        return call

    return mark


def contract_name(contract: type[Contract]) -> str:
    """The name in `/rpc/{contract}/{call}`: the contract's module, such as `inventory`."""
    return contract_module(contract)


def calls_of(contract: type[Contract]) -> dict[str, Call]:
    """Every call of a contract by name, read from its type hints."""
    found = {}
    for name, member in inspect.getmembers(contract, inspect.iscoroutinefunction):
        if name.startswith("_"):
            continue
        hints = get_type_hints(member)
        reply = hints.pop("return")
        (ask,) = hints.values()
        safe, timeout = getattr(member, "__promise__", (False, DEFAULT_TIMEOUT_SECONDS))
        found[name] = Call(name, ask, reply, safe, timeout)
    return found


def local(contract: type[C], service: C) -> C:
    """The service here, held to the rules of the wire: no call inside a transaction, asks checked and copied.

    A reply is handed over as it is: its type has nothing that could be changed.
    """
    prefix = contract_name(contract)
    return _build(
        contract,
        {
            name: traced(f"{prefix}.{name}", "INTERNAL", _local_call(call, getattr(service, name)))
            for name, call in calls_of(contract).items()
        },
    )


def remote(contract: type[C], transport: Transport) -> C:
    """The service in another process; calls that are safe to repeat are repeated once when no answer came."""
    prefix = contract_name(contract)
    return _build(
        contract,
        {
            name: traced(f"{prefix}.{name}", "CLIENT", _remote_call(call, f"/rpc/{prefix}/{name}", transport))
            for name, call in calls_of(contract).items()
        },
    )


def _build(contract: type[C], calls: dict[str, Any]) -> C:
    body = {name: staticmethod(call) for name, call in calls.items()}
    built: C = type(f"{contract.__name__}Caller", (contract,), body)()
    return built


def _local_call(call: Call, method: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    encoder, ask = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(call.ask)

    async def run(message: Message) -> Any:
        _check_no_connection(call)
        given = ask.decode(_packed(encoder, message))
        try:
            return await method(given)
        except DomainError as error:
            # As it would arrive over the wire: facts as plain JSON values.
            raise raised(Answer(409, refusal_of(error))) from error
        except CallInsideTransaction:
            raise
        except Exception as error:
            log.exception("call failed", call=call.name)
            raise Unavailable(f"a neighbour failed at {call.name}") from error

    return run


def _remote_call(call: Call, path: str, transport: Transport) -> Callable[[Any], Awaitable[Any]]:
    packer, encoder, reply = msgspec.msgpack.Encoder(), msgspec.json.Encoder(), msgspec.json.Decoder(call.reply)

    async def run(message: Message) -> Any:
        _check_no_connection(call)
        _packed(packer, message)
        body = encoder.encode(message)
        try:
            answer = await _post(call, path, body, transport)
        except Unavailable:
            if not call.safe_to_repeat:
                raise
            await asyncio.sleep(0.05)
            answer = await _post(call, path, body, transport)
        if answer.replayed:
            replayed.set(True)
        if answer.status == 200:
            return reply.decode(answer.body)
        raise raised(answer)

    return run


async def _post(call: Call, path: str, body: bytes, transport: Transport) -> Answer:
    timeout = call.timeout_seconds
    limit = deadline.get()
    if limit is not None:
        timeout = min(timeout, limit - time.monotonic())
        if timeout <= 0:
            raise Unavailable(f"no time left to call {path}")
    headers = {"Haat-Timeout-Ms": str(int(timeout * 1000))}
    trace = traceparent.get()
    if trace is not None:
        headers["traceparent"] = trace
    return await transport.post(path, body, headers, timeout)


def raised(answer: Answer) -> DomainError:
    """The domain error of a refusal, as the class it was raised as; anything unexpected is Unavailable."""
    if answer.status != 409:
        return Unavailable(f"a neighbour answered {answer.status}")
    refusal = msgspec.json.decode(answer.body, type=Refusal)
    kind = DomainError.known.get(refusal.code, DomainError)
    return kind(refusal.detail, **refusal.facts)


def refusal_of(error: DomainError) -> bytes:
    """A domain error as it crosses the wire, with status 409."""
    return msgspec.json.encode(Refusal(error.code, error.detail, error.facts))


async def answer_call(
    call: Call, method: Callable[[Any], Awaitable[Any]], body: bytes, timeout_ms: str | None
) -> Answer:
    """Serve one posted call: decode, run within the caller's deadline, encode the reply or the refusal."""
    if timeout_ms is not None:
        deadline.set(time.monotonic() + int(timeout_ms) / 1000)
    replayed.set(False)
    try:
        reply = await method(msgspec.json.decode(body, type=call.ask))
    except DomainError as error:
        return Answer(409, refusal_of(error))
    return Answer(200, msgspec.json.encode(reply), replayed.get())


def _packed(packer: msgspec.msgpack.Encoder, message: Message) -> bytes:
    """Nothing behind a contract keeps a whole number of more than 64 bits, or a moment beyond the calendar in UTC."""
    try:
        return packer.encode(message)
    except OverflowError as error:
        detail = f"a number or a moment in here is too far out: {error}"
        raise Invalid(errors=[{"pointer": "", "code": "out_of_range", "detail": detail}]) from error


def _check_no_connection(call: Call) -> None:
    if holding_connection.get():
        raise CallInsideTransaction(f"{call.name} called while holding a database connection")
