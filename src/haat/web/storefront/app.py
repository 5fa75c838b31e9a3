"""The shop's pages as routes, and what they need of the application around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException

from haat.contracts.identity import Identity
from haat.kit.message import DomainError
from haat.settings import Settings
from haat.web.sessions import MACHINES, AnyRequest, csrf_token
from haat.web.storefront import (
    account,
    browsing,
    cart,
    checkout,
    credit,
    entering,
    orders,
    product,
    recovery,
    texts,
    wishlist,
)
from haat.web.storefront.entrance import entrance
from haat.web.storefront.shell import dress, log, provide_shop
from haat.web.storefront.templates import render

PAGES = (account, browsing, cart, checkout, credit, entering, orders, product, recovery, texts, wishlist)
WORDS = {
    400: ("This address makes no sense to us", "Please check it, or begin again at the entrance."),
    403: ("This form has expired", "For your safety we did not take it. Go back, reload the page and send it again."),
    404: ("This stall is empty", "What you looked for has moved or is not sold any more."),
    405: (
        "There is no page at this address",
        "It only takes what a form sends. Go back, or begin again at the entrance.",
    ),
    429: ("One moment, please", "Too much came from here at once. Try again in a few seconds."),
    503: ("A part of the market is closed for a moment", "Nothing is lost. Please try again in a few seconds."),
}
REFUSED = "This cannot be done"
OTHERWISE = ("Something went wrong on our side", "We have noted it. Nothing is lost; please try again.")


def storefront(settings: Settings, identity: Identity) -> Router:
    """Every page of the shop. The contracts themselves are injected by the application."""
    return Router(
        path="/",
        route_handlers=[handler for module in PAGES for handler in module.ROUTES],
        before_request=entrance(settings, identity),
        dependencies={"shop": Provide(provide_shop)},
        include_in_schema=False,
    )


def page_errors(handlers: dict[Any, Callable[..., Any]]) -> dict[Any, Callable[..., Any]]:
    """These exception handlers for programs, with pages in their place for people."""
    return {kind: _for_people(handler) for kind, handler in handlers.items()}


def _for_people(handler: Callable[..., Any]) -> Callable[..., Any]:
    def handle(request: AnyRequest, error: Exception) -> Any:
        if not is_for_people(request.url.path, request.headers.get("Accept", "")):
            return handler(request, error)
        status = status_of(error)
        if status == 401:
            answer: Response[Any] = Response(None, status_code=303, headers={"Location": _door(request.url.path)})
        else:
            if status >= 500:
                log.exception("page failed", path=request.url.path, exc_info=error)
            answer = error_page(request, status, error.detail if isinstance(error, DomainError) else "")
        dress(answer)
        return answer

    return handle


def _door(path: str) -> str:
    """Where to sign in for a form that needs it, and come back to its part of the shop."""
    back = next((each for each in ("/account", "/wishlist") if path.startswith(each)), "")
    return f"/sign-in?next={back}" if back else "/sign-in"


def is_for_people(path: str, accept: str) -> bool:
    """Whether an error is shown as a page: never for what programs call."""
    return not path.startswith(MACHINES) and "text/html" in accept


def status_of(error: Exception) -> int:
    if isinstance(error, DomainError):
        return error.status
    return error.status_code if isinstance(error, HTTPException) else 500


def error_page(request: AnyRequest, status: int, detail: str = "") -> Response[str]:
    """A page that needs nothing of any service; `detail` is a refusal in the service's words."""
    title, advice = WORDS.get(status, (REFUSED, detail) if detail and status < 500 else OTHERWISE)
    text = render(
        "error.html",
        status=status,
        title=title,
        advice=advice,
        request_id=request.scope["state"].get("request_id", ""),
        csrf=csrf_token(request),
        caller=request.scope["state"].get("caller"),
        categories=[],
        units=0,
        origin="",
        path=request.url.path,
        said="",
    )
    return Response(text, status_code=status, media_type="text/html")
