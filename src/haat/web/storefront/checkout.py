"""The checkout on one page: contact, delivery, payment; everything typed is kept whatever happens."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from litestar import Response, get, post

from haat.contracts.cart import Owner
from haat.contracts.checkout import (
    ChangeCheckout,
    Checkout,
    CheckoutRef,
    Checkouts,
    CheckoutStateError,
    Complete,
    EmptyCart,
    OpenCheckout,
)
from haat.contracts.identity import Identity, ListOfUser, OfUser, SavedAddress, User
from haat.contracts.payments import Method, MethodsOf, Payments, SavedCard
from haat.kit.idempotency import IdempotencyInFlight, fingerprint
from haat.kit.message import DomainError, NotFound, Page, Unauthenticated
from haat.web.storefront import credit as pays_first
from haat.web.storefront.account import keep_address
from haat.web.storefront.credit import Credit, credit_of, entered, purse_of, typing
from haat.web.storefront.forms import (
    STATES,
    Typed,
    address_in,
    billing_fields,
    billing_in,
    email_fault,
    fields_of,
    typed,
)
from haat.web.storefront.paying import ELSEWHERE, method_of, told_decline, told_refusal
from haat.web.storefront.shell import Shop, gently

COOKIE = "haat_checkout"
COOKIE_SECONDS = 2 * 86_400
METHODS = ("card", "upi", "wallet", "cod")
# What a checkout has come to when its order was asked for, and no other attempt may take its place.
PLACED = ("completing", "requires_action", "completed")
# The payment is with the provider, or was made while the shopper looked elsewhere: there is nothing to fill in.
BEYOND = ("completing", "completed")


@get("/checkout")
async def view_checkout(
    shop: Shop, checkout: Checkouts, identity: Identity, payments: Payments, token: str = "", declined: str = ""
) -> Response[Any]:
    """The whole checkout; `?token=` is a card that the vault's own page has taken."""
    try:
        current = await current_checkout(shop, checkout)
    except (EmptyCart, Unauthenticated) as error:
        return _nothing_to_buy(shop, error)
    if current.status in BEYOND:
        return shop.go(_payment_address(current))
    fields = {**fields_of(current.shipping_address), "payment": shop.request.cookies.get("haat_payment", "card")}
    if token:
        fields |= {"card_token": token[:200], "payment": "card"}
    problem = told_decline(declined or current.failure or "") if "declined" in shop.request.query_params else ""
    under_way = current.status == "requires_action"
    credit = await credit_of(shop, payments, purse_of(shop), current.totals.total, under_way=under_way)
    return await _page(shop, identity, payments, current, fields, credit, problem=problem)


@post("/checkout")
async def send_checkout(shop: Shop, checkout: Checkouts, identity: Identity, payments: Payments) -> Response[Any]:
    """`do=update` works out delivery and coupons, `do=gift` enters a gift card, `do=place` pays."""
    fields = await typed(shop.request)
    try:
        current = await current_checkout(shop, checkout, requote=False)
        if current.status in BEYOND:
            return shop.go(_payment_address(current))
        changed, faults = await _changed(shop, checkout, current, fields)
    except (EmptyCart, Unauthenticated) as error:
        return _nothing_to_buy(shop, error)
    except CheckoutStateError:
        # Its payment moved on between the look and the change.
        return shop.go(_payment_address(current))
    if changed.status in PLACED:
        return shop.go(_payment_address(changed))
    if fields.get("payment") in METHODS:
        shop.set_cookie("haat_payment", fields["payment"], COOKIE_SECONDS)
    credit, gift_fault = await entered(shop, payments, fields, changed.totals.total)
    gift_faults = {"gift_code": gift_fault} if gift_fault else {}
    if not gift_fault and not typing(shop, fields):
        fields = {**fields, "gift_code": ""}
    if fields.get("do") != "place":
        # Nothing to complain of yet: the shopper is still typing, and only asked what delivery costs.
        told = gift_faults | {name: fault for name, fault in faults.items() if fields.get(name)}
        status = 422 if gift_fault and not shop.hypermedia else 200
        return await _page(shop, identity, payments, changed, fields, credit, faults=told, status=status)
    method, payment_faults = credit.alone(), dict[str, str]()
    if method is None:
        method, payment_faults = method_of(fields, shop.settings.wallets)
    faults |= gift_faults | payment_faults | _requirement_faults(changed, faults)
    if faults:
        return await _page(shop, identity, payments, changed, fields, credit, faults=faults, status=422)
    note = _unseen(fields, changed, credit)
    if note:
        return await _page(shop, identity, payments, changed, fields, credit, note=note)
    if fields.get("keep_address") and shop.caller.user_id and changed.shipping_address:
        await keep_address(shop, identity, changed.shipping_address, changed.id)
    if method is None:
        return _to_vault(shop)
    return await _place(shop, checkout, identity, payments, changed, fields, credit, credit.before(method))


def _unseen(fields: Typed, current: Checkout, credit: Credit) -> str:
    """What the shopper has not seen yet of what they are to pay, "" when they have seen it all."""
    if fields.get("seen_total") != str(current.totals.total.amount):
        return "The total has changed, because delivery or a price is new. Please look at it once more, then pay."
    if fields.get("seen_credit", "0") != str(credit.paid.amount):
        return "What is left to pay has changed with your gift cards or store credit. Please look at it, then pay."
    return ""


async def _place(
    shop: Shop,
    checkout: Checkouts,
    identity: Identity,
    payments: Payments,
    current: Checkout,
    fields: Typed,
    credit: Credit,
    method: Method,
) -> Response[Any]:
    attempt = fields.get("attempt", "")[:100]
    ask = Complete(
        owner=shop.owner,
        checkout_id=current.id,
        payment=method,
        # Of a page that the back button brought again, another way to pay is another attempt.
        idempotency=shop.once(f"page:{current.id}:{fingerprint('', repr(method).encode())}:{attempt}", ""),
        return_url=f"{shop.origin}/checkout/{current.id}/payment",
        network_address=shop.caller.address,
    )
    try:
        done = await checkout.complete(ask)
    except (IdempotencyInFlight, CheckoutStateError):
        return shop.go(_payment_address(current))
    except DomainError as error:
        # A spent token is of no use any more; everything else stays as it was typed.
        kept = {name: value for name, value in fields.items() if name != "card_token"}
        fresh = await current_checkout(shop, checkout)
        if fresh.status in PLACED:
            # Only the answer was lost: nobody can say yet whether it was charged.
            return shop.go(_payment_address(fresh))
        problem = told_refusal(error)
        again = await credit_of(shop, payments, credit.purse, fresh.totals.total)
        return await _page(shop, identity, payments, fresh, kept, again, problem=problem, status=error.status)
    if done.status == "completed" and done.order is not None:
        shop.drop_cookie(COOKIE, pays_first.COOKIE)
        return shop.go(f"/orders/{done.order.id}/thanks")
    return shop.go(_payment_address(current))


def _payment_address(current: Checkout) -> str:
    return f"/checkout/{current.id}/payment"


def _nothing_to_buy(shop: Shop, error: DomainError) -> Response[Any]:
    """Who had begun a checkout and is nobody now was signed out meanwhile: the cart is there once they are back."""
    signed_out = isinstance(error, Unauthenticated) and COOKIE in shop.request.cookies
    return shop.go("/sign-in?next=/checkout" if signed_out else "/cart")


@get("/checkout/{checkout_id:str}/payment")
async def payment_page(checkout_id: str, shop: Shop, checkout: Checkouts) -> Response[Any]:
    """What the shopper has to do to pay, and waiting until it is done; the provider leads back here."""
    current = await _followed(shop, checkout, checkout_id)
    onward = onward_address(current)
    if current.status == "completed":
        shop.drop_cookie(COOKIE, pays_first.COOKIE)
    if shop.hypermedia:
        return shop.lead(onward)
    if onward is not None:
        return shop.go(onward)
    return await shop.page("payment.html", checkout=current, action=current.action)


async def _followed(shop: Shop, checkout: Checkouts, checkout_id: str) -> Checkout:
    """A checkout of whoever sits here, also one that they began as a guest before they signed in."""
    try:
        return await checkout.checkout(CheckoutRef(owner=shop.owner, checkout_id=checkout_id))
    except NotFound:
        if shop.caller.user_id is None or shop.guest_token is None:
            raise
    return await checkout.checkout(CheckoutRef(owner=Owner(token=shop.guest_token), checkout_id=checkout_id))


@post("/checkout/{checkout_id:str}/cancel-payment")
async def cancel_payment(checkout_id: str, shop: Shop, checkout: Checkouts) -> Response[Any]:
    """Choose another way to pay: what was asked of the bank or app is withdrawn with the next attempt."""
    return shop.go("/checkout")


def onward_address(current: Checkout) -> str | None:
    """Where a checkout whose payment is settled leads; None while there is something to wait for."""
    if current.status == "completed" and current.order is not None:
        return f"/orders/{current.order.id}/thanks"
    if current.status in ("requires_action", "completing"):
        return None
    # Open without a failure: it was never tried, for another checkout of the same cart is in its way.
    why = current.failure or (ELSEWHERE if current.status == "open" else "expired")
    return f"/checkout?{urlencode({'declined': why})}"


async def current_checkout(shop: Shop, checkout: Checkouts, *, requote: bool = True) -> Checkout:
    """The checkout under way, with today's cart in it, or a new one; one that is BEYOND as it is. Raises EmptyCart.

    Without `requote` the one that this browser knows, whatever it has come to.
    """
    known = shop.request.cookies.get(COOKIE)
    if known:
        try:
            ref = CheckoutRef(owner=shop.owner, checkout_id=known[:100])
            current = await checkout.checkout(ref)
            if not requote:
                return current
            if current.status in ("open", "expired"):
                return await checkout.change(ChangeCheckout(owner=shop.owner, checkout_id=current.id, afresh=True))
            if current.status == "requires_action":
                # Back from a payment that was not finished: the checkout stays, the next attempt withdraws the old.
                return current
            if current.status == "completed" or (
                current.status == "completing" and await _holds_the_cart(shop, current)
            ):
                return current
        except (NotFound, CheckoutStateError):
            pass
    made = await checkout.open(OpenCheckout(owner=shop.owner, network_address=shop.caller.address))
    shop.set_cookie(COOKIE, made.id, COOKIE_SECONDS)
    return made


async def _holds_the_cart(shop: Shop, current: Checkout) -> bool:
    """Whether this checkout is about what lies in the cart now; who has chosen other things may buy them."""
    lines = [(line.variant_id, line.quantity) for line in (await shop.contents()).lines]
    return sorted(lines) == sorted((item.variant_id, item.quantity) for item in current.items)


async def _changed(
    shop: Shop, checkout: Checkouts, current: Checkout, fields: Typed
) -> tuple[Checkout, dict[str, str]]:
    """The checkout with all of the form that makes sense in it, and the faults of the rest.

    Pressed twice, the second press finds it taken by the first: then it comes back as it is, to be followed.
    """
    address, faults = address_in(fields)
    billing, billing_faults = billing_in(fields, address)
    faults |= billing_faults
    fault = email_fault(fields.get("email", ""))
    if fault:
        faults = {"email": fault, **faults}
    codes = [code.upper()[:40] for code in fields.get("coupon", "").replace(",", " ").split()][:10]
    if current.status == "requires_action":
        current = await checkout.cancel(CheckoutRef(owner=shop.owner, checkout_id=current.id))
    ask = ChangeCheckout(
        owner=shop.owner,
        checkout_id=current.id,
        email=None if fault else fields["email"],
        shipping_address=address,
        billing_address=billing,
        shipping_method=fields.get("shipping_method") or None,
        coupon_codes=codes,
    )
    try:
        return await checkout.change(ask), faults
    except CheckoutStateError:
        known = await checkout.checkout(CheckoutRef(owner=shop.owner, checkout_id=current.id))
        if fields.get("do") == "place" and known.status in PLACED:
            return known, faults
        opened = await checkout.open(
            OpenCheckout(
                owner=shop.owner,
                email=ask.email,
                shipping_address=address,
                billing_address=billing,
                shipping_method=ask.shipping_method,
                coupon_codes=codes,
                network_address=shop.caller.address,
            )
        )
        shop.set_cookie(COOKIE, opened.id, COOKIE_SECONDS)
        return opened, faults


def _requirement_faults(current: Checkout, known: dict[str, str]) -> dict[str, str]:
    """What the checkout itself still misses, under the name of the field that mends it."""
    names = {"/email": "email", "/shipping_address": "postal_code", "/shipping_method": "shipping_method"}
    found: dict[str, str] = {}
    told: set[str] = set()
    for each in current.requirements:
        name = names.get(each.pointer, "summary")
        if name not in known and not (name == "postal_code" and known):
            found[name] = each.detail
    for each in current.messages:
        if each.code == "price_changed":
            # Not to be mended, only to be seen: nobody pays a total that they have not seen.
            continue
        name = "coupon" if each.pointer == "/coupon_codes" else "summary"
        # Two coupons may be refused, and two things be short.
        found[name] = f"{found[name]}; {each.detail}" if name in told else each.detail
        told.add(name)
    return found


def _to_vault(shop: Shop) -> Response[None]:
    """Without script the card is typed on the vault's own page, which leads back here."""
    query = urlencode({"return_to": f"{shop.origin}/checkout"})
    return shop.go(f"{shop.settings.vault_public_url}/card-form?{query}")


async def _page(
    shop: Shop,
    identity: Identity,
    payments: Payments,
    current: Checkout,
    fields: Typed,
    credit: Credit,
    *,
    faults: dict[str, str] | None = None,
    problem: str = "",
    note: str = "",
    status: int = 200,
) -> Response[str]:
    user, book, cards = await _known(shop, identity, payments)
    shown = {**_prefilled(current, user, book), **fields}
    if "billing_asked" not in fields:
        shown |= billing_fields(current.billing_address, current.shipping_address)
        # Who has no address yet need not type it again next time; who has one may be buying for somebody else, and who
        # is back from the vault or the bank has said already whether to keep it.
        shown |= {} if book or current.shipping_address else {"keep_address": "1"}
    vault = shop.settings.vault_public_url or ""
    facts: dict[str, Any] = {
        "checkout": current,
        "credit": credit,
        "fields": shown,
        "faults": faults or {},
        "problem": problem,
        "note": note,
        "states": STATES,
        "book": book,
        "cards": cards,
        "vault": vault,
        "offered": shop.settings.payment_methods,
        "upi_by_id": shop.settings.upi_by_id,
        "wallets": shop.settings.wallets,
        "attempt": secrets.token_urlsafe(12),
    }
    if shop.hypermedia:
        return shop.part("parts/checkout_quote.html", **facts)
    parts = urlsplit(vault)
    return await shop.page("checkout.html", status=status, framed=f"{parts.scheme}://{parts.netloc}", **facts)


async def _known(
    shop: Shop, identity: Identity, payments: Payments
) -> tuple[User | None, list[SavedAddress], list[SavedCard]]:
    """What is known of a signed-in shopper."""
    if shop.caller.user_id is None:
        return None, [], []
    me = OfUser(user_id=shop.caller.user_id)
    user, book, cards = await asyncio.gather(
        gently(identity.user(me), None),
        gently(identity.addresses(ListOfUser(user_id=me.user_id)), Page[SavedAddress](data=[])),
        gently(payments.saved_cards(MethodsOf(user_id=me.user_id)), Page[SavedCard](data=[])),
    )
    return user, book.data, cards.data


def _prefilled(current: Checkout, user: User | None, book: list[SavedAddress]) -> Typed:
    fields: Typed = {}
    preferred = next((each for each in book if each.is_default), book[0] if book else None)
    fields |= fields_of(preferred.address if preferred else None)
    if user is not None:
        fields.setdefault("name", user.name)
        fields |= {"email": user.email}
        if user.phone:
            fields.setdefault("phone", user.phone)
    if current.email:
        fields["email"] = current.email
    fields |= {"coupon": " ".join(current.coupon_codes), "shipping_method": current.shipping_method or ""}
    return fields


ROUTES = [view_checkout, send_checkout, payment_page, cancel_payment]
