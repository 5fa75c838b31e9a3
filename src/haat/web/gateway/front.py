"""The outermost layer of every request: its id, its caller, its answer's common headers, its metrics."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from cachetools import TTLCache
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from haat.contracts.identity import AccessToken, Identity, Principal
from haat.kit.access import Caller
from haat.kit.idempotency import replayed
from haat.kit.ids import new_id
from haat.kit.message import DomainError
from haat.kit.rpc import traceparent
from haat.kit.telemetry import REQUESTS, SECONDS

log = structlog.get_logger("haat.http")
# A revoked session is refused everywhere after at most this long.
PRINCIPAL_SECONDS = 30
COOKIE_ACCESS = b"haat_access"
COOKIE_CART = b"haat_cart"
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
]
HeaderList = list[tuple[bytes, bytes]]


class Front:
    """Wraps the whole application. Bearer tokens speak for API calls, cookies for pages: never mixed."""

    def __init__(self, app: ASGIApp, identity: Identity) -> None:
        self._app = app
        self._identity = identity
        self._principals: TTLCache[str, Principal] = TTLCache(maxsize=50_000, ttl=PRINCIPAL_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(b"request-id"))
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        traceparent.set(headers[b"traceparent"].decode("latin-1") if b"traceparent" in headers else None)
        replayed.set(False)
        started = time.perf_counter()
        answer = _Answer(send, request_id)
        try:
            state["caller"] = await self._caller(scope, headers)
        except DomainError as error:
            await _refuse(answer, error, request_id)
        else:
            await self._app(scope, receive, answer)
        _count(scope, answer.status, time.perf_counter() - started)

    def forget(self, token: str) -> None:
        """Drop what is remembered of an access token, right after its session ended here."""
        self._principals.pop(token, None)

    async def _caller(self, scope: Scope, headers: dict[bytes, bytes]) -> Caller:
        api = scope["path"].startswith(("/v1/", "/rpc/"))
        cookies = {} if api else _cookies(headers.get(b"cookie", b""))
        token = _bearer(headers.get(b"authorization")) if api else cookies.get(COOKIE_ACCESS)
        cart = headers.get(b"cart-token") if api else cookies.get(COOKIE_CART)
        client = scope.get("client")
        nobody = Caller(
            cart_token=cart.decode("latin-1")[:200] if cart else None,
            address=client[0] if client else "",
            user_agent=headers.get(b"user-agent", b"").decode("latin-1")[:300],
        )
        if token is None:
            return nobody
        try:
            principal = await self._principal(token.decode("latin-1"))
        except DomainError:
            if api:
                raise
            # A page shows itself to a guest; the storefront refreshes or clears the stale cookie.
            return nobody
        return msgspec.structs.replace(
            nobody, user_id=principal.user_id, session_id=principal.session_id, roles=principal.roles
        )

    async def _principal(self, token: str) -> Principal:
        principal = self._principals.get(token)
        if principal is None or principal.expires_at.timestamp() < time.time():
            principal = await self._identity.authenticate(AccessToken(token=token))
            self._principals[token] = principal
        return principal


class _Answer:
    """The way out: adds the common headers and remembers the status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id.encode("latin-1")
        self.status = 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            extra: HeaderList = [(b"request-id", self._request_id), *SECURITY_HEADERS]
            if replayed.get():
                extra.append((b"idempotent-replayed", b"true"))
            message["headers"] = [*message["headers"], *extra]
        await self._send(message)


async def _refuse(send: Callable[[Any], Awaitable[None]], error: DomainError, request_id: str) -> None:
    problem = {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
        "errors": [],
    }
    headers: HeaderList = [(b"content-type", b"application/problem+json")]
    if error.status == 401:
        headers.append((b"www-authenticate", b'Bearer error="invalid_token"'))
    if error.status == 503:
        headers.append((b"retry-after", b"2"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(problem), "more_body": False})


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


def _count(scope: Scope, status: int, seconds: float) -> None:
    handler = scope.get("route_handler")
    route = next(iter(sorted(handler.paths)), "/") if handler is not None else "unknown"
    REQUESTS.labels(route, scope.get("method", ""), status).inc()
    SECONDS.labels(route).observe(seconds)
