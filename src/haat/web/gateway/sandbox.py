"""The sandboxes' door: their pages, the clock that lets days pass in seconds, and the provider's own books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec
from litestar import Request, Response, get, post, route
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from haat.kit.message import Message, NotFound, Page
from haat.kit.problem import GENERIC, problem_response, problems


class Forward(Protocol):
    """Hands a request on to another server."""

    async def forward(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]: ...


class Advance(Message, frozen=True):
    """How far the sandboxes' clocks go forward."""

    advance_seconds: Annotated[int, msgspec.Meta(ge=0, le=10 * 366 * 86_400)]


class SandboxTime(msgspec.Struct):
    """What time it is in the sandboxes."""

    now: datetime


class Noted(msgspec.Struct):
    """A request that the provider saw."""

    op: str
    key: str | None
    at: str
    outcome: str


class BooksRow(msgspec.Struct):
    """One payment as the provider has it; `reference` is the checkout's id, amounts are minor units."""

    id: str
    reference: str
    amount: int
    currency: str
    state: str
    captured: int
    refunded: int
    calls: list[Noted]


class _Refusal(msgspec.Struct):
    detail: str = ""


@route("/sandbox/{path:path}", http_method=["GET", "POST"], include_in_schema=False, status_code=200)
async def sandbox(request: Request[Any, Any, Any], path: str, sandboxes: Any) -> Response[bytes]:
    """The sandbox provider's and carrier's pages."""
    # Parcels and labels are the carrier's.
    doors = _doors(sandboxes)
    return await _asked(request, path, doors[-1:] if path.startswith(("/parcels", "/labels")) else doors[:1])


@post(
    "/sandbox/clock",
    status_code=200,
    tags=["sandbox"],
    responses={**problems(404, 422), 200: ResponseSpec(data_container=SandboxTime, generate_examples=False)},
)
async def move_clock(data: Advance, request: Request[Any, Any, Any], sandboxes: Any) -> Response[bytes]:
    """Let time pass at the provider and the carrier alike: payments run out, parcels move."""
    return _told_our_way(request, await _asked(request, "/clock", _doors(sandboxes)))


@get(
    "/sandbox/books",
    tags=["sandbox"],
    responses={**problems(404, 422), 200: ResponseSpec(data_container=Page[BooksRow], generate_examples=False)},
)
async def provider_books(
    request: Request[Any, Any, Any],
    sandboxes: Any,
    cursor: Annotated[
        str | None, Parameter(pattern=r"^[0-9]{1,18}$(?!\n)", description="`next_cursor` of the page before")
    ] = None,
    limit: Annotated[int | None, Parameter(ge=1, le=1_000_000, description="how many, all by default")] = None,
) -> Response[bytes]:
    """The provider's own truth, one row a payment, in the order they came."""
    return _told_our_way(request, await _asked(request, "/books", _doors(sandboxes)[:1]))


def _doors(sandboxes: Any) -> list[Forward]:
    doors: list[Forward] = list(sandboxes)
    if not doors:
        raise NotFound()
    return doors


def _told_our_way(request: Request[Any, Any, Any], answer: Response[bytes]) -> Response[bytes]:
    """What a sandbox refuses, refused as everything of the API is."""
    status = answer.status_code or 200
    if status < 400:
        return answer
    code, title = GENERIC.get(status, ("refused", "Refused"))
    return problem_response(request, status, code, title, msgspec.json.decode(answer.content, type=_Refusal).detail, {})


async def _asked(request: Request[Any, Any, Any], path: str, doors: Sequence[Forward]) -> Response[bytes]:
    """The first one's answer to this request; each door is asked."""
    query = request.scope["query_string"].decode()
    target = f"/sandbox{path}" + (f"?{query}" if query else "")
    answers = [
        await door.forward(request.method, target, dict(request.headers), await request.body()) for door in doors
    ]
    status, headers, body = answers[0]
    return Response(body, status_code=status, headers=headers)


# In production settings the application leaves these out.
ROUTES = [sandbox, move_clock, provider_books]
