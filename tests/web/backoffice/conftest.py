"""The back office in front of services in memory, and people of every role at its door."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import lru_cache
from html import unescape
from typing import Any

import httpx
import pytest

from haat.contracts.recommendations import Recommender
from haat.settings import Settings
from haat.web.backoffice import home
from haat.web.backoffice.app import backoffice
from haat.web.gateway.app import gateway
from haat.web.sessions import csrf_config
from tests.web.backoffice.books import MemoryCheckouts, MemoryPayments
from tests.web.backoffice.neighbours import (
    MemoryCatalog,
    MemoryFraud,
    MemoryIdentity,
    MemoryInventory,
    MemoryMedia,
    MemoryNotifications,
    MemoryOrders,
    MemoryParked,
    MemoryPromotions,
    MemorySearch,
    line,
)
from tests.web.standing import Standing

ORIGIN = "http://shop"
# What the application was made with: filled by a test, empty before each.
CHECKS: dict[str, Callable[[], Awaitable[object]]] = {}


class House:
    """Every neighbour, to look into."""

    def __init__(self) -> None:
        self.identity = MemoryIdentity()
        self.orders = MemoryOrders()
        self.payments = MemoryPayments()
        self.checkout = MemoryCheckouts([line(1, 3, 100_000)])
        self.catalog = MemoryCatalog()
        self.inventory = MemoryInventory()
        self.fraud = MemoryFraud()
        self.notifications = MemoryNotifications()
        self.promotions = MemoryPromotions()
        self.search = MemorySearch()
        # Only the system page asks it, and it takes any answer.
        self.recommendations = Recommender()
        self.media = MemoryMedia()
        self.parked = MemoryParked()
        CHECKS.clear()
        self.checks = CHECKS


class Person:
    """A browser with the cookies of one role."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def see(self, address: str) -> httpx.Response:
        return await self.client.get(address)

    async def send(
        self, address: str, *, origin: str = ORIGIN, pictures: Sequence[str] = (), **fields: str
    ) -> httpx.Response:
        """Post a form with the token of this browser and a key of its own, and with pictures of these names."""
        if "haat_csrf" not in self.client.cookies:
            await self.see("/admin/sign-in")
        data = {"_csrf_token": self.client.cookies["haat_csrf"], "key": "key-1", **fields}
        files = [("pictures", (name, b"a picture", "image/png")) for name in pictures]
        return await self.client.post(address, data=data, files=files or None, headers={"Origin": origin})


Enter = Callable[[str], Person]


def field(page: httpx.Response, name: str) -> str:
    """The value of a form's field on a page."""
    found = re.search(rf'name="{re.escape(name)}"[^>]*value="([^"]*)"', page.text)
    return unescape(found[1]) if found else ""


@pytest.fixture
def house() -> House:
    return House()


@lru_cache
def _office() -> tuple[Any, Standing[House]]:
    """The back office's application, and who stands behind it."""
    standing = Standing(House())
    settings = Settings(service_secret="only-for-tests", public_url=ORIGIN, environment="test")
    neighbours = {**standing.neighbours(), "checks": CHECKS}
    app = gateway(
        [backoffice(settings, neighbours["identity"])], neighbours, {"settings": settings}, csrf=csrf_config(settings)
    )
    return app, standing


@pytest.fixture
async def enter(house: House) -> AsyncIterator[Enter]:
    """Opens a browser signed in with a role, with `shopper`, or with nothing."""
    app, standing = _office()
    standing.behind = house
    home.figures.clear()
    clients: list[httpx.AsyncClient] = []

    def enter_(role: str = "") -> Person:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        cookies = {"haat_access": role} if role else {}
        clients.append(httpx.AsyncClient(transport=transport, base_url=ORIGIN, cookies=cookies))
        return Person(clients[-1])

    yield enter_
    for client in clients:
        await client.aclose()
