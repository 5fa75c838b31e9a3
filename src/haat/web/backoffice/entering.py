"""In and out: staff sign in with the shop's own accounts."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from haat.contracts.identity import AccessToken, EndSession, Identity, SignIn
from haat.kit.access import Caller
from haat.kit.message import DomainError, Nothing
from haat.web.backoffice.desk import Desk, gently
from haat.web.backoffice.forms import inside, typed
from haat.web.backoffice.roles import is_staff
from haat.web.sessions import device_of, forget_tokens, keep_tokens

NO_STAFF = "This account is a shopper's. Only the staff can sign in here."


@get("/sign-in", duty=None)
async def sign_in_page(desk: Desk) -> Response[Any]:
    """E-mail and password."""
    target = inside(desk.asked("next"))
    if is_staff(desk.caller):
        return desk.go(target)
    return desk.page("sign_in.html", next=target, email="", faults={})


@post("/sign-in", duty=None, status_code=200)
async def sign_in(desk: Desk, identity: Identity) -> Response[Any]:
    """Wrong e-mail and wrong password are one answer; a shopper's account is refused kindly, and not signed in."""
    fields = await typed(desk.request)
    email, password = fields.get("email", "")[:254], fields.get("password", "")[:1024]
    target = inside(fields.get("next", ""))
    faults = {}
    if "@" not in email:
        faults["email"] = "Enter your e-mail address"
    if not password:
        faults["password"] = "Enter your password"  # noqa: S105 - words, not a secret
    if faults:
        return desk.page("sign_in.html", status=422, next=target, email=email, faults=faults)
    caller = desk.caller
    ask = SignIn(
        email=email,
        password=password,
        address=caller.address,
        user_agent=caller.user_agent,
        device=device_of(desk.request),
    )
    try:
        tokens = await identity.sign_in(ask)
        who = await identity.authenticate(AccessToken(token=tokens.access_token))
    except DomainError as error:
        return desk.page("sign_in.html", status=error.status, next=target, email=email, faults={"form": error.detail})
    if not is_staff(Caller(roles=who.roles)):
        await gently(identity.end_session(EndSession(user_id=who.user_id, session_id=who.session_id)), Nothing())
        return desk.page("sign_in.html", status=403, next=target, email=email, faults={"form": NO_STAFF})
    keep_tokens(desk.request, desk.settings, tokens)
    return desk.go(target)


@post("/sign-out", duty=None, status_code=200)
async def sign_out(desk: Desk, identity: Identity) -> Response[Any]:
    """This session's tokens are dead from here on."""
    caller = desk.caller
    if caller.user_id is not None and caller.session_id is not None:
        await gently(identity.end_session(EndSession(user_id=caller.user_id, session_id=caller.session_id)), Nothing())
    forget_tokens(desk.request, desk.settings)
    return desk.go("/admin/sign-in?said=signed-out")


ROUTES = [sign_in_page, sign_in, sign_out]
