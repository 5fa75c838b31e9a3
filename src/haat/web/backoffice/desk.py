"""One request of a member of staff: who they are, what they may do, and how to answer with a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import quote

import structlog
from litestar import Response

from haat.contracts.identity import Identity
from haat.kit.access import Caller
from haat.kit.idempotency import Idempotency, IdempotencyKeyMissing, fingerprint
from haat.kit.message import DomainError, Forbidden
from haat.settings import Settings
from haat.web.backoffice.forms import Typed, canonical
from haat.web.backoffice.roles import duties, may
from haat.web.backoffice.templates import render
from haat.web.sessions import AnyRequest, check_origin, csrf_token, renew
from haat.web.words import location

log = structlog.get_logger("haat.backoffice")
T = TypeVar("T")
DOOR = "/admin/sign-in"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What a page says after a form, by the word that its address carries.
NOTES = {
    "shipped": "Handed to the carrier.",
    "taken_back": "Taken back. Its items can be sent again, or the order be canceled.",
    "canceled": "Canceled. Money and stock go back.",
    "refunded": "Refunded.",
    "captured": "The money is taken.",
    "received": "Received: the refund is on its way.",
    "received-unpaid": "Received. No money went back: the order's page says why.",
    "approved": "Approved: the carrier fetches it, and the customer is told.",
    "rejected": "Rejected. The customer is told why.",
    "decided": "Decided. The order goes on from here by itself.",
    "saved": "Saved.",
    "sku-changed": "Saved. Units are counted by SKU: those under the old one stay there, until they are counted under"
    " the new one in Stock.",
    "created": "Created.",
    "removed": "Removed.",
    "adjusted": "Stock adjusted.",
    "marked": "The low mark is set.",
    "moved": "Moved.",
    "announced": "Announced: reservations are granted many at a time until then.",
    "called-off": "Called off.",
    "explained": "Explained. It stays on record.",
    "trying": "Asked for. A worker goes on with it within seconds; reload to see what came of it.",
    "mail-queued": "It is sent within seconds; reload to see what came of it.",
    "mail-sent": "It was sent meanwhile.",
    "moved-on": "It has gone on by itself meanwhile.",
    "role-given": "Given. It counts at once.",
    "role-taken": "Taken away. It is gone at once, on every device.",
    "signed-out": "You are signed out.",
    "ended": "That session has ended.",
    "replaying": "Asked for. A worker acts on it within seconds; reload to see what came of it.",
    "voided": "Taken back. The card pays for nothing any more.",
    "given": "Given. It pays first when they ask for it at the checkout.",
    "withdrawn": "Taken back.",
    "gone": "Nothing was left to replay.",
}


class Desk:
    """Where a page gets its frame. Every answer is private to this person and never kept."""

    def __init__(self, request: AnyRequest, settings: Settings) -> None:
        self.request = request
        self.settings = settings
        self.caller: Caller = request.scope["state"]["caller"]

    @property
    def actor(self) -> str:
        """Who signs for what is done here."""
        return self.caller.signed_in()

    def may(self, duty: str) -> bool:
        return may(self.caller, duty)

    def asked(self, name: str, most: int = 300) -> str:
        """A value of the address, without blanks around it."""
        text: str = self.request.query_params.get(name, "")
        return text.strip()[:most].replace("\0", "")

    def page(self, name: str, *, status: int = 200, **facts: Any) -> Response[str]:
        """A page in its frame."""
        text = render(
            name,
            csrf=csrf_token(self.request),
            me=self.caller,
            may=duties(self.caller),
            path=self.request.url.path.rstrip("/"),
            request_query=self.request.scope["query_string"].decode("latin-1"),
            said=NOTES.get(self.asked("said"), ""),
            **facts,
        )
        return dressed(Response(text, status_code=status, media_type="text/html"))

    def go(self, address: str) -> Response[Any]:
        """Lead on after a form."""
        return dressed(Response(None, status_code=303, headers={"Location": location(address)}))

    def once(self, fields: Typed) -> Idempotency:
        """The form's hidden key: sent twice, it has its effect once. Raises IdempotencyKeyMissing."""
        key = fields.get("key", "")[:100]
        if not key:
            raise IdempotencyKeyMissing()
        route = f"{self.request.method} {self.request.url.path}"
        return Idempotency(account=self.caller.account, key=key, fingerprint=fingerprint(route, canonical(fields)))


async def provide_desk(request: AnyRequest, settings: Settings) -> Desk:
    """The dependency `desk` of every page."""
    return Desk(request, settings)


def door(settings: Settings, identity: Identity) -> Callable[[AnyRequest], Awaitable[Response[Any] | None]]:
    """The before-request hook: forms of our own, a renewed session, and the duty that the route names.

    A route without `opt={"duty": …}` lets nobody in; `duty` None is for the door itself.
    """

    async def enter(request: AnyRequest) -> Response[Any] | None:
        check_origin(request, settings)
        caller = await renew(request, settings, identity)
        # The framework's own answer tells a page's methods, and has no duty.
        duty = None if request.method == "OPTIONS" else request.route_handler.opt["duty"]
        if duty is None:
            return None
        if caller.user_id is None:
            return dressed(Response(None, status_code=303, headers={"Location": _door_of(request)}))
        if not may(caller, duty):
            raise Forbidden("Your role does not open this page")
        return None

    return enter


def _door_of(request: AnyRequest) -> str:
    # A form that met an expired session is not repeated by itself: its page is shown again instead.
    if request.method not in ("GET", "HEAD"):
        return DOOR
    query = request.scope["query_string"].decode("latin-1")
    return f"{DOOR}?next={quote(request.url.path + (f'?{query}' if query else ''), safe='')}"


def dressed(response: Response[Any]) -> Response[Any]:
    """The headers of every answer of the back office."""
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    return response


async def gently(call: Coroutine[Any, Any, T], otherwise: T) -> T:
    """A part of a page that may be missing: `otherwise` when its service does not answer."""
    try:
        return await call
    except DomainError as error:
        log.info("part of a page left out", error=error.detail)
        return otherwise


def told(error: DomainError) -> dict[str, str]:
    """A refusal as a form shows it: by field where the fault says so, the rest under `form`."""
    faults: dict[str, str] = {}
    for fault in error.facts.get("errors", []):
        faults.setdefault(fault["pointer"].strip("/").replace("/", ".") or "form", fault["detail"])
    return faults or {"form": error.detail}
