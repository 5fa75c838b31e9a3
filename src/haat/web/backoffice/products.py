"""The catalogue's list, with a search over what is published, and the categories that its forms offer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get

from haat.contracts.catalog import Catalog, CategoryNode, ListProducts, Product, ProductRef, Products
from haat.contracts.search import Search, SearchProducts
from haat.kit.message import DomainError, Nothing, Page, Unavailable
from haat.web.backoffice.desk import Desk, gently

STATES = ("published", "draft", "archived")
A_PAGE = 25
_pages = msgspec.json.Decoder(Page[Product])


@get("/products", duty="products")
async def list_products(desk: Desk, catalog: Catalog, search: Search) -> Response[Any]:
    """Newest first, by state and category; a search finds published products, and any by its id or slug."""
    status = desk.asked("status") if desk.asked("status") in STATES else "published"
    # The catalogue lists other states without a category only.
    category = desk.asked("category", 200) if status == "published" else ""
    text = desk.asked("q", 200)
    page, tree = await asyncio.gather(
        found(text, catalog, search) if text else _listed(desk, catalog, status, category),
        gently(categories(catalog), []),
    )
    return desk.page(
        "products.html", page=page, chosen=status, states=STATES, category=category, q=text, categories=tree
    )


async def _listed(desk: Desk, catalog: Catalog, status: str, category: str) -> Page[Product]:
    ask = ListProducts(
        category=category or None, cursor=desk.asked("cursor", 1000) or None, limit=A_PAGE, status=status
    )
    return _pages.decode((await catalog.list_products(ask)).body)


async def found(text: str, catalog: Catalog, search: Search) -> Page[Product]:
    """Products that match a text, the exact id or slug first. Raises Unavailable when there is nothing to tell."""
    exact, hits = await asyncio.gather(
        _exact(text, catalog), gently(search.search(SearchProducts(q=text, limit=A_PAGE)), None)
    )
    if exact is None and hits is None:
        # Not "nothing found": nobody has looked.
        raise Unavailable(service="search")
    ids = [card.id for card in hits.data] if hits else []
    known = (await catalog.products(Products(ids=ids, any_status=True))).data if ids else []
    by_id = {product.id: product for product in known}
    rest = [by_id[each] for each in ids if each in by_id and (exact is None or each != exact.id)]
    return Page(data=[*([exact] if exact else []), *rest])


async def _exact(text: str, catalog: Catalog) -> Product | None:
    try:
        return await catalog.product(ProductRef(ref=text, any_status=True))
    except DomainError:
        return None


async def categories(catalog: Catalog) -> list[tuple[str, str]]:
    """Slug and indented title of every category, in the tree's order."""
    tree = await catalog.categories(Nothing())
    return list(_flat(tree.data, 0))


def _flat(nodes: Sequence[CategoryNode], depth: int) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for node in nodes:
        rows.append((node.slug, "\u2003" * depth + node.title))
        rows += _flat(node.children, depth + 1)
    return rows


ROUTES = [list_products]
