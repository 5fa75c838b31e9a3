"""Answers that a service keeps ready as JSON, and the short way back to them: a target is understood once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import msgspec
from litestar import Response

A = TypeVar("A")
JSON = "application/json"
_NOTHING = b""


class Encoded(Protocol):
    """A whole JSON document; one with an `etag` (its quotes included) can be asked for by If-None-Match."""

    @property
    def body(self) -> bytes: ...


class Again(msgspec.Struct, frozen=True):
    """What a target means: this call with this ask, whoever comes (callers with roles excepted)."""

    call: Callable[[Any], Awaitable[Encoded]]
    ask: Any


# Left by a handler for the front, which then need not go through routing and parsing for the same target.
again: ContextVar[Again | None] = ContextVar("again", default=None)


async def ready(call: Callable[[A], Awaitable[Encoded]], ask: A, known: str | None = None) -> Response[bytes]:
    """Answer a GET with what `call` has ready. `ask` must follow from path and query alone, or from the caller's roles.

    `known` is the request's If-None-Match.
    """
    page = await call(ask)
    again.set(Again(call, ask))
    status, body, headers = parts_of(page, known)
    return Response(body, status_code=status, media_type=JSON, headers=headers)


def parts_of(page: Encoded, known: str | None) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers (without type and length) of the answer."""
    etag: str | None = getattr(page, "etag", None)
    if etag is None:
        return 200, page.body, {}
    headers = {"etag": etag, "cache-control": "no-cache"}
    if known is not None and holds(known, etag):
        return 304, _NOTHING, headers
    return 200, page.body, headers


def holds(known: str, etag: str) -> bool:
    """Whether an If-None-Match header names this tag."""
    return known.strip() == "*" or etag in (each.strip().removeprefix("W/") for each in known.split(","))
