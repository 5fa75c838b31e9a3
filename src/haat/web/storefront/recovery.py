"""Back into an account: a link by mail for a forgotten password or a new e-mail address."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from haat.contracts.identity import AskEmailChange, AskReset, ConfirmEmail, Identity, LinkRefused, ResetPassword
from haat.kit.message import DomainError
from haat.web.sessions import forget_tokens, keep_device
from haat.web.storefront.forms import WRONG_PASSWORD, Typed, email_fault, password_fault, typed
from haat.web.storefront.shell import Shop


@get("/forgot-password")
async def forgot_page(shop: Shop) -> Response[Any]:
    """Ask for a link."""
    fields = {"email": shop.request.query_params.get("email", "")[:254]}
    return await shop.page("forgot.html", fields=fields, faults={}, problem="", sent=False)


@post("/forgot-password")
async def forgot(shop: Shop, identity: Identity) -> Response[Any]:
    """The same page for an address that has an account and one that has none."""
    fields = await typed(shop.request)
    fault = email_fault(fields.get("email", ""))
    if fault:
        return await shop.page(
            "forgot.html", status=422, fields=fields, faults={"email": fault}, problem="", sent=False
        )
    try:
        await identity.ask_reset(AskReset(email=fields["email"][:254], address=shop.caller.address))
    except DomainError as error:
        return await shop.page(
            "forgot.html", status=error.status, fields=fields, faults={}, problem=error.detail, sent=False
        )
    return await shop.page("forgot.html", fields=fields, faults={}, problem="", sent=True)


@get("/reset-password")
async def reset_page(shop: Shop) -> Response[Any]:
    """The link of the mail. Nothing is used up by looking: mail programs look at links too."""
    return await _reset_page(shop, shop.request.query_params.get("token", "")[:200], {})


@post("/reset-password")
async def reset(shop: Shop, identity: Identity) -> Response[Any]:
    """The new password; every device is signed out, this one too."""
    fields = await typed(shop.request)
    token, password = fields.get("token", "")[:200], fields.get("password", "")
    fault = password_fault(password)
    if fault:
        return await _reset_page(shop, token, {"password": fault}, status=422)
    try:
        known = await identity.reset_password(ResetPassword(token=token or "-", password=password))
    except LinkRefused as error:
        return await shop.page("link_over.html", status=error.status, onward="/forgot-password")
    except DomainError as error:
        return await _reset_page(shop, token, {"password": error.detail}, status=error.status)
    forget_tokens(shop.request, shop.settings)
    keep_device(shop.request, shop.settings, known.device)
    return shop.go("/sign-in?said=new-password")


@post("/account/email")
async def change_email(shop: Shop, identity: Identity) -> Response[Any]:
    """Ask for a link to the new address; the account keeps the old one until it is followed."""
    user_id = shop.caller.signed_in()
    fields = await typed(shop.request)
    faults = _email_faults(fields)
    if not faults:
        ask = AskEmailChange(user_id=user_id, email=fields["email"], current_password=fields["email_password"][:1024])
        try:
            await identity.ask_email_change(ask)
        except DomainError as error:
            faults = {"email_password": WRONG_PASSWORD if error.status == 422 else error.detail}
    if faults:
        return await shop.page("email.html", status=422, fields=fields, faults=faults, sent=False)
    return await shop.page("email.html", fields=fields, faults={}, sent=True)


@get("/account/email")
async def email_page(shop: Shop) -> Response[Any]:
    """With the mailed link's token a button that confirms, otherwise the form that asks for a link."""
    token = shop.request.query_params.get("token", "")[:200]
    if token:
        return await shop.page("email_confirm.html", token=token)
    if shop.caller.user_id is None:
        return shop.go("/sign-in?next=/account/email")
    return await shop.page("email.html", fields={}, faults={}, sent=False)


@post("/account/email/confirm")
async def confirm_email(shop: Shop, identity: Identity) -> Response[Any]:
    """The new address is the account's; every other device is signed out."""
    fields = await typed(shop.request)
    ask = ConfirmEmail(token=fields.get("token", "")[:200] or "-", session_id=shop.caller.session_id)
    try:
        await identity.confirm_email(ask)
    except LinkRefused as error:
        return await shop.page("link_over.html", status=error.status, onward="/account/email")
    return shop.go("/account?said=new-email" if shop.caller.user_id else "/sign-in?said=new-email")


def _email_faults(fields: Typed) -> dict[str, str]:
    faults = {}
    fault = email_fault(fields.get("email", ""))
    if fault:
        faults["email"] = fault
    if not fields.get("email_password"):
        faults["email_password"] = "Enter your password, so that we know it is you"  # noqa: S105 - words
    return faults


async def _reset_page(shop: Shop, token: str, faults: dict[str, str], status: int = 200) -> Response[str]:
    return await shop.page("reset.html", status=status, token=token, fields={}, faults=faults)


ROUTES = [forgot_page, forgot, reset_page, reset, change_email, email_page, confirm_email]
