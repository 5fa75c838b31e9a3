"""Before every page: the visit's id, forms from our own pages only, and access tokens renewed without a word."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec
from litestar.types import Scope

from haat.contracts.identity import AccessToken, Identity, Refresh, Tokens
from haat.kit.access import Caller
from haat.kit.message import DomainError, Forbidden, Unavailable
from haat.settings import Settings
from haat.web.storefront.shell import YEAR_SECONDS, AnyRequest, put_cookie, shop_origin

REFRESH_SECONDS = 30 * 86_400


def entrance(settings: Settings, identity: Identity) -> Callable[[AnyRequest], Awaitable[None]]:
    """The before-request hook of the pages."""

    async def enter(request: AnyRequest) -> None:
        check_origin(request, settings)
        visit = request.cookies.get("haat_session", "")
        if not (0 < len(visit) <= 100 and visit.isascii()):
            visit = secrets.token_urlsafe(16)
            put_cookie(request, settings, "haat_session", visit, YEAR_SECONDS)
        request.scope["state"]["visit"] = visit
        await renew(request, settings, identity)

    return enter


def check_origin(request: AnyRequest, settings: Settings) -> None:
    """Raises Forbidden for a form that another site's page sends."""
    if request.method in ("GET", "HEAD"):
        return
    given = request.headers.get("Origin")
    if given is not None and urlsplit(given).netloc not in (urlsplit(shop_origin(settings)).netloc, request.url.netloc):
        raise Forbidden("This form was not sent from one of our pages")


async def renew(request: AnyRequest, settings: Settings, identity: Identity) -> None:
    """Exchange the refresh token once the access token is gone; a refused one is forgotten."""
    caller: Caller = request.scope["state"]["caller"]
    token = request.cookies.get("haat_refresh")
    if caller.user_id is not None or not token:
        return
    try:
        tokens = await identity.refresh(Refresh(refresh_token=token[:512], address=caller.address))
        principal = await identity.authenticate(AccessToken(token=tokens.access_token))
    except Unavailable:
        return
    except DomainError:
        forget_tokens(request, settings)
        return
    keep_tokens(request, settings, tokens)
    _now_is(
        request.scope,
        msgspec.structs.replace(
            caller, user_id=principal.user_id, session_id=principal.session_id, roles=principal.roles
        ),
    )


def keep_tokens(request: AnyRequest, settings: Settings, tokens: Tokens) -> None:
    """Into cookies that scripts cannot read."""
    put_cookie(request, settings, "haat_access", tokens.access_token, tokens.expires_in)
    put_cookie(request, settings, "haat_refresh", tokens.refresh_token, REFRESH_SECONDS)


def forget_tokens(request: AnyRequest, settings: Settings) -> None:
    for name in ("haat_access", "haat_refresh"):
        put_cookie(request, settings, name, "", 0)


def _now_is(scope: Scope, caller: Caller) -> None:
    scope["state"]["caller"] = caller
