"""A catalogue on the real database, beside an inventory and an order book that remember in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from haat.contracts.catalog import (
    Catalog,
    CreateProduct,
    NewCategory,
    NewProduct,
    NewVariant,
    Product,
    SaveCategories,
    TaxClasses,
)
from haat.contracts.inventory import Inventory, Receive
from haat.contracts.orders import Bought, BoughtBy, Orders
from haat.engines.cache.memory import MemoryCache
from haat.engines.database.pool import PostgresDatabase
from haat.engines.documents.postgres import PostgresDocuments
from haat.kit.ids import new_id
from haat.kit.message import Nothing, Unavailable
from haat.kit.money import Money
from haat.kit.rpc import local
from haat.services.catalog.service import CatalogService
from haat.services.catalog.store import CatalogStore


class Shelf(Inventory):
    """Receives each SKU once per cause, as the inventory promises; `away` makes it not answer."""

    def __init__(self) -> None:
        self.received: dict[tuple[str, str], int] = {}
        self.away = False

    async def receive(self, ask: Receive) -> Nothing:
        if self.away:
            raise Unavailable()
        for line in ask.lines:
            self.received.setdefault((ask.cause_id, line.sku), line.quantity)
        return Nothing()

    def units(self, sku: str) -> int:
        """Units of a SKU, over all causes."""
        return sum(quantity for (_, each), quantity in self.received.items() if each == sku)


class Book(Orders):
    """Knows who bought what; `away` makes it not answer, and `meanwhile` happens before it does."""

    def __init__(self) -> None:
        self.bought_by: set[tuple[str, str]] = set()
        self.away = False
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def bought(self, ask: BoughtBy) -> Bought:
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.away:
            raise Unavailable()
        return Bought(bought=(ask.user_id, ask.product_id) in self.bought_by)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def store(database: PostgresDatabase) -> CatalogStore:
    return CatalogStore(database)


@pytest.fixture
def cache() -> MemoryCache:
    return MemoryCache()


@pytest.fixture
def service(
    database: PostgresDatabase, store: CatalogStore, cache: MemoryCache, shelf: Shelf, book: Book
) -> CatalogService:
    """The service itself, with a cache of its own."""
    documents = PostgresDocuments(database, "catalog.documents")
    return CatalogService(store, documents, cache, local(Inventory, shelf), local(Orders, book), "INR")


@pytest.fixture
async def catalog(service: CatalogService) -> Catalog:
    """The service as others call it, which has heard of a tax class."""
    catalog = local(Catalog, service)
    await catalog.save_tax_classes(TaxClasses(classes=["reduced"]))
    return catalog


@pytest.fixture
async def category(catalog: Catalog) -> str:
    """The slug of a fresh category, the leaf of three."""
    name = new_id("c").replace("_", "-")
    await catalog.save_categories(
        SaveCategories(
            categories=[
                NewCategory(slug=f"{name}-root", title=f"Home {name}"),
                NewCategory(slug=f"{name}-kitchen", title="Kitchen", parent_slug=f"{name}-root"),
                NewCategory(slug=name, title="Cups", parent_slug=f"{name}-kitchen"),
            ]
        )
    )
    return name


def fresh(word: str) -> str:
    """A word that no other test has used."""
    return f"{word}-{new_id('x')[2:]}"


@pytest.fixture
def a_product(category: str) -> Callable[..., NewProduct]:
    """Makes a product in the fresh category; any field can be given."""

    def make(*skus: str, **fields: Any) -> NewProduct:
        variants = [
            NewVariant(sku=sku, price=Money(14900 + 1000 * number), options={"colour": f"c{number}"}, stock=5)
            for number, sku in enumerate(skus or (fresh("CUP"),))
        ]
        given: dict[str, Any] = {"title": fresh("Clay cup"), "category": category, "variants": variants, **fields}
        return NewProduct(**given)

    return make


@pytest.fixture
def created(catalog: Catalog, a_product: Callable[..., NewProduct]) -> Callable[..., Any]:
    """Creates a product in the fresh category."""

    async def create(*skus: str, **fields: Any) -> Product:
        return await catalog.create_product(CreateProduct(product=a_product(*skus, **fields), actor="usr_staff"))

    return create
