"""A catalogue in memory, and short words for products."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from haat.contracts.catalog import (
    Catalog,
    CategoryNode,
    CategoryRef,
    Product,
    ProductLines,
    Products,
    Rating,
    ScanProducts,
    Variant,
)
from haat.contracts.identity import AccessToken, Identity, Principal
from haat.kit.ids import new_id
from haat.kit.message import Nothing, Page, Unauthenticated, encode
from haat.kit.money import Money

TREE = CategoryNode(
    id="cat_e",
    slug="electronics",
    title="Electronics",
    path=["electronics"],
    count=1,
    children=[
        CategoryNode(id="cat_l", slug="laptops", title="Laptops", path=["electronics", "laptops"], count=1, children=[])
    ],
)
LAPTOPS = CategoryRef(id="cat_l", slug="laptops", path=["electronics", "laptops"], title="Laptops")


def product(title: str, *, rupees: int = 45_000, available: int = 3, **fields: Any) -> Product:
    """A published laptop with one variant; any field can be given."""
    product_id = new_id("prd")
    price = Money(rupees * 100)
    given: dict[str, Any] = {
        "id": product_id,
        "slug": product_id.replace("_", "-"),
        "title": title,
        "description": "",
        "brand": "Vayu",
        "category": LAPTOPS,
        "price": price,
        "images": [],
        "variants": [
            Variant(id=new_id("var"), sku=product_id[4:], options={"Colour": "Grey"}, price=price, available=available)
        ],
        "attributes": {},
        "rating": Rating(average=4.5, count=10),
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        **fields,
    }
    return Product(**given)


class Shelves(Catalog):
    """The published products are those in `products`."""

    def __init__(self) -> None:
        self.on_shelf: dict[str, Product] = {}
        self.tree = TREE

    def put(self, *products: Product) -> None:
        self.on_shelf |= {each.id: each for each in products}

    async def scan_products(self, ask: ScanProducts) -> ProductLines:
        ids = sorted(each for each in self.on_shelf if each > ask.after)[: ask.limit]
        lines = b"".join(encode(self.on_shelf[each]) + b"\n" for each in ids)
        return ProductLines(lines=lines, last_id=ids[-1] if ids else None)

    async def products(self, ask: Products) -> Page[Product]:
        return Page(data=[self.on_shelf[each] for each in ask.ids if each in self.on_shelf])

    async def categories(self, ask: Nothing) -> Page[CategoryNode]:
        return Page(data=[self.tree])


class Nobody(Identity):
    """Signs nobody in."""

    async def authenticate(self, ask: AccessToken) -> Principal:
        raise Unauthenticated()
