"""The back office as one router: its pages, the door before them, and its own way to say that something failed."""

from __future__ import annotations

from typing import Any

from litestar import Response, Router, get
from litestar.di import Provide
from litestar.exceptions import HTTPException

from haat.contracts.identity import Identity
from haat.kit.message import DomainError, NotFound
from haat.kit.problem import EXCEPTION_HANDLERS
from haat.settings import Settings
from haat.web.backoffice import (
    coupons,
    credit,
    customers,
    entering,
    events,
    fraud,
    gift_cards,
    home,
    imports,
    locations,
    mail,
    order_acts,
    orders,
    parked,
    product_edits,
    products,
    reconciliation,
    returns,
    staff,
    stock,
    stuck,
    system,
)
from haat.web.backoffice.desk import DOOR, Desk, door, log, provide_desk
from haat.web.backoffice.roles import is_staff
from haat.web.sessions import AnyRequest

SCREENS = (
    home, orders, order_acts, returns, products, product_edits, imports, stock, locations, customers, fraud, coupons,
    mail, staff, system, events, credit, gift_cards, reconciliation, parked,
    stuck, entering,
)  # fmt: skip
WORDS = {
    400: ("This address makes no sense here", "Check it, or begin again from the list."),
    404: ("There is nothing here", "It may have been removed, or the address is not complete."),
    413: ("This file is too large", "Split it, or send it through the API."),
    429: ("One moment, please", "Too much came from here at once. Try again in a few seconds."),
    503: ("A part of the shop does not answer", "Nothing is lost. Try again in a few seconds."),
}
REFUSED = "This cannot be done"
OTHERWISE = ("Something went wrong on our side", "It was recorded. Nothing is lost; try again.")


@get("/{rest:path}", duty="home")
async def nowhere(rest: str) -> None:
    """An address that leads nowhere, told in the back office's own words."""
    raise NotFound()


def backoffice(settings: Settings, identity: Identity) -> Router:
    """Every page under `/admin`. The contracts themselves are injected by the application."""

    def refused(request: AnyRequest, error: Exception) -> Response[Any]:
        return on_refusal(Desk(request, settings), error)

    return Router(
        path="/admin",
        route_handlers=[*(handler for screen in SCREENS for handler in screen.ROUTES), nowhere],
        before_request=door(settings, identity),
        dependencies={"desk": Provide(provide_desk)},
        exception_handlers=dict.fromkeys(EXCEPTION_HANDLERS, refused),
        include_in_schema=False,
    )


def on_refusal(desk: Desk, error: Exception) -> Response[Any]:
    """A page for every failure; whoever is not signed in is led to the door."""
    status = 500
    if isinstance(error, DomainError):
        status = error.status
    elif isinstance(error, HTTPException):
        status = error.status_code
    if status == 401:
        return desk.go(DOOR)
    if status >= 500:
        log.exception("page failed", path=desk.request.url.path, exc_info=error)
    title, advice = _words(status, error)
    return desk.page(
        "error.html",
        status=status,
        code=status,
        title=title,
        advice=advice,
        outsider=not is_staff(desk.caller),
        request_id=desk.request.scope["state"].get("request_id", ""),
    )


def _words(status: int, error: Exception) -> tuple[str, str]:
    if isinstance(error, NotFound) and error.detail != NotFound.title:
        title, advice = WORDS[404]
        return title, f"{error.detail}. {advice}"
    if status != 403:
        refused = isinstance(error, DomainError) and status < 500
        return WORDS.get(status, (REFUSED, str(error)) if refused else OTHERWISE)
    if isinstance(error, HTTPException):
        return "This form has expired", "For safety it was not taken. Go back, reload the page and send it again."
    return "Not your door", str(error)
