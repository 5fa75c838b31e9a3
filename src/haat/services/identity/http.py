"""`/v1/users`, `/v1/sessions` and the public keys."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import Parameter
from msgspec import UNSET, Meta, UnsetType

from haat.contracts.cart import Cart, bring_along
from haat.contracts.identity import (
    Address,
    AddressPatch,
    AddressRef,
    AskEmailChange,
    AskReset,
    ChangeAddress,
    ChangeProfile,
    ConfirmEmail,
    Email,
    EndSession,
    FindUsers,
    Identity,
    KeySet,
    LinkToken,
    ListOfUser,
    Name,
    OfUser,
    Password,
    Phone,
    Refresh,
    Register,
    ResetPassword,
    SaveAddress,
    SavedAddress,
    Session,
    SignIn,
    Tokens,
    User,
)
from haat.kit.access import Caller, needs_role, needs_user
from haat.kit.idempotency import Idempotency
from haat.kit.message import Message, NotFound, Nothing, Page
from haat.kit.problem import problems

JWKS_SECONDS = 300
SessionId = Annotated[str, Parameter(description="one of your sessions, `ses_…`")]
Cursor = Annotated[str | None, Parameter(max_length=1000, description="`next_cursor` of the page before")]
Limit = Annotated[int, Parameter(ge=1, le=100)]
AddressId = Annotated[str, Parameter(description="an address of your book, `adr_…`")]


class RegisterBody(Message, frozen=True):
    """A new account."""

    email: Email
    password: Password
    name: Name


class SignInBody(Message, frozen=True):
    """E-mail and password; `device_token` of the last sign-in here, so that others' guesses cannot lock you out."""

    email: Email
    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    device_token: Annotated[str, Meta(max_length=200)] = ""


class RefreshBody(Message, frozen=True):
    """The refresh token of the last answer."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=512)]


class TokenAnswer(Message, frozen=True):
    """An access token for `Authorization: Bearer …`, good for `expires_in` seconds, and what renews it.

    `device_token` comes with a sign-in: keep the newest for the next one on this device. It is good for 90 days, and
    no longer than the password.
    """

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    device_token: str | None = None


class ProfileBody(Message, frozen=True):
    """What is left out stays, and a null clears the phone; a new password needs the current one and ends every other
    session."""

    name: Name | None = None
    phone: Phone | UnsetType | None = UNSET
    password: Password | None = None
    current_password: Annotated[str, Meta(max_length=1024)] | None = None


class ResetBody(Message, frozen=True):
    """The e-mail address of an account."""

    email: Email


class NewPasswordBody(Message, frozen=True):
    """The token of the mailed link, and the password from now on."""

    token: LinkToken
    password: Password


class NewEmailBody(Message, frozen=True):
    """The new address, and the password that proves that it is you."""

    email: Email
    current_password: Annotated[str, Meta(min_length=1, max_length=1024)]


class ConfirmEmailBody(Message, frozen=True):
    """The token of the link that was mailed to the new address."""

    token: LinkToken


class AddressBody(Address, frozen=True):
    """An address; the first one is the default."""

    is_default: bool = False


class AddressView(Address, frozen=True, kw_only=True):
    """An address of the book."""

    id: str
    is_default: bool


@post("/v1/users", tags=["identity"], responses=problems(409, 422, 429))
async def register(data: RegisterBody, identity: Identity, caller: Caller, idempotency: Idempotency | None) -> User:
    """Open an account: 409 `email_taken` when there is one with this e-mail. Sign in afterwards."""
    ask = Register(
        email=data.email, password=data.password, name=data.name, address=caller.address, idempotency=idempotency
    )
    return await identity.register(ask)


@post("/v1/sessions", tags=["identity"], responses=problems(401, 422, 429))
async def sign_in(data: SignInBody, identity: Identity, cart: Cart, caller: Caller) -> Response[TokenAnswer]:
    """Sign in. The guest's cart named by `Cart-Token` joins the user's; that token is spent afterwards.

    An `Idempotency-Key` has no effect here, for no token is ever stored: after a lost answer sign in again.
    """
    ask = SignIn(
        email=data.email,
        password=data.password,
        address=caller.address,
        user_agent=caller.user_agent,
        device=data.device_token,
    )
    tokens = await identity.sign_in(ask)
    if caller.cart_token:
        await bring_along(cart, tokens.user_id, caller.cart_token)
    return _answer(tokens, 201)


@post("/v1/sessions/refresh", status_code=200, tags=["identity"], responses=problems(401, 422))
async def refresh(data: RefreshBody, identity: Identity, caller: Caller) -> Response[TokenAnswer]:
    """New tokens for the old refresh token, which is spent: used again later, it ends the session.

    When the answer was lost, the same request within ten seconds gives the same refresh token again: that stands in for
    an `Idempotency-Key`, which has no effect here.
    """
    return _answer(await identity.refresh(Refresh(refresh_token=data.refresh_token, address=caller.address)), 200)


@get("/v1/sessions", tags=["identity"], guards=[needs_user], responses=problems(401, 422))
async def list_sessions(identity: Identity, caller: Caller, cursor: Cursor = None, limit: Limit = 20) -> Page[Session]:
    """Where you are signed in, newest first."""
    ask = ListOfUser(user_id=caller.signed_in(), session_id=caller.session_id, cursor=cursor, limit=limit)
    return await identity.sessions(ask)


@delete("/v1/sessions/current", tags=["identity"], guards=[needs_user], responses=problems(401, 404))
async def sign_out(identity: Identity, caller: Caller) -> None:
    """Sign out: every token of this session is dead."""
    await identity.end_session(EndSession(user_id=caller.signed_in(), session_id=caller.session_id or ""))


@delete("/v1/sessions/{session_id:str}", tags=["identity"], guards=[needs_user], responses=problems(401, 404))
async def end_session(session_id: SessionId, identity: Identity, caller: Caller) -> None:
    """Sign out somewhere else."""
    await identity.end_session(EndSession(user_id=caller.signed_in(), session_id=session_id))


@get("/v1/users/me", tags=["identity"], guards=[needs_user], responses=problems(401, 404))
async def view_profile(identity: Identity, caller: Caller) -> User:
    """Your account."""
    return await identity.user(OfUser(user_id=caller.signed_in()))


@patch("/v1/users/me", tags=["identity"], guards=[needs_user], responses=problems(401, 404, 422, 429))
async def change_profile(data: ProfileBody, identity: Identity, caller: Caller) -> User:
    """Change name, phone or password."""
    ask = ChangeProfile(
        user_id=caller.signed_in(),
        session_id=caller.session_id,
        address=caller.address,
        name=data.name,
        phone=data.phone,
        password=data.password,
        current_password=data.current_password,
    )
    return await identity.change_profile(ask)


@post("/v1/password-resets", status_code=202, tags=["identity"], responses=problems(422, 429))
async def ask_reset(data: ResetBody, identity: Identity, caller: Caller, idempotency: Idempotency | None) -> None:
    """Have a link mailed that sets a new password; the answer is the same whether or not there is such an account."""
    await identity.ask_reset(AskReset(email=data.email, address=caller.address, idempotency=idempotency))


@post("/v1/password-resets/confirm", status_code=204, tags=["identity"], responses=problems(410, 422))
async def reset_password(data: NewPasswordBody, identity: Identity, idempotency: Idempotency | None) -> None:
    """Set a new password by the mailed link, which works once, for an hour; every session ends."""
    await identity.reset_password(ResetPassword(token=data.token, password=data.password, idempotency=idempotency))


@post("/v1/users/me/email", status_code=202, tags=["identity"], guards=[needs_user], responses=problems(401, 422, 429))
async def ask_email_change(
    data: NewEmailBody, identity: Identity, caller: Caller, idempotency: Idempotency | None
) -> None:
    """Have a link mailed to a new address; the account keeps the old one until the link is followed."""
    await identity.ask_email_change(
        AskEmailChange(
            user_id=caller.signed_in(),
            email=data.email,
            current_password=data.current_password,
            idempotency=idempotency,
        )
    )


@post("/v1/email-confirmations", status_code=200, tags=["identity"], responses=problems(409, 410, 422))
async def confirm_email(
    data: ConfirmEmailBody, identity: Identity, caller: Caller, idempotency: Idempotency | None
) -> User:
    """Follow the link that was mailed to a new address; every session but the one that asks ends."""
    ask = ConfirmEmail(token=data.token, session_id=caller.session_id, idempotency=idempotency)
    return await identity.confirm_email(ask)


@get("/v1/users/me/addresses", tags=["identity"], guards=[needs_user], responses=problems(401, 422))
async def list_addresses(
    identity: Identity, caller: Caller, cursor: Cursor = None, limit: Limit = 20
) -> Page[AddressView]:
    """Your address book, oldest first; it has room for 50."""
    page = await identity.addresses(ListOfUser(user_id=caller.signed_in(), cursor=cursor, limit=limit))
    return Page(data=[_view(saved) for saved in page.data], has_more=page.has_more, next_cursor=page.next_cursor)


@post("/v1/users/me/addresses", tags=["identity"], guards=[needs_user], responses=problems(401, 404, 409, 422))
async def add_address(
    data: AddressBody, identity: Identity, caller: Caller, idempotency: Idempotency | None
) -> AddressView:
    """Add an address."""
    ask = SaveAddress(
        user_id=caller.signed_in(),
        address=_address(msgspec.structs.asdict(data)),
        is_default=data.is_default,
        idempotency=idempotency,
    )
    return _view(await identity.save_address(ask))


@get("/v1/users/me/addresses/{address_id:str}", tags=["identity"], guards=[needs_user], responses=problems(401, 404))
async def view_address(address_id: AddressId, identity: Identity, caller: Caller) -> AddressView:
    """One address of your book."""
    book = await identity.addresses(ListOfUser(user_id=caller.signed_in()))
    for saved in book.data:
        if saved.id == address_id:
            return _view(saved)
    raise NotFound("There is no such address in the book")


@patch(
    "/v1/users/me/addresses/{address_id:str}",
    tags=["identity"],
    guards=[needs_user],
    responses=problems(401, 404, 422),
)
async def change_address(address_id: AddressId, data: AddressPatch, identity: Identity, caller: Caller) -> AddressView:
    """Change an address; `is_default: true` makes it the default in place of another."""
    ask = ChangeAddress(user_id=caller.signed_in(), address_id=address_id, patch=data)
    return _view(await identity.change_address(ask))


@delete("/v1/users/me/addresses/{address_id:str}", tags=["identity"], guards=[needs_user], responses=problems(401, 404))
async def remove_address(address_id: AddressId, identity: Identity, caller: Caller) -> None:
    """Take an address out of your book."""
    await identity.remove_address(AddressRef(user_id=caller.signed_in(), address_id=address_id))


@get("/.well-known/jwks.json", tags=["identity"], cache_control=None, responses=problems())
async def public_keys(identity: Identity) -> Response[KeySet]:
    """The keys that verify access tokens (JWKS): the current one, the next and the previous."""
    keys = await identity.keys(Nothing())
    return Response(keys, headers={"Cache-Control": f"public, max-age={JWKS_SECONDS}"})


@get("/v1/users", tags=["identity"], guards=[needs_role("support")], responses=problems(401, 403, 422))
async def find_users(
    identity: Identity,
    q: Annotated[str, Parameter(max_length=200, description="part of the e-mail or name")] = "",
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[User]:
    """Support staff: find accounts, newest first."""
    return await identity.find_users(FindUsers(text=q, cursor=cursor, limit=limit))


def _address(fields: dict[str, object]) -> Address:
    return msgspec.convert({name: value for name, value in fields.items() if name in _ADDRESS_FIELDS}, Address)


def _view(saved: SavedAddress) -> AddressView:
    return AddressView(id=saved.id, is_default=saved.is_default, **msgspec.structs.asdict(saved.address))


def _answer(tokens: Tokens, status: int) -> Response[TokenAnswer]:
    body = TokenAnswer(
        access_token=tokens.access_token,
        token_type=tokens.token_type,
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh_token,
        device_token=tokens.device or None,
    )
    return Response(body, status_code=status, headers={"Cache-Control": "no-store"})


_ADDRESS_FIELDS = {field.name for field in msgspec.structs.fields(Address)}

ROUTES = [
    register,
    sign_in,
    refresh,
    list_sessions,
    sign_out,
    end_session,
    view_profile,
    change_profile,
    ask_reset,
    reset_password,
    ask_email_change,
    confirm_email,
    list_addresses,
    add_address,
    view_address,
    change_address,
    remove_address,
    public_keys,
    find_users,
]
