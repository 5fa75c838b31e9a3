"""The account: profile, password, addresses, devices, kept cards."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import Any

from litestar import Response, get, post

from haat.contracts.identity import (
    Address,
    AddressBookFull,
    AddressRef,
    ChangeProfile,
    EndSession,
    Identity,
    ListOfUser,
    OfUser,
    SaveAddress,
    SavedAddress,
    Session,
)
from haat.contracts.payments import CreditOf, ForgetMethod, MethodsOf, Payments
from haat.kit.idempotency import IdempotencyInFlight, fingerprint
from haat.kit.message import DomainError, NotFound, Page
from haat.web.storefront.forms import (
    LIMITS,
    STATES,
    WRONG_PASSWORD,
    Typed,
    address_in,
    fields_of,
    password_fault,
    phone_of,
    typed,
)
from haat.web.storefront.shell import Shop, gently

HERE = "/account"
GONE = "This address was taken out of your book meanwhile. Save it to put it in again."
CURRENT_MISSING = "Enter the one you have now"


@get("/account")
async def view_account(shop: Shop, identity: Identity, payments: Payments) -> Response[Any]:
    """Everything that is yours, on one page."""
    if shop.caller.user_id is None:
        return shop.go("/sign-in?next=/account")
    return await _page(shop, identity, payments)


@post("/account/profile")
async def change_profile(shop: Shop, identity: Identity, payments: Payments) -> Response[Any]:
    """Name, phone and password."""
    user_id = shop.caller.signed_in()
    fields = await typed(shop.request)
    phone, faults = _profile(fields)
    if not faults:
        ask = ChangeProfile(
            user_id=user_id,
            session_id=shop.caller.session_id,
            address=shop.caller.address,
            name=fields["name"],
            phone=phone,
            password=fields.get("password") or None,
            current_password=fields.get("current_password") or None,
        )
        try:
            await identity.change_profile(ask)
            return shop.go(f"{HERE}?said=saved")
        except DomainError as error:
            faults = {"current_password": WRONG_PASSWORD if error.status == 422 else error.detail}
    return await _page(shop, identity, payments, fields=fields, faults=faults, status=422)


@get("/account/addresses/new")
async def new_address_page(shop: Shop) -> Response[Any]:
    """An empty address form."""
    if shop.caller.user_id is None:
        return shop.go("/sign-in?next=/account")
    return await _address_form(shop, {}, {})


@get("/account/addresses/{address_id:str}")
async def address_page(address_id: str, shop: Shop, identity: Identity) -> Response[Any]:
    """An address to change."""
    if shop.caller.user_id is None:
        return shop.go("/sign-in?next=/account")
    book = await identity.addresses(ListOfUser(user_id=shop.caller.user_id))
    saved = next((each for each in book.data if each.id == address_id), None)
    if saved is None:
        raise NotFound("There is no such address in your book")
    fields = fields_of(saved.address) | ({"is_default": "1"} if saved.is_default else {})
    return await _address_form(shop, {**fields, "address_id": address_id}, {})


@post("/account/addresses")
async def save_address(shop: Shop, identity: Identity) -> Response[Any]:
    """Add an address or change one."""
    user_id = shop.caller.signed_in()
    fields = await typed(shop.request)
    address, faults = address_in(fields)
    if address is None:
        return await _address_form(shop, fields, faults, status=422)
    # A second click adds no second address; what was changed after the back button is another one.
    attempt, is_default = fields.get("attempt", ""), "is_default" in fields
    sent = fingerprint(attempt, repr((address, is_default)).encode())
    ask = SaveAddress(
        user_id=user_id,
        address=address,
        address_id=fields.get("address_id") or None,
        is_default=is_default,
        idempotency=shop.once(f"address:{sent}", "") if attempt else None,
    )
    try:
        # The first of two clicks may not be through yet: it is saving this very address.
        with suppress(IdempotencyInFlight):
            await identity.save_address(ask)
    except AddressBookFull as error:
        return await _address_form(shop, fields, {}, problem=error.detail, status=error.status)
    except NotFound:
        return await _address_form(shop, {**fields, "address_id": ""}, {}, problem=GONE, status=409)
    return shop.go(f"{HERE}?said=saved#addresses")


async def keep_address(shop: Shop, identity: Identity, address: Address, checkout_id: str) -> None:
    """Put what a member typed at the checkout into their book, unless it is there; no sale waits for the book."""
    user_id = shop.caller.signed_in()
    book = await gently(identity.addresses(ListOfUser(user_id=user_id)), None)
    if book is None or any(each.address == address for each in book.data):
        return
    sent = fingerprint("", repr(address).encode())
    ask = SaveAddress(
        user_id=user_id,
        address=address,
        is_default=not book.data,
        idempotency=shop.once(f"address:{checkout_id}:{sent}", ""),
    )
    await gently(identity.save_address(ask), None)


@post("/account/addresses/{address_id:str}/remove")
async def remove_address(address_id: str, shop: Shop, identity: Identity) -> Response[Any]:
    """Take an address out of the book; pressed twice it is out, too."""
    with suppress(NotFound):
        await identity.remove_address(AddressRef(user_id=shop.caller.signed_in(), address_id=address_id))
    return shop.go(f"{HERE}?said=saved#addresses")


@post("/account/sessions/{session_id:str}/end")
async def end_session(session_id: str, shop: Shop, identity: Identity) -> Response[Any]:
    """Sign out somewhere else, where somebody may have signed out meanwhile."""
    with suppress(NotFound):
        await identity.end_session(EndSession(user_id=shop.caller.signed_in(), session_id=session_id))
    return shop.go(f"{HERE}?said=ended#devices")


@post("/account/cards/{method_id:str}/forget")
async def forget_card(method_id: str, shop: Shop, payments: Payments) -> Response[Any]:
    """A kept card is forgotten."""
    await payments.forget_card(ForgetMethod(user_id=shop.caller.signed_in(), method_id=method_id))
    return shop.go(f"{HERE}?said=saved#cards")


async def _address_form(
    shop: Shop, fields: Typed, faults: dict[str, str], *, problem: str = "", status: int = 200
) -> Response[str]:
    return await shop.page(
        "address.html",
        status=status,
        fields=fields,
        faults=faults,
        problem=problem,
        states=STATES,
        address_id=fields.get("address_id", ""),
        attempt=secrets.token_urlsafe(12),
    )


def _profile(fields: Typed) -> tuple[str | None, dict[str, str]]:
    faults = {}
    if not fields.get("name"):
        faults["name"] = "Enter your name"
    elif len(fields["name"]) > LIMITS["name"]:
        faults["name"] = f"At most {LIMITS['name']} characters"
    phone, phone_fault = phone_of(fields.get("phone", ""))
    if phone_fault:
        faults["phone"] = phone_fault
    password = fields.get("password", "")
    fault = password_fault(password) if password else None
    if fault:
        faults["password"] = fault
    if password and not fields.get("current_password"):
        faults["current_password"] = CURRENT_MISSING
    return phone, faults


async def _page(
    shop: Shop,
    identity: Identity,
    payments: Payments,
    *,
    fields: Typed | None = None,
    faults: dict[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    me = ListOfUser(user_id=shop.caller.signed_in(), session_id=shop.caller.session_id)
    user, book, sessions, cards, credit = await asyncio.gather(
        identity.user(OfUser(user_id=me.user_id)),
        gently(identity.addresses(me), Page[SavedAddress](data=[])),
        gently(identity.sessions(me), Page[Session](data=[])),
        gently(payments.saved_cards(MethodsOf(user_id=me.user_id)), None),
        gently(payments.store_credit(CreditOf(user_id=me.user_id, currency=shop.settings.currency)), None),
    )
    return await shop.page(
        "account.html",
        status=status,
        user=user,
        book=book.data,
        sessions=sessions.data,
        cards=None if cards is None else cards.data,
        credit=credit,
        fields=fields or {"name": user.name, "phone": user.phone or ""},
        faults=faults or {},
    )


ROUTES = [
    view_account,
    change_profile,
    new_address_page,
    address_page,
    save_address,
    remove_address,
    end_session,
    forget_card,
]
