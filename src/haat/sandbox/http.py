"""What both sandboxes' HTTP sides share: bodies, keys, problems, answers that get lost, and the sandbox routes."""

import asyncio
import socket
import struct
import traceback
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from haat.sandbox.calls import Answer
from haat.sandbox.clock import VirtualClock
from haat.sandbox.faults import Fault, Faults
from haat.sandbox.problems import Problem

BODY_BYTES = 64 * 1024
JSON = {"Content-Type": "application/json"}
PROBLEM = {"Content-Type": "application/problem+json"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = TypeVar("Body")


class AdvanceClock(Struct, frozen=True, forbid_unknown_fields=True):
    advance_seconds: Annotated[int, Meta(ge=0, le=10 * 366 * 86_400)]


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return _told(problem)
    except web.HTTPException as refused:
        return _told(Problem(refused.status, refused.reason.lower().replace(" ", "_"), refused.reason))
    except Exception:
        traceback.print_exc()
        return _told(Problem(500, "internal_error", "The sandbox itself failed."))


def _told(problem: Problem) -> web.Response:
    return web.Response(status=problem.status, body=problem.body(), headers=PROBLEM)


async def read_body(request: web.Request, decoder: msgspec.json.Decoder[Body]) -> Body:
    """The decoded body; raises 400 when it is not JSON, 422 when it does not fit."""
    raw = await request.read()
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise Problem(422, "invalid", str(error)) from error
    except msgspec.DecodeError as error:
        raise Problem(400, "malformed", str(error)) from error


def read_key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(key) <= 255:
        raise Problem(400, "idempotency_key_missing", "Send an Idempotency-Key of 1 to 255 characters.")
    return key


def answer_with(answer: Answer) -> web.Response:
    headers = {**JSON, "Idempotent-Replayed": "true"} if answer.replayed else JSON
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def as_json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), headers=JSON)


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without an answer; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def reset(request: web.Request) -> web.Response:
    """Break the connection: the caller sees ECONNRESET, not the end of a stream."""
    if request.transport is not None:
        # With nothing to linger for, closing sends RST.
        request.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    return hang_up(request)


class Disturber:
    """Runs an operation under the faults ordered for it. Stalls wait in sandbox time."""

    def __init__(self, faults: Faults, clock: VirtualClock) -> None:
        self._faults = faults
        self._clock = clock
        self.clock_moved = asyncio.Event()

    async def run(self, op: str, request: web.Request, act: Callable[[], Awaitable[web.Response]]) -> web.Response:
        fault = self._faults.take(op)
        if fault is None:
            return await act()
        how, _, when = fault.mode.partition("_")
        if when == "before":
            return _went_wrong(how, request, "An ordered fault: nothing was done.")
        answer = await act()
        if when == "after":
            return _went_wrong(how, request, "An ordered fault: the effect was taken nevertheless.")
        if fault.mode == "stall":
            await self._stall(fault.seconds)
        return answer

    async def _stall(self, seconds: int) -> None:
        start = self._clock.now()
        while (left := seconds - (self._clock.now() - start).total_seconds()) > 0:
            self.clock_moved.clear()
            try:
                await asyncio.wait_for(self.clock_moved.wait(), left)
            except TimeoutError:
                return


def _went_wrong(how: str, request: web.Request, said: str) -> web.Response:
    match how:
        case "drop":
            return hang_up(request)
        case "reset":
            return reset(request)
        case _:
            raise Problem(500, "internal_error", said)


def sandbox_routes(
    clock: VirtualClock, faults: Faults, disturber: Disturber, run_due: Callable[[], None]
) -> list[web.RouteDef]:
    """`/sandbox/clock` and `/sandbox/faults`."""
    advance_body = msgspec.json.Decoder(AdvanceClock)
    fault_body = msgspec.json.Decoder(Fault)

    async def read_clock(request: web.Request) -> web.Response:
        return as_json({"now": clock.now()})

    async def advance_clock(request: web.Request) -> web.Response:
        ask = await read_body(request, advance_body)
        clock.move(ask.advance_seconds)
        run_due()
        disturber.clock_moved.set()
        return as_json({"now": clock.now()})

    async def order_fault(request: web.Request) -> web.Response:
        fault = await read_body(request, fault_body)
        faults.order(fault)
        return as_json(fault, 201)

    async def waiting_faults(request: web.Request) -> web.Response:
        return as_json({"waiting": faults.waiting()})

    async def clear_faults(request: web.Request) -> web.Response:
        faults.clear()
        return as_json({"waiting": faults.waiting()})

    async def health(request: web.Request) -> web.Response:
        return as_json({"status": "ok"})

    return [
        web.get("/sandbox/clock", read_clock),
        web.post("/sandbox/clock", advance_clock),
        web.post("/sandbox/faults", order_fault),
        web.get("/sandbox/faults", waiting_faults),
        web.delete("/sandbox/faults", clear_faults),
        web.get("/healthz", health),
    ]
