"""Who sits at the browser: cookies that scripts cannot read, tokens renewed unasked, forms from our own pages only."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from litestar import Request
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import Cookie
from litestar.utils.scope.state import ScopeState

from haat.contracts.identity import AccessToken, Identity, Refresh, Tokens
from haat.kit.access import Caller
from haat.kit.message import DomainError, Forbidden, Unavailable
from haat.settings import Settings

AnyRequest = Request[Any, Any, Any]
ACCESS, REFRESH = "haat_access", "haat_refresh"
DEVICE = "haat_device"
REFRESH_SECONDS = 30 * 86_400
DEVICE_SECONDS = 90 * 86_400
LOOPBACK = ("localhost", "127.0.0.1", "::1")
HTTP_PORT = 80
# What programs call: no form leads there, and their proof is not a cookie.
MACHINES = (
    *("/v1/", "/rpc/", "/sandbox", "/assets/", "/media/", "/.well-known/"),
    *("/healthz", "/readyz", "/metrics", "/openapi", "/docs"),
)


def csrf_config(settings: Settings) -> CSRFConfig:
    """Every form of the pages carries a token that only they know."""
    return CSRFConfig(
        secret=hmac.new(settings.service_secret.encode(), b"csrf", hashlib.sha256).hexdigest(),
        cookie_name="haat_csrf",
        cookie_httponly=True,
        cookie_samesite="lax",
        cookie_secure=settings.shop_url.startswith("https"),
        header_name="x-csrf-token",
        exclude=[f"^{path}" for path in MACHINES],
    )


def csrf_token(request: AnyRequest) -> str:
    """The token that a form of this answer must bring back."""
    token = ScopeState.from_scope(request.scope).csrf_token
    return token if isinstance(token, str) else ""


def moved_to_the_shop(request: AnyRequest, settings: Settings) -> str | None:
    """The same page at the shop's own address, for who reads it here under another name of this machine; else None.

    `localhost` and 127.0.0.1 are two origins: cookies of the one are not seen at the other, where payments lead back
    to, and the vault shows itself to the shop's own alone. Whoever comes by another port or through a proxy is left
    where they are: they may have no other way.
    """
    try:
        here = urlsplit("//" + request.headers.get("Host", ""))
        port = here.port or HTTP_PORT
    except ValueError:
        return None
    shop = urlsplit(settings.shop_url)
    apart = here.hostname in LOOPBACK and here.hostname != shop.hostname
    if not apart or shop.scheme != "http" or port != (shop.port or HTTP_PORT) or request.method != "GET":
        return None
    query = request.scope["query_string"].decode("latin-1")
    return settings.shop_url + quote(request.scope["path"]) + (f"?{query}" if query else "")


def check_origin(request: AnyRequest, settings: Settings) -> None:
    """Raises Forbidden for a form that the page of another site sends."""
    if request.method in ("GET", "HEAD"):
        return
    given = request.headers.get("Origin")
    ours = (urlsplit(settings.shop_url).netloc, request.headers.get("Host", ""))
    if given is not None and _host_of(given) not in ours:
        raise Forbidden("This form was not sent from one of our pages")


def _host_of(origin: str) -> str | None:
    """None for half an address of IPv6, which no browser sends."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


async def renew(request: AnyRequest, settings: Settings, identity: Identity) -> Caller:
    """The caller, after exchanging the refresh token once the access token is gone; a refused one is forgotten."""
    caller: Caller = request.scope["state"]["caller"]
    token = request.cookies.get(REFRESH)
    if caller.user_id is not None or not token:
        return caller
    try:
        tokens = await identity.refresh(Refresh(refresh_token=token[:512], address=caller.address))
        # Noted at once: the old token is spent, whatever comes now.
        keep_tokens(request, settings, tokens)
        principal = await identity.authenticate(AccessToken(token=tokens.access_token))
    except Unavailable:
        return caller
    except DomainError:
        forget_tokens(request, settings)
        return caller
    known = msgspec.structs.replace(
        caller, user_id=principal.user_id, session_id=principal.session_id, roles=principal.roles
    )
    request.scope["state"]["caller"] = known
    return known


def keep_tokens(request: AnyRequest, settings: Settings, tokens: Tokens) -> None:
    """Into cookies of this request's answer."""
    put_cookie(request, settings, ACCESS, tokens.access_token, tokens.expires_in)
    put_cookie(request, settings, REFRESH, tokens.refresh_token, REFRESH_SECONDS)
    if tokens.device:
        keep_device(request, settings, tokens.device)


def keep_device(request: AnyRequest, settings: Settings, device: str) -> None:
    """What this browser shows at its next sign-in."""
    put_cookie(request, settings, DEVICE, device, DEVICE_SECONDS)


def device_of(request: AnyRequest) -> str:
    """What an earlier sign-in left in this browser; it stays when its owner signs out."""
    return request.cookies.get(DEVICE, "")[:200]


def forget_tokens(request: AnyRequest, settings: Settings) -> None:
    """Out of the browser with this request's answer."""
    for name in (ACCESS, REFRESH):
        put_cookie(request, settings, name, "", 0)


def put_cookie(request: AnyRequest, settings: Settings, name: str, value: str, seconds: int) -> None:
    """Set a cookie with this request's answer; 0 seconds drops it."""
    jar: dict[str, Cookie] = request.scope["state"].setdefault("cookies", {})
    jar[name] = Cookie(
        key=name,
        value=value,
        max_age=seconds,
        path="/",
        httponly=True,
        secure=settings.shop_url.startswith("https"),
        samesite="lax",
    )


def cookie_headers(state: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """What `put_cookie` has noted in a request's state; the front sends it with every answer, whoever wrote that."""
    return [cookie.to_encoded_header() for cookie in state.get("cookies", {}).values()]
