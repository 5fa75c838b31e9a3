"""Calls of the API that need nothing of the framework but what it read from their handlers' signatures at the start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.serialization import encode_json
from litestar.types import ASGIApp, Receive, Scope, Send

from haat.kit.exact_request import ExactRequest, decoder
from haat.kit.idempotency import Idempotency, of_request
from haat.kit.ready import JSON

_JSON = JSON.encode()
_PREFIX = "/v1/"
# Larger bodies are rare, and refusing one that is too large is the framework's business.
_MOST_BYTES = 64_000
# What is at hand for every handler, besides its contracts and the parts of its path.
_AT_HAND = frozenset({"data", "body", "headers", "caller", "idempotency", "request"})
# Whoever wants one of these wants the body read.
_OF_THE_BODY = frozenset({"data", "body", "idempotency"})
# Whatever a handler may have declared that this way does not do.
_EXTRAS = (
    "resolve_before_request",
    "resolve_after_response",
    "resolve_data_dto",
    "resolve_return_dto",
    "resolve_response_headers",
    "resolve_response_cookies",
)

Pattern = tuple[str | None, ...]


class StraightCall(msgspec.Struct, frozen=True):
    """One route and method, understood: how each parameter of its handler comes about."""

    handler: HTTPRouteHandler
    # Position in the path, name, type.
    path: list[tuple[int, str, Any]]
    body: Callable[[bytes], Any] | None
    given: dict[str, Any]
    names: frozenset[str]


class _Unfit(Exception):
    """This request is for the framework to judge."""


class StraightCalls:
    """The API's plain calls by method and path. `values` are injected into handlers by name."""

    def __init__(
        self, app: Litestar, values: Mapping[str, object], on_error: Mapping[Any, Callable[[Any, Any], Response[Any]]]
    ) -> None:
        self._app = app
        self._on_error = on_error
        self._calls: dict[tuple[str, int, str], list[tuple[Pattern, StraightCall | None]]] = {}
        for route in app.routes:
            if isinstance(route, HTTPRoute) and route.path.startswith(_PREFIX):
                self._learn(route, values)
        for known in self._calls.values():
            # What is spelled out comes before what takes anything, as in the framework's own routing.
            known.sort(key=lambda each: each[0].count(None))

    async def answered(self, scope: Any, headers: Mapping[bytes, bytes], asked: Asked, answer: Any) -> bool:
        """Call the handler and send what it says. False, and nothing done, when the framework must look at this."""
        segments = scope["path"].split("/")
        call = self._find(scope["method"], segments)
        if call is None or scope["query_string"] or b"%" in scope.get("raw_path", b""):
            return False
        try:
            arguments = await self._arguments(call, scope, headers, segments, asked)
        except _Unfit:
            return False
        handler = call.handler
        scope["route_handler"] = handler
        request: Request[Any, Any, Any] | None = arguments.get("request")
        try:
            for guard in handler.resolve_guards():
                request = request or ExactRequest(scope, asked)
                await guard(request, handler)  # type: ignore[misc]
            said = await handler.fn(**arguments)
        except Exception as error:
            request = request or ExactRequest(scope, asked)
            refusal = self._handler_of(error)(request, error)
            await _sent_by_framework(refusal, request, scope, asked, answer)
            return True
        if isinstance(said, Response):
            if not _is_plain(said):
                request = request or ExactRequest(scope, asked)
                await _sent_by_framework(said, request, scope, asked, answer)
                return True
            status, content, named = said.status_code or handler.status_code, said.content, said.headers
        else:
            status, content, named = handler.status_code, said, {}
        body = content if isinstance(content, bytes) else encode_json(content)
        await answer.whole(status, body, named)
        return True

    async def refused(self, error: Exception, scope: Any, asked: Asked, answer: Any) -> None:
        """Send what the application says of an error, though it was not asked: a page where it has pages."""
        request: Request[Any, Any, Any] = ExactRequest(scope, asked)
        await _sent_by_framework(self._handler_of(error)(request, error), request, scope, asked, answer)

    def _learn(self, route: HTTPRoute, values: Mapping[str, object]) -> None:
        parts = [part if isinstance(part, str) else None for part in route.path_components]
        pattern: Pattern = ("", *parts)
        names = [part.name for part in route.path_components if not isinstance(part, str)]
        for method, (handler, model) in route.route_handler_map.items():
            key = (method, len(pattern), pattern[2] or "") if len(pattern) > 2 else (method, len(pattern), "")
            call = None
            if all(part.type is str for part in route.path_components if not isinstance(part, str)):
                call = _understood(handler, model, pattern, names, values)
            self._calls.setdefault(key, []).append((pattern, call))

    def _find(self, method: str, segments: list[str]) -> StraightCall | None:
        known = self._calls.get((method, len(segments), segments[2] if len(segments) > 2 else ""), ())
        for pattern, call in known:
            for part, given in zip(pattern, segments, strict=True):
                if part != given and (part is not None or not given):
                    break
            else:
                return call
        return None

    async def _arguments(
        self, call: StraightCall, scope: Any, headers: Mapping[bytes, bytes], segments: list[str], asked: Asked
    ) -> dict[str, Any]:
        arguments = dict(call.given)
        for position, name, kind in call.path:
            arguments[name] = _fitting(partial(msgspec.convert, segments[position], kind))
        state = scope["state"]
        if "caller" in call.names:
            arguments["caller"] = state["caller"]
        body = await _whole_body(headers, asked) if call.names & _OF_THE_BODY else b""
        if "body" in call.names:
            arguments["body"] = body
        if "headers" in call.names:
            arguments["headers"] = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        if call.body is not None:
            if headers.get(b"content-type", _JSON) != _JSON:
                raise _Unfit
            arguments["data"] = _fitting(partial(call.body, body))
        if "idempotency" in call.names:
            arguments["idempotency"] = _idempotency(scope, headers.get(b"idempotency-key"), body)
        if "request" in call.names:
            arguments["request"] = ExactRequest(scope, asked)
        scope["litestar_app"] = self._app
        return arguments

    def _handler_of(self, error: Exception) -> Callable[[Any, Any], Response[Any]]:
        return next(self._on_error[kind] for kind in type(error).__mro__ if kind in self._on_error)


class Asked:
    """The way in: what was taken from it can be put back, and it knows whether there is more to come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._back: list[Any] = []
        self.ended = False

    async def __call__(self) -> Any:
        if self._back:
            return self._back.pop(0)
        message = await self._receive()
        self.ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    def put_back(self, messages: Iterable[Any]) -> None:
        """The next to ask gets these again."""
        self._back[:0] = messages


def _understood(
    handler: HTTPRouteHandler, model: Any, pattern: Pattern, names: list[str], values: Mapping[str, object]
) -> StraightCall | None:
    """How to call a handler; None for one that wants more than is at hand here."""
    if handler.has_sync_callable or handler.signature_model is None or handler.cache or handler.after_request:
        return None
    if any(getattr(handler, extra)() for extra in _EXTRAS) or handler.media_type not in ("", MediaType.JSON):
        return None
    if model.expected_header_params or model.expected_cookie_params or model.expected_form_data:
        return None
    fields = {field.name: field for field in msgspec.structs.fields(handler.signature_model)}
    given = {}
    for name, field in fields.items():
        if name in values:
            given[name] = values[name]
        elif name not in _AT_HAND and name not in names:
            # Of the query: this way is for requests without one.
            if field.default is msgspec.NODEFAULT:
                return None
            given[name] = field.default
    places = [position for position, part in enumerate(pattern) if part is None]
    path = [(place, name, fields[name].type) for place, name in zip(places, names, strict=True) if name in fields]
    data = handler.parsed_data_field
    body = None if data is None else decoder(data.annotation).decode
    return StraightCall(handler, path, body, given, frozenset(fields))


def _fitting(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # The framework finds every fault, and says it.
        raise _Unfit from error


async def _whole_body(headers: Mapping[bytes, bytes], asked: Asked) -> bytes:
    length = headers.get(b"content-length", b"")
    if not length.isdigit() or int(length) > _MOST_BYTES:
        raise _Unfit
    messages = [await asked()]
    missing = int(length) - len(messages[0].get("body", b""))
    # When all is there, an empty message that says so need not be waited for.
    while missing > 0 and messages[-1]["type"] == "http.request" and messages[-1].get("more_body"):
        messages.append(await asked())
        missing -= len(messages[-1].get("body", b""))
    # The handler may read it, too; and so may the framework if this turns out to be for it.
    asked.put_back(messages)
    if messages[-1]["type"] != "http.request":
        raise _Unfit
    return messages[0].get("body", b"") if len(messages) == 1 else b"".join(each.get("body", b"") for each in messages)


def _idempotency(scope: Any, key: bytes | None, body: bytes) -> Idempotency | None:
    if key is None:
        return None
    account = scope["state"]["caller"].account
    bound = of_request(account, key.decode("latin-1"), scope["method"], scope["path"], body)
    if bound is None:
        raise _Unfit
    return bound


def _is_plain(said: Response[Any]) -> bool:
    # A kind of its own knows how to send itself.
    kinds = (None, "", MediaType.JSON)
    return type(said) is Response and said.media_type in kinds and not said.cookies and not said.background


async def _sent_by_framework(
    response: Response[Any], request: Request[Any, Any, Any], scope: Scope, receive: Receive, send: Send
) -> None:
    app: ASGIApp = response.to_asgi_response(app=None, request=request)
    await app(scope, receive, send)
