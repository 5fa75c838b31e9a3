"""The serving side of contracts over HTTP: `POST /rpc/{contract}/{call}`."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from litestar import asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from haat.kit.ready import JSON
from haat.kit.rpc import Contract, answer_call, calls_of, contract_name
from haat.kit.tracing import traced, traceparent

# An upload of 20 MB travels as base64; bodies are read only once the caller is known.
MAX_CALL_BYTES = 40_000_000


def serve(contract: type[Contract], service: object, admit: Callable[[str | None], bool]) -> ASGIRouteHandler:
    """The route of one contract; `admit` judges the caller's token. 200, 400, 401, 404, 405, 409 (refusal), 413.

    Spoken to the server itself: what the framework does for a handler would be a quarter of a small call.
    """
    name = contract_name(contract)
    calls = {
        f"/rpc/{name}/{each}": (call, traced(f"{name}.{each}", "SERVER", getattr(service, each)))
        for each, call in calls_of(contract).items()
    }

    @asgi(list(calls), name=f"rpc-{name}", copy_scope=False)
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if not admit(headers.get(b"haat-service")):
            await _send(send, 401)
            return
        if scope["type"] != ScopeType.HTTP or scope["method"] != "POST":
            await _send(send, 405)
            return
        body = await _body(receive)
        if body is None:
            await _send(send, 413)
            return
        traceparent.set(headers.get(b"traceparent"))
        try:
            given = await answer_call(*calls[scope["path"]], body, headers.get(b"haat-timeout-ms"))
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            await _send(send, 400, str(error).encode())
            return
        await _send(send, given.status, given.body, replayed=given.replayed)

    return answer


async def _body(receive: Receive) -> bytes | None:
    """All of it; None when it is too long, or will never be whole."""
    parts, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part = message.get("body", b"")
        parts.append(part)
        length += len(part)
        if length > MAX_CALL_BYTES:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(send: Send, status: int, body: bytes = b"", *, replayed: bool = False) -> None:
    headers = [(b"content-type", JSON.encode()), (b"content-length", str(len(body)).encode())]
    if replayed:
        headers.append((b"idempotent-replayed", b"true"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
