"""A shop floor for the services that need the whole house, and people who sign in there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import httpx
import pytest

from haat.compose import House
from haat.contracts.cart import Cart
from haat.contracts.checkout import Checkouts
from haat.contracts.identity import EnsureStaff, Identity, SignIn
from haat.contracts.orders import Orders
from haat.kit.ids import new_id
from haat.services.cart import http as cart_http
from haat.services.checkout import http as checkout_http
from haat.services.identity import http as identity_http
from haat.services.orders import http as orders_http
from haat.web.gateway.app import gateway
from tests.services.shopfloor import Floor

PASSWORD = "a long enough password"


@pytest.fixture(scope="session")
async def floor(house: House) -> AsyncIterator[Floor]:
    async with aiohttp.ClientSession() as session:
        yield Floor(house, session)


@pytest.fixture(scope="session")
def people(house: House) -> Callable[..., Awaitable[tuple[str, dict[str, str]]]]:
    """Somebody with these roles: the user's id, and headers that say who is calling."""
    known: dict[tuple[str, ...], tuple[str, dict[str, str]]] = {}

    async def person(*roles: str) -> tuple[str, dict[str, str]]:
        # Signing in is slow by design, so staff of one role is one person for all tests; a shopper has a cart of
        # their own and is new each time.
        if roles not in known or not roles:
            identity, email = house.ask(Identity), f"{new_id('usr')}@example.com"
            staff = EnsureStaff(email=email, password=PASSWORD, name="Somebody", roles=list(roles))
            user = await identity.ensure_staff(staff)
            tokens = await identity.sign_in(SignIn(email=email, password=PASSWORD))
            known[roles] = user.id, {"Authorization": f"Bearer {tokens.access_token}"}
        return known[roles]

    return person


@pytest.fixture
async def shopfront(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the public API around cart, checkout, orders and identity."""
    asked = {"identity": Identity, "cart": Cart, "checkout": Checkouts, "orders": Orders}
    routes = [*cart_http.ROUTES, *checkout_http.ROUTES, *orders_http.ROUTES, *identity_http.ROUTES]
    app = gateway(routes, {name: house.ask(contract) for name, contract in asked.items()}, {})
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client
