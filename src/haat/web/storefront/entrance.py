"""Before every page: one address for all, the visit's id, forms from our own pages only, access tokens renewed."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response

from haat.contracts.identity import Identity
from haat.settings import Settings
from haat.web.sessions import AnyRequest, check_origin, moved_to_the_shop, put_cookie, renew
from haat.web.storefront.shell import YEAR_SECONDS


def entrance(settings: Settings, identity: Identity) -> Callable[[AnyRequest], Awaitable[Response[Any] | None]]:
    """The before-request hook of the pages."""

    async def enter(request: AnyRequest) -> Response[Any] | None:
        moved = moved_to_the_shop(request, settings)
        if moved is not None:
            return Response(None, status_code=307, headers={"Location": moved, "Cache-Control": "no-store"})
        check_origin(request, settings)
        visit = request.cookies.get("haat_session", "")
        if not (0 < len(visit) <= 100 and visit.isascii()):
            visit = secrets.token_urlsafe(16)
            put_cookie(request, settings, "haat_session", visit, YEAR_SECONDS)
        request.scope["state"]["visit"] = visit
        await renew(request, settings, identity)
        return None

    return enter
