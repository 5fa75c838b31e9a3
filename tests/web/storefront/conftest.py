"""The shop's pages over in-memory services, and a visitor with a cookie jar."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from haat.contracts.catalog import CategoryNode, CategoryRef, Image, Product, Rating, Variant
from haat.kit.money import Money
from haat.kit.problem import EXCEPTION_HANDLERS
from haat.settings import Settings
from haat.web.gateway.app import gateway
from haat.web.sessions import csrf_config
from haat.web.storefront import shell
from haat.web.storefront.app import page_errors, storefront
from tests.web.standing import Standing
from tests.web.storefront.neighbours import (
    MemoryCart,
    MemoryCatalog,
    MemoryIdentity,
    MemoryRecommender,
    MemorySearch,
)
from tests.web.storefront.ordering import MemoryCheckouts, MemoryOrders, MemoryPayments

SHOP = "http://shop.test"
VAULT = "http://vault.test"


def product(number: int, title: str, rupees: int, *, brand: str = "Nimbora", category: str = "laptops") -> Product:
    """A product in two sizes; the second is sold out."""
    path = ["electronics", category]
    variants = [
        Variant(
            id=f"var_{number}{size}",
            sku=f"SKU-{number}-{size}",
            options={"Size": size},
            price=Money(rupees * 100),
            available=available,
            compare_at=Money(rupees * 125),
        )
        for size, available in (("S", 3), ("M", 0))
    ]
    return Product(
        id=f"prd_{number}",
        slug=title.lower().replace(" ", "-"),
        title=title,
        description=f"{title} <b>described</b>",
        brand=brand,
        category=CategoryRef(id=category, slug=category, path=path, title=category.capitalize()),
        price=variants[0].price,
        images=[Image(url=f"/media/{number:040x}/800.jpg", alt=title, width=1200, height=1200)],
        variants=variants,
        attributes={"ram_gb": 16, "backlit": True},
        rating=Rating(average=4.5, count=2),
    )


PRODUCTS = [
    product(1, "Book 14 laptop", 45_999),
    product(2, "Book 15 laptop", 89_999),
    product(3, "Brass lamp", 999, brand="Deepak", category="lamps"),
]


def tree() -> list[CategoryNode]:
    leaves = [
        CategoryNode(id=slug, slug=slug, title=slug.capitalize(), path=["electronics", slug], count=n, children=[])
        for slug, n in (("laptops", 2), ("lamps", 1))
    ]
    top = CategoryNode(
        id="electronics", slug="electronics", title="Electronics", path=["electronics"], count=3, children=leaves
    )
    return [top]


class Neighbours:
    """Everything behind the pages."""

    def __init__(self) -> None:
        self.catalog = MemoryCatalog(PRODUCTS, tree())
        self.search = MemorySearch(PRODUCTS)
        self.recommendations = MemoryRecommender(PRODUCTS)
        self.cart = MemoryCart(self.catalog)
        self.orders = MemoryOrders()
        self.checkout = MemoryCheckouts(self.cart, self.orders)
        self.identity = MemoryIdentity()
        self.payments = MemoryPayments()


class Visitor:
    """A browser without script: follows nothing by itself, keeps cookies, sends forms with their token."""

    def __init__(self, client: AsyncTestClient[Any], behind: Neighbours) -> None:
        self.client = client
        self.behind = behind

    async def see(self, path: str, **headers: str) -> Any:
        return await self.client.get(path, headers={"Accept": "text/html", **headers}, follow_redirects=False)

    async def send(self, path: str, *, origin: str = SHOP, **fields: str) -> Any:
        page = await self.see("/sign-in?next=/")
        found = re.search(r'name="_csrf_token" value="([0-9a-f]+)"', page.text)
        token = found[1] if found else (await self._token())
        return await self.client.post(
            path,
            data={"_csrf_token": token, **{name.replace("__", "."): value for name, value in fields.items()}},
            headers={"Accept": "text/html", "Origin": origin},
            follow_redirects=False,
        )

    async def _token(self) -> str:
        page = await self.see("/account")
        found = re.search(r'name="_csrf_token" value="([0-9a-f]+)"', page.text)
        assert found is not None
        return found[1]

    async def register(self) -> None:
        """An account of one's own, signed in."""
        answer = await self.send("/register", name="Asha Rao", email="asha@example.com", password="namaste-haat")
        assert answer.status_code == 303

    async def take_laptop(self) -> None:
        """A laptop into the cart."""
        answer = await self.send("/cart/items", product="book-14-laptop", o__Size="S", quantity="1")
        assert answer.status_code == 303


@lru_cache
def _shop(public_url: str, payment_provider: str) -> tuple[Any, Standing[Neighbours]]:
    """The demo shop's application, and who stands behind it."""
    standing = Standing(Neighbours())
    settings = Settings(
        public_url=public_url,
        vault_public_url=VAULT,
        service_secret="only-for-tests-" + "x" * 32,
        environment="test",
        payment_provider=payment_provider,
    )
    neighbours = standing.neighbours()
    app = gateway(
        [storefront(settings, neighbours["identity"])],
        neighbours,
        {"settings": settings},
        csrf=csrf_config(settings),
        on_error=page_errors(EXCEPTION_HANDLERS),
    )
    return app, standing


@asynccontextmanager
async def visiting(public_url: str = SHOP, payment_provider: str = "sandbox") -> AsyncIterator[Visitor]:
    """A visitor of the demo shop, at this address and with these payment providers."""
    app, standing = _shop(public_url, payment_provider)
    standing.behind = Neighbours()
    shell.menus.clear()
    async with AsyncTestClient(app, base_url=SHOP) as client:
        yield Visitor(client, standing.behind)


@pytest.fixture
async def visitor(request: pytest.FixtureRequest) -> AsyncIterator[Visitor]:
    """A visitor of the demo shop, or of one that has other payment providers."""
    async with visiting(payment_provider=getattr(request, "param", "sandbox")) as one:
        yield one
