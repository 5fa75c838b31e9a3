"""Errors for people and programs: RFC 9457 problem+json, every fault at once, documented per route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import ParameterKwarg
from litestar.utils.empty import value_or_default
from litestar.utils.scope.state import ScopeState

from haat.kit.ids import new_id
from haat.kit.message import DomainError, Invalid
from haat.kit.validation import faults

log = structlog.get_logger("haat.http")
RETRY_AFTER_SECONDS = {429: 5, 503: 2}
GENERIC = {
    400: ("malformed", "The request could not be read"),
    401: ("unauthenticated", "Sign in first"),
    402: ("payment_declined", "The payment was declined; nothing was charged"),
    403: ("forbidden", "This needs a role you do not have"),
    404: ("not_found", "There is nothing here"),
    405: ("method_not_allowed", "This address does not answer to that method"),
    409: ("conflict", "The request conflicts with the current state"),
    412: ("precondition_failed", "The resource has changed since it was read"),
    413: ("too_large", "The request is too large"),
    415: ("unsupported_media_type", "This content type is not understood here"),
    416: ("range_not_satisfiable", "The file is shorter than that"),
    422: ("invalid", "The request has values that cannot be accepted"),
    428: ("precondition_required", "This change needs an If-Match header"),
    429: ("too_many_requests", "Too many requests; try again later"),
    500: ("internal", "Something went wrong on our side"),
    503: ("unavailable", "A part of the shop does not answer at the moment"),
}


class Fault(msgspec.Struct):
    """One fault of a request: where (RFC 6901 pointer), what (code), and in words."""

    pointer: str
    code: str
    detail: str


class Problem(msgspec.Struct):
    """An RFC 9457 problem; extra members carry the facts, such as `available` for out_of_stock."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[Fault] = []


class Precondition(DomainError):
    """If-Match names an older version."""

    code = "precondition_failed"
    status = 412
    title = "The resource has changed since it was read"


class PreconditionMissing(DomainError):
    """A change of a resource that several people edit needs If-Match."""

    code = "precondition_required"
    status = 428
    title = "This change needs an If-Match header"


class TooMany(DomainError):
    """A limit is reached; try again later."""

    code = "too_many_requests"
    status = 429
    title = "Too many requests; try again later"


class Malformed(DomainError):
    """The request cannot be read at all."""

    code = "malformed"
    status = 400
    title = "The request could not be read"


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The documented refusals of a route, for Litestar's `responses=`."""
    return {
        status: ResponseSpec(
            data_container=Problem,
            description=GENERIC[status][1] if status in GENERIC else "Refused",
            media_type="application/problem+json",
            generate_examples=False,
        )
        for status in sorted({400, 500, *statuses})
    }


def problem_body(
    status: int, code: str, title: str, detail: str, facts: Mapping[str, Any], request_id: str
) -> tuple[bytes, dict[str, str]]:
    """A problem document and the headers that go with it; `facts` become extra members."""
    own = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    # A fact never takes the place of a member that RFC 9457 names.
    body = {**own, "errors": [], **facts, **own}
    headers = {}
    if status in RETRY_AFTER_SECONDS:
        headers["Retry-After"] = str(facts.get("retry_after_seconds", RETRY_AFTER_SECONDS[status]))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return msgspec.json.encode(body), headers


def problem_response(
    request: Request[Any, Any, Any], status: int, code: str, title: str, detail: str, facts: Mapping[str, Any]
) -> Response[bytes]:
    """A problem document as a response."""
    body, headers = problem_body(status, code, title, detail, facts, _request_id(request))
    return Response(body, status_code=status, media_type="application/problem+json", headers=headers)


def on_domain_error(request: Request[Any, Any, Any], error: DomainError) -> Response[bytes]:
    """An expected refusal."""
    return problem_response(request, error.status, error.code, error.title, error.detail, error.facts)


def on_validation_error(request: Request[Any, Any, Any], error: ValidationException) -> Response[bytes]:
    """A body or parameter that does not fit: walk it again and report every fault."""
    found = _parameter_faults(request, error)
    field = getattr(request.route_handler, "parsed_data_field", None)
    if field is not None and not found:
        try:
            # Handlers of exceptions are not awaited; the body has been read by the one that refused it.
            value = msgspec.json.decode(value_or_default(ScopeState.from_scope(request.scope).body, b""))
        except msgspec.DecodeError:
            return problem_response(request, 400, *GENERIC[400], "The body is not valid JSON", {})
        except RecursionError as too_deep:
            return on_too_deep(request, too_deep)
        found = faults(field.annotation, value)
    return on_domain_error(
        request, Invalid(errors=found or [{"pointer": "", "code": "invalid", "detail": error.detail}])
    )


def _parameter_faults(request: Request[Any, Any, Any], error: ValidationException) -> list[dict[str, str]]:
    extra = error.extra if isinstance(error.extra, list) else []
    return [
        {
            "pointer": f"/{_sent_name(request, str(each.get('key', '')))}",
            "code": "invalid",
            "detail": str(each.get("message", "")),
        }
        for each in extra
        if isinstance(each, dict) and each.get("source") in ("query", "header", "path", "cookie")
    ]


def _sent_name(request: Request[Any, Any, Any], name: str) -> str:
    """What a parameter is called in the request; the handler may have to call it otherwise."""
    field = request.route_handler.parsed_fn_signature.parameters.get(name)
    told = field.kwarg_definition if field else None
    return (told.query or told.header or name) if isinstance(told, ParameterKwarg) else name


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework refuses: unknown address, wrong method, too large, malformed."""
    code, title = GENERIC.get(error.status_code, ("http_error", "The request was refused"))
    response = problem_response(request, error.status_code, code, title, error.detail or title, {})
    for name, value in (error.headers or {}).items():
        response.headers.setdefault(name, value)
    return response


def on_too_deep(request: Request[Any, Any, Any], _: RecursionError) -> Response[bytes]:
    """A body nested deeper than anything here means."""
    return problem_response(request, 400, *GENERIC[400], "The body is nested too deeply", {})


def on_not_text(request: Request[Any, Any, Any], error: UnicodeDecodeError) -> Response[bytes]:
    """A body that is not UTF-8; anywhere else such a fault is ours."""
    if error.encoding != "utf-8" or not isinstance(ScopeState.from_scope(request.scope).body, bytes):
        return on_unexpected(request, error)
    return problem_response(request, 400, *GENERIC[400], "The body is not UTF-8", {})


def on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault of ours: logged in full, told without details."""
    log.exception("unexpected", path=request.url.path, request_id=_request_id(request), exc_info=error)
    return problem_response(
        request,
        500,
        *GENERIC[500],
        "The fault was recorded; try again later",
        {},
    )


def _request_id(request: Request[Any, Any, Any]) -> str:
    """As the front gave it; a server without one names a request once it goes wrong."""
    request_id: str = request.scope.setdefault("state", {}).setdefault("request_id", new_id("req"))
    return request_id


EXCEPTION_HANDLERS: dict[Any, Any] = {
    DomainError: on_domain_error,
    ValidationException: on_validation_error,
    HTTPException: on_http_error,
    RecursionError: on_too_deep,
    UnicodeDecodeError: on_not_text,
    Exception: on_unexpected,
}
