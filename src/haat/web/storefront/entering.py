"""Sign in, register, sign out: cookies that scripts cannot read, and the guest's cart comes along."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from haat.contracts.identity import EmailTaken, EndSession, Identity, Register, SignIn
from haat.kit.message import DomainError
from haat.web.sessions import device_of, forget_tokens, keep_tokens
from haat.web.storefront.forms import LONGEST_PASSWORD, Typed, email_fault, inside, password_fault, typed
from haat.web.storefront.shell import GUEST, Shop, gently

NO_PASSWORD = "Enter your password"  # noqa: S105 - words, not a secret


@get("/sign-in")
async def sign_in_page(shop: Shop) -> Response[Any]:
    """E-mail and password."""
    target = inside(shop.request.query_params.get("next"))
    if shop.caller.user_id is not None:
        return shop.go(target)
    return await shop.page("sign_in.html", fields={"next": target}, faults={}, problem="")


@post("/sign-in")
async def sign_in(shop: Shop, identity: Identity) -> Response[Any]:
    """Wrong e-mail and wrong password are one answer."""
    fields = await typed(shop.request)
    faults = {}
    fault = email_fault(fields.get("email", ""))
    if fault:
        faults["email"] = fault
    if not fields.get("password"):
        faults["password"] = NO_PASSWORD
    problem = "" if faults else await _enter(shop, identity, fields)
    if not faults and not problem:
        return shop.go(_with_note(inside(fields.get("next")), "signed-in"))
    kept = {name: value for name, value in fields.items() if name != "password"}
    status = 422 if faults else 401
    return await shop.page("sign_in.html", status=status, fields=kept, faults=faults, problem=problem)


@get("/register")
async def register_page(shop: Shop) -> Response[Any]:
    """A new account."""
    target = inside(shop.request.query_params.get("next"))
    if shop.caller.user_id is not None:
        return shop.go(target)
    fields = {"next": target, "email": shop.request.query_params.get("email", "")[:254]}
    return await shop.page("register.html", fields=fields, faults={}, problem="")


@post("/register")
async def register(shop: Shop, identity: Identity) -> Response[Any]:
    """Open the account and sign in at once."""
    fields = await typed(shop.request)
    faults = register_faults(fields)
    taken = problem = ""
    if not faults:
        try:
            await identity.register(
                Register(
                    email=fields["email"],
                    password=fields["password"],
                    name=fields["name"],
                    address=shop.caller.address,
                )
            )
        except EmailTaken as error:
            # Sent twice, the form finds the account that it has opened: whoever knows its password is let in.
            taken = error.detail
        except DomainError as error:
            problem = error.detail
    if not faults and not problem:
        refused = await _enter(shop, identity, fields)
        problem = (taken or refused) if refused else ""
    if not faults and not problem:
        return shop.go(_with_note(inside(fields.get("next")), "welcome"))
    kept = {name: value for name, value in fields.items() if name != "password"}
    status = 422 if faults else 409
    return await shop.page("register.html", status=status, fields=kept, faults=faults, problem=problem)


@post("/sign-out")
async def sign_out(shop: Shop, identity: Identity) -> Response[None]:
    """This session's tokens are dead from here on."""
    caller = shop.caller
    if caller.user_id is not None and caller.session_id is not None:
        await gently(identity.end_session(EndSession(user_id=caller.user_id, session_id=caller.session_id)), None)
    forget_tokens(shop.request, shop.settings)
    # Whoever comes next to this browser is somebody else, also to what is recommended.
    shop.drop_cookie(GUEST, "haat_cart", "haat_checkout", "haat_credit", "haat_seen", "haat_session")
    return shop.go("/?said=signed-out")


def register_faults(fields: Typed) -> dict[str, str]:
    """Everything wrong with a new account's form."""
    faults = {}
    if not fields.get("name"):
        faults["name"] = "Enter your name"
    elif len(fields["name"]) > 120:
        faults["name"] = "At most 120 characters"
    fault = email_fault(fields.get("email", ""))
    if fault:
        faults["email"] = fault
    fault = password_fault(fields.get("password", ""))
    if fault:
        faults["password"] = fault
    return faults


async def _enter(shop: Shop, identity: Identity, fields: Typed) -> str:
    """Sign in and bring the guest's cart along; what went wrong in words."""
    caller = shop.caller
    ask = SignIn(
        email=fields["email"][:254],
        password=fields["password"][:LONGEST_PASSWORD],
        address=caller.address,
        user_agent=caller.user_agent,
        device=device_of(shop.request),
    )
    try:
        tokens = await identity.sign_in(ask)
    except DomainError as error:
        return error.detail
    keep_tokens(shop.request, shop.settings, tokens)
    await shop.bring_cart(tokens.user_id)
    if caller.cart_token:
        # The checkout of a guest, which nobody finds under the account.
        shop.drop_cookie("haat_checkout")
    return ""


def _with_note(address: str, note: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}said={note}"


ROUTES = [sign_in_page, sign_in, register_page, register, sign_out]
