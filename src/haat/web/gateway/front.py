"""The outermost layer of every request: its id, its caller, its limits, its answer's common headers, its metrics."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote_from_bytes

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from haat.contracts.identity import AccessToken, Identity, Principal
from haat.kit.access import Caller
from haat.kit.forwarded import address_behind
from haat.kit.idempotency import replayed
from haat.kit.ids import new_id
from haat.kit.message import DomainError, NotFound
from haat.kit.path_parts import kept_apart
from haat.kit.problem import Malformed, TooMany, problem_body
from haat.kit.ready import JSON, again, parts_of
from haat.kit.telemetry import mask_cards
from haat.kit.tracing import Span, Tracer, current_tracer, traceparent
from haat.ports.cache import Cache
from haat.web.gateway.counting import count
from haat.web.gateway.known import Known, KnownTargets
from haat.web.gateway.limits import Limits
from haat.web.gateway.straight import Asked, StraightCalls
from haat.web.sessions import cookie_headers

# A revoked session is refused at once where the cache is shared, and everywhere after at most this long.
PRINCIPAL_SECONDS = 30.0
COOKIE_ACCESS = b"haat_access"
COOKIE_CART = b"haat_cart"
# Whoever renews a token may still send the old one along: here it is ignored instead of refused.
OPEN_PATHS = frozenset({("POST", "/v1/sessions"), ("POST", "/v1/sessions/refresh"), ("POST", "/v1/users")})
DRAIN_BYTES = 32_000_000
BODILESS = (204, 304)
ASCII = bytes(range(128))
HeaderList = list[tuple[bytes, bytes]]
SECURITY_HEADERS: HeaderList = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
]
API_HEADERS: HeaderList = [
    *SECURITY_HEADERS,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
# What says nothing of its own is for this caller alone: a cache in front of us keeps apart neither the guests' carts,
# which a header of ours names, nor the orders that a link opens.
FOR_ONE: HeaderList = [(b"cache-control", b"private, no-cache")]
_JSON = JSON.encode()
_principal = msgspec.msgpack.Decoder(Principal)


class Front:
    """Wraps the whole application. Bearer tokens speak for API calls, cookies for pages: never mixed."""

    def __init__(
        self,
        app: ASGIApp,
        identity: Identity,
        cache: Cache | None = None,
        limits: Limits | None = None,
        trusted_proxies: int = 0,
        straight: StraightCalls | None = None,
    ):
        self.application = app
        self.straight = straight
        self._proxies = trusted_proxies
        self._identity = identity
        self._cache = cache
        self._limits = limits or Limits(0)
        self._known = KnownTargets()
        self._tracer = current_tracer()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.application(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(b"request-id"))
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        traceparent.set(headers[b"traceparent"].decode("latin-1") if b"traceparent" in headers else None)
        replayed.set(False)
        started = time.perf_counter()
        api = scope["path"].startswith(("/v1/", "/rpc/"))
        if api and b"%2" in (raw := scope.get("raw_path") or b"") and b"%2f" in raw.lower():
            scope["path"] = kept_apart(raw)
        asked = Asked(receive)
        answer = _Answer(send, asked, state, api, scope["method"] == "HEAD")
        if answer.without_body:
            # Every resource that can be read can be asked about.
            scope["method"] = "GET"
        span = None if self._tracer is None else _begun(self._tracer, scope["path"])
        route = "unknown"
        try:
            _check_readable(scope)
            if not scope["query_string"].isascii():
                # As curl sends what is typed: the framework takes bare bytes for Latin-1, and `café` for `cafÃ©`.
                scope["query_string"] = quote_from_bytes(scope["query_string"], safe=ASCII).encode()
            if api:
                scope["query_string"] = _given(scope["query_string"])
            state["caller"] = await self._admitted(scope, headers, api, answer)
        except DomainError as error:
            if api or self.straight is None:
                await _refuse(answer, error, request_id)
            else:
                await self.straight.refused(error, scope, asked, answer)
            route = _route(scope)
        else:
            route = await self._answered(scope, headers, asked, answer)
        finally:
            if span is not None:
                _end(span, scope["method"], route, answer.status, request_id)
        count(route, scope["method"], answer.status, time.perf_counter() - started)

    async def _answered(self, scope: Any, headers: dict[bytes, bytes], asked: Asked, answer: _Answer) -> str:
        """Answer by the short way what is known, by the application what is not; the route's path."""
        # A header that is repeated is for the framework to make sense of; staff sees what others do not.
        if len(headers) != len(scope["headers"]):
            await self.application(scope, asked, answer)
            return _route(scope)
        if scope["method"] != "GET" or scope["state"]["caller"].roles:
            await self._called(scope, headers, asked, answer)
            return _route(scope)
        target = scope["path"], scope["query_string"]
        known = self._known.get(target)
        if known is not None and await _sent(known, headers.get(b"if-none-match"), answer):
            return known.route
        again.set(None)
        await self._called(scope, headers, asked, answer)
        route, learnt = _route(scope), again.get()
        if learnt is not None:
            self._known.learn(target, Known(route, learnt))
        return route

    async def _called(self, scope: Any, headers: dict[bytes, bytes], asked: Asked, answer: _Answer) -> None:
        if self.straight is None or not await self.straight.answered(scope, headers, asked, answer):
            await self.application(scope, asked, answer)

    async def _admitted(self, scope: Any, headers: dict[bytes, bytes], api: bool, answer: _Answer) -> Caller:
        """Who is calling, when their limit lets them. Raises TokenRefused, TooMany."""
        nobody, token = _stranger(scope, headers, api, self._proxies)
        caller, refused = nobody, None
        if token is not None:
            try:
                caller = _signed_in(nobody, await self._principal_of(token))
            except DomainError as error:
                # A page shows itself to a guest; the storefront refreshes or clears the stale cookie.
                if api and (scope["method"], scope["path"]) not in OPEN_PATHS:
                    refused = error
        verdict = self._limits.judge(caller, time.monotonic()) if scope["path"].startswith("/v1/") else None
        if verdict is not None:
            answer.extra = verdict.headers()
            if not verdict.allowed:
                raise TooMany(retry_after_seconds=verdict.retry_after_seconds)
        if refused is not None:
            raise refused
        return caller

    async def _principal_of(self, token: str) -> Principal:
        if self._cache is None:
            return await self._identity.authenticate(AccessToken(token=token))
        key = "principal:" + hashlib.sha256(token.encode("latin-1")).hexdigest()
        kept = await self._cache.get(key)
        if kept is not None:
            return _principal.decode(kept)
        principal = await self._identity.authenticate(AccessToken(token=token))
        seconds = min(PRINCIPAL_SECONDS, principal.expires_at.timestamp() - time.time())
        tags = (f"user:{principal.user_id}",)
        await self._cache.put(key, msgspec.msgpack.encode(principal), seconds=seconds, tags=tags)
        return principal


class _Answer:
    """The way out: adds the common headers and the cookies, leaves a HEAD request's body out, remembers the status."""

    def __init__(self, send: Send, asked: Asked, state: dict[str, Any], api: bool, without_body: bool) -> None:
        self._send = send
        self._asked = asked
        self._state = state
        self._common: HeaderList = [
            (b"request-id", state["request_id"].encode("latin-1")),
            *(API_HEADERS if api else SECURITY_HEADERS),
        ]
        self._unless_told = FOR_ONE if api else []
        self.without_body = without_body
        self.extra: Sequence[tuple[bytes, bytes]] = ()
        self.status = 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status == 413:
                await _drained(self._asked)
            given = {name for name, _ in message["headers"]}
            cookies = cookie_headers(self._state)
            # What opens an account is for this browser alone.
            unless_told = FOR_ONE if cookies else self._unless_told
            extra = [header for header in (*self._common, *self.extra, *unless_told) if header[0] not in given]
            message["headers"] = [*message["headers"], *extra, *_replay_told(), *cookies]
        elif self.without_body and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    async def whole(self, status: int, body: bytes, named: Mapping[str, str]) -> None:
        """Send a JSON answer; the headers that are named are none of the common ones."""
        self.status = status
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]
        if not any(name == b"cache-control" for name, _ in headers):
            headers += self._unless_told
        if status in BODILESS:
            body = b""
        else:
            headers += [(b"content-type", _JSON), (b"content-length", str(len(body)).encode())]
        start: Any = {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, *self._common, *self.extra, *_replay_told()],
        }
        await self._send(start)
        end: Any = {
            "type": "http.response.body",
            "body": b"" if self.without_body else body,
            "more_body": False,
        }
        await self._send(end)


def _begun(tracer: Tracer, path: str) -> Span | None:
    # A neighbour's call has a span of its own where it is served.
    return None if path.startswith("/rpc/") else tracer.begin("request", "SERVER")


def _end(span: Span, method: str, route: str, status: int, request_id: str) -> None:
    # By its route: an address may hold what only its owner may know.
    told: dict[str, str | int] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "haat.request_id": mask_cards(None, "", request_id),
    }
    span.end(f"{method} {route}", str(status) if status >= 500 else "", told)


def _replay_told() -> HeaderList:
    """The word that this answer was stored under its key before."""
    return [(b"idempotent-replayed", b"true")] if replayed.get() else []


async def _drained(asked: Asked) -> None:
    """Whoever is still sending sees a broken connection instead of the answer: read on, within reason."""
    seen = 0
    while not asked.ended and seen < DRAIN_BYTES:
        seen += len((await asked()).get("body", b""))


async def _sent(known: Known, held: bytes | None, answer: _Answer) -> bool:
    """Answer a known target. False, and nothing sent, when its service refuses: the application says why."""
    try:
        page = await known.again.call(known.again.ask)
    except DomainError:
        return False
    status, body, named = parts_of(page, None if held is None else held.decode("latin-1"))
    await answer.whole(status, body, named)
    return True


async def _refuse(answer: _Answer, error: DomainError, request_id: str) -> None:
    body, named = problem_body(error.status, error.code, error.title, error.detail, error.facts, request_id)
    if error.status == 401:
        named["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    headers: HeaderList = [(b"content-type", b"application/problem+json")]
    headers += [(name.lower().encode(), value.encode()) for name, value in named.items()]
    headers.append((b"content-length", str(len(body)).encode()))
    start: Any = {"type": "http.response.start", "status": error.status, "headers": headers}
    await answer(start)
    end: Any = {"type": "http.response.body", "body": body, "more_body": False}
    await answer(end)


def _check_readable(scope: Scope) -> None:
    """Raises Malformed, and NotFound for a path that the framework reads as another one than we do."""
    path = scope["path"]
    # No text of ours holds a zero character, and no store would take one.
    if "\0" in path or b"%00" in scope["query_string"]:
        raise Malformed("The address holds a zero character")
    # Routing takes `//v1/x` and `v1/x` for `/v1/x`, where cookies count for nothing and limits do.
    if "//" in path or path[:1] != "/":
        raise NotFound()


def _given(query: bytes) -> bytes:
    """A query without its empty parameters, such as the `cursor=` of a first page: they are the same as left out."""
    if b"=&" not in query and query[-1:] != b"=":
        return query
    named = (pair.partition(b"=") for pair in query.split(b"&"))
    return b"&".join(name + sign + value for name, sign, value in named if value or not sign)


def _stranger(scope: Scope, headers: dict[bytes, bytes], api: bool, proxies: int) -> tuple[Caller, str | None]:
    """The caller before signing in counts, and the access token they showed."""
    cookies = {} if api else _cookies(headers.get(b"cookie", b""))
    token = _bearer(headers.get(b"authorization")) if api else cookies.get(COOKIE_ACCESS)
    cart = headers.get(b"cart-token") if api else cookies.get(COOKIE_CART)
    client = scope.get("client")
    peer = client[0] if client else ""
    nobody = Caller(
        cart_token=cart.decode("latin-1")[:200] if cart else None,
        address=address_behind(proxies, scope["headers"], peer) if proxies else peer,
        user_agent=headers.get(b"user-agent", b"").decode("latin-1")[:300],
    )
    return nobody, None if token is None else token.decode("latin-1")


def _signed_in(nobody: Caller, principal: Principal) -> Caller:
    return msgspec.structs.replace(
        nobody, user_id=principal.user_id, session_id=principal.session_id, roles=principal.roles
    )


def _request_id(given: bytes | None) -> str:
    text = given.decode("latin-1") if given else ""
    return text if 0 < len(text) <= 128 and text.isascii() and text.isprintable() else new_id("req")


def _bearer(value: bytes | None) -> bytes | None:
    if value is None:
        return None
    scheme, _, token = value.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else None


def _cookies(value: bytes) -> dict[bytes, bytes]:
    pairs = (part.strip().partition(b"=") for part in value.split(b";"))
    return {name: content for name, _, content in pairs if name}


def _route(scope: Scope) -> str:
    handler = scope.get("route_handler")
    return _path_of(handler) if handler is not None else "unknown"


@lru_cache(maxsize=1000)
def _path_of(handler: Any) -> str:
    return next(iter(sorted(handler.paths)), "/")
