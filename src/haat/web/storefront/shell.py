"""What every page shares: the caller, the frame around the content, cookies, the content security policy."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog
from cachetools import TTLCache
from litestar import Response

from haat.contracts.cart import Cart, CartContents, CartView, Owner, ViewCart, bring_along, owner_of
from haat.contracts.catalog import Catalog, CategoryNode
from haat.contracts.recommendations import Click, Recommender, RecordClicks
from haat.kit.access import Caller
from haat.kit.clock import now
from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Nothing
from haat.settings import Settings
from haat.web.sessions import AnyRequest, csrf_token, put_cookie
from haat.web.storefront.templates import render
from haat.web.words import location

log = structlog.get_logger("haat.storefront")
CATEGORIES_SECONDS = 60
YEAR_SECONDS = 365 * 86_400
SEEN_KEPT = 12
NOBODY = "'none'"
# The token of the guest who sat here before somebody signed in.
GUEST, GUEST_SECONDS = "haat_guest", 86_400
# Pages about one person.
_OWN = ("/account", "/orders", "/wishlist")
# The menu of each catalogue that is asked here.
menus: TTLCache[Catalog, Sequence[CategoryNode]] = TTLCache(maxsize=4, ttl=CATEGORIES_SECONDS)
# The loop keeps only weak references to tasks.
_recording: set[asyncio.Task[object]] = set()


class Shop:
    """One request of a shopper: who they are, and how to answer them with a page or another address."""

    def __init__(self, request: AnyRequest, caller: Caller, settings: Settings, catalog: Catalog, cart: Cart) -> None:
        self.request = request
        self.caller = caller
        self.settings = settings
        self._catalog = catalog
        self._cart = cart
        # Asked while the handler asks for the rest of a page; an answer to a form asks afterwards, when it has changed.
        self._frame = asyncio.create_task(self._ask_frame()) if request.method == "GET" else None

    @property
    def owner(self) -> Owner:
        return owner_of(self.caller)

    @property
    def origin(self) -> str:
        """Scheme, host and port that the world knows this shop by."""
        return self.settings.shop_url

    @property
    def session(self) -> str:
        return str(self.request.scope["state"]["visit"])

    @property
    def hypermedia(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return self.request.headers.get("HX-Request") == "true"

    async def page(self, name: str, *, status: int = 200, framed: str = "", **facts: Any) -> Response[str]:
        """A page; `framed` is the one origin that may stand in a frame and be led to by a form."""
        categories, units = await (self._frame or asyncio.create_task(self._ask_frame()))
        text = render(
            name,
            csrf=csrf_token(self.request),
            caller=self.caller,
            categories=categories,
            units=units,
            origin=self.origin,
            path=self.request.url.path,
            said=_NOTES.get(self.request.query_params.get("said", ""), ""),
            **facts,
        )
        answer = Response(text, status_code=status, media_type="text/html")
        if self.request.url.path.startswith(_OWN):
            # Nor may the back button show it to whoever comes after its owner has signed out.
            answer.headers["Cache-Control"] = "private, no-store"
        return self._dressed(answer, framed)

    def part(self, name: str, *, status: int = 200, **facts: Any) -> Response[str]:
        """A piece of a page for htmx."""
        text = render(name, csrf=csrf_token(self.request), caller=self.caller, origin=self.origin, **facts)
        return self._dressed(Response(text, status_code=status, media_type="text/html"), "")

    def go(self, address: str) -> Response[None]:
        """Lead on after a form; `address` is one of ours unless the code says so."""
        if self._frame is not None:
            self._frame.cancel()
        return self._dressed(Response(None, status_code=303, headers={"Location": location(address)}), "")

    def lead(self, address: str | None) -> Response[None]:
        """The answer to a page's script that asks where to go on: nowhere yet, or there."""
        if self._frame is not None:
            self._frame.cancel()
        if address is None:
            return self._dressed(Response(None, status_code=204), "")
        return self._dressed(Response(None, status_code=200, headers={"HX-Redirect": address}), "")

    def file(self, body: bytes, media_type: str, name: str) -> Response[bytes]:
        """A file of this shopper's own, shown by the browser."""
        if self._frame is not None:
            self._frame.cancel()
        headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"}
        return Response(body, media_type=media_type, headers=headers)

    def set_cookie(self, name: str, value: str, seconds: int = YEAR_SECONDS) -> None:
        put_cookie(self.request, self.settings, name, value, seconds)

    def drop_cookie(self, *names: str) -> None:
        for name in names:
            put_cookie(self.request, self.settings, name, "", 0)

    @property
    def guest_token(self) -> str | None:
        """What opens the orders and payments of the guest who sat here last, or sits here still."""
        return self.caller.cart_token or self.request.cookies.get(GUEST) or None

    def keep_cart(self, view: CartView) -> None:
        """A guest's cart is found again by its cookie, which lives as long as the cart: a month after each change."""
        if view.token:
            self.set_cookie("haat_cart", view.token, 30 * 86_400)

    async def bring_cart(self, user_id: str) -> None:
        """What was put aside as a guest joins the user's cart; while that cannot be, it stays under its token."""
        if self.caller.cart_token is None or not await bring_along(self._cart, user_id, self.caller.cart_token):
            return
        self.drop_cookie("haat_cart")
        # What is being paid, and what was ordered, as a guest is still shown to this browser for a while.
        self.set_cookie(GUEST, self.caller.cart_token, GUEST_SECONDS)
        if self._frame is not None:
            self._frame.cancel()
            self._frame = asyncio.create_task(self._ask_frame())

    def once(self, what: str, body: str) -> Idempotency:
        """A form that is sent twice has its effect once: `what` names the form, `body` tells what it asked."""
        digest = hashlib.blake2b(body.encode(), digest_size=16).hexdigest()
        return Idempotency(account=self.caller.account, key=what[:200], fingerprint=digest)

    def record(
        self,
        recommender: Recommender,
        kind: Any,
        product_id: str | None = None,
        *,
        query: str = "",
        stars: int | None = None,
    ) -> None:
        """Tell the clickstream; never waited for, never failing the page."""
        click = Click(
            type=kind,
            at=now(),
            session_id=self.session,
            product_id=product_id,
            query=query[:200] if query else None,
            value=stars,
        )
        ask = RecordClicks(events=[click], user_id=self.caller.user_id)
        task: asyncio.Task[object] = asyncio.create_task(_quietly(recommender.record(ask)))
        _recording.add(task)
        task.add_done_callback(_recording.discard)

    def seen(self) -> list[str]:
        """Ids of the products looked at last, newest first."""
        cookie = self.request.cookies.get("haat_seen", "")
        return [each for each in cookie.split(".") if each.isascii() and 0 < len(each) <= 40][:SEEN_KEPT]

    def remember(self, product_id: str) -> None:
        others = [each for each in self.seen() if each != product_id]
        self.set_cookie("haat_seen", ".".join([product_id, *others][:SEEN_KEPT]), 90 * 86_400)

    async def _ask_frame(self) -> tuple[Sequence[CategoryNode], int]:
        return await asyncio.gather(self.categories(), self._units())

    async def categories(self) -> Sequence[CategoryNode]:
        """The tree, at most a minute old; empty when the catalogue does not answer."""
        menu = menus.get(self._catalog)
        if menu is None:
            try:
                menu = menus[self._catalog] = (await self._catalog.categories(Nothing())).data
            except DomainError:
                return []
        return menu

    async def _units(self) -> int:
        if self.caller.user_id is None and self.caller.cart_token is None:
            return 0
        try:
            contents = await self.contents()
        except DomainError:
            return 0
        return sum(line.quantity for line in contents.lines)

    async def contents(self) -> CartContents:
        """What lies in the shopper's cart."""
        return await self._cart.contents(ViewCart(owner=self.owner))

    def _dressed(self, response: Response[Any], framed: str) -> Response[Any]:
        dress(response, framed)
        return response


async def provide_shop(request: AnyRequest, caller: Caller, settings: Settings, catalog: Catalog, cart: Cart) -> Shop:
    """The dependency `shop` of every page."""
    return Shop(request, caller, settings, catalog, cart)


def dress(response: Response[Any], framed: str = "") -> None:
    """The headers of every page."""
    policy = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        f"form-action 'self' {framed}".rstrip(),
        f"frame-src {framed or NOBODY}",
    ]
    response.headers.setdefault("Content-Security-Policy", "; ".join(policy))
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    # A script's part of a page has the page's address: the back button must not show the one for the other.
    response.headers.setdefault("Vary", "HX-Request")


async def _quietly(call: Coroutine[Any, Any, object]) -> object:
    try:
        return await call
    except Exception as error:
        log.info("click not recorded", error=str(error))
        return None


async def gently(call: Coroutine[Any, Any, Any], otherwise: Any) -> Any:
    """A part of a page that may be missing: `otherwise` when its service does not answer."""
    try:
        return await call
    except DomainError as error:
        log.info("part of a page left out", error=str(error))
        return otherwise


_NOTES = {
    "welcome": "Welcome! Your account is ready.",
    "signed-in": "You are signed in.",
    "signed-out": "You are signed out. See you soon.",
    "added": "Added to your cart.",
    "removed": "Taken out of your cart.",
    "changed": "Your cart is up to date.",
    "saved": "Saved.",
    "wished": "It is on your wishlist.",
    "unwished": "Taken off your wishlist.",
    "wishes-full": "Your wishlist is full: please take something off it first.",
    "new-password": "Your new password is set. Please sign in with it.",
    "new-email": "Your new e-mail address counts from now on.",
    "review": "Thank you: your review is here.",
    "canceled": "Your order is cancelled. What you have paid goes back the way it came.",
    "canceling": "We are stopping your order. We mail you as soon as it is cancelled; until then it may still leave.",
    "return": "Your return is registered. We will mail you what happens next.",
    "ended": "That device is signed out.",
}
