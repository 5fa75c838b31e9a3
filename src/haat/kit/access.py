"""Who is calling, and what a route demands of the caller."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from haat.kit.message import Forbidden, Message, Unauthenticated

if TYPE_CHECKING:
    # Contracts name the caller, too: who only speaks to a service need not load a server.
    from litestar.connection import ASGIConnection
    from litestar.handlers import BaseRouteHandler
    from litestar.types import Guard


class Caller(Message, frozen=True):
    """The caller of a public route: a signed-in user, a guest with a cart token, or nobody yet."""

    user_id: str | None = None
    session_id: str | None = None
    roles: Sequence[str] = []
    cart_token: str | None = None
    address: str = ""
    user_agent: str = ""

    def signed_in(self) -> str:
        """The user's id. Raises Unauthenticated."""
        if self.user_id is None:
            raise Unauthenticated()
        return self.user_id

    def has_role(self, role: str) -> bool:
        """Whether the caller has this role; owners have every role."""
        return role in self.roles or "owner" in self.roles

    @property
    def account(self) -> str:
        """Whose idempotency keys these are: the user, else the guest's cart, else the address.

        A digest of the cart's token: the token is a key, and accounts are stored.
        """
        if self.user_id is not None or self.cart_token is None:
            return self.user_id or f"address:{self.address}"
        return "guest:" + hashlib.blake2b(self.cart_token.encode(), digest_size=16).hexdigest()


async def needs_user(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard: the caller has signed in. Guards are async: the framework runs others in a thread, at each request."""
    connection.state.caller.signed_in()


def needs_role(role: str) -> Guard:
    """Guard: the caller has `role` (401 when not signed in, 403 without the role)."""

    async def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        caller: Caller = connection.state.caller
        caller.signed_in()
        if not caller.has_role(role):
            raise Forbidden(role=role)

    # The API's description reads it.
    check.role = role  # type: ignore[attr-defined]
    return check
