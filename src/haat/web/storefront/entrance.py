"""Before every page: the visit's id, forms from our own pages only, and access tokens renewed without a word."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from haat.contracts.identity import Identity
from haat.settings import Settings
from haat.web.sessions import AnyRequest, check_origin, put_cookie, renew
from haat.web.storefront.shell import YEAR_SECONDS


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
