"""SQL of products and categories.

Lock order: categories (one advisory lock), stock by SKU, products by id, then what belongs to them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from haat.contracts.catalog import STANDARD_TAX, Encoded, ForSale, Product, SlugTaken
from haat.kit.database import Connection, Database, Transaction
from haat.kit.ids import is_id
from haat.kit.money import Money
from haat.kit.sql import load_queries
from haat.services.catalog.model import Category, Record, Stars

queries = load_queries(Path(__file__).with_name("queries.sql"))
WHOLE_SHOP = ""
# What an id or a slug may look like: anything else is not there, and nothing odd reaches a query.
REF = re.compile(r"[a-z0-9_-]{1,200}")
_product = msgspec.json.Decoder(Product)


class Page(msgspec.Struct, frozen=True):
    """A ready product as stored; `former` when it was found by a slug that it had once."""

    product_id: str
    status: str
    encoded: Encoded
    former: bool = False


class Place(msgspec.Struct, frozen=True):
    """A place in a list that runs from new to old."""

    listed_at: datetime
    product_id: str


class Listed(msgspec.Struct, frozen=True):
    """Ready products of a list, in order."""

    pages: list[bytes]
    etags: list[str]
    places: list[Place]


class Shown(msgspec.Struct, frozen=True):
    """A product's read model, locked; the document tells the rest."""

    product_id: str
    version: int
    product: Product
    slug: str = ""
    status: str = ""
    category_id: str = ""
    listed_at: datetime | None = None
    reviewed: Stars = Stars()
    imported: Stars = Stars()


class Saved(msgspec.Struct, frozen=True):
    """Everything to write of one product."""

    record: Record
    category: Category
    product: Product
    encoded: Encoded
    listed_at: datetime
    imported: Stars
    old: Shown | None


class CatalogStore:
    """Products as rows and ready pages. Documents are the port's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction; raises SlugTaken when somebody else took a slug or SKU meanwhile."""
        try:
            async with self._database.transaction("catalog") as transaction:
                yield transaction
        except asyncpg.UniqueViolationError as error:
            raise SlugTaken() from error

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def page(self, connection: Connection, ref: str) -> Page | None:
        """A ready product by id, slug or former slug."""
        if not REF.fullmatch(ref):
            return None
        former = False
        if is_id(ref, "prd"):
            row = await queries.page_by_id(connection, product_id=ref)
        else:
            row = await queries.page_by_slug(connection, slug=ref)
            if row is None:
                row, former = await queries.page_by_old_slug(connection, slug=ref), True
        return None if row is None else Page(row[3], row[2], Encoded(body=row[0], etag=row[1]), former)

    async def pages(self, connection: Connection, ids: Sequence[str], any_status: bool) -> list[Product]:
        """Products by ids, in the order of the ids."""
        rows = queries.pages(connection, product_ids=list(ids))
        found = {row[0]: _product.decode(row[1]) async for row in rows if any_status or row[2] == "published"}
        return [found[product_id] for product_id in ids if product_id in found]

    async def list_page(
        self, connection: Connection, category: str | None, status: str, after: Place, count: int
    ) -> Listed:
        """Up to `count` ready products after a place; `category` is an id or slug, None for the whole shop."""
        if category is not None and not REF.fullmatch(category):
            return Listed([], [], [])
        place = {"listed_at": after.listed_at, "product_id": after.product_id, "count": count}
        if status != "published":
            found = queries.list_by_status(connection, status=status, **place)
        elif category is None or is_id(category, "cat"):
            found = queries.list_by_id(connection, category_id=category or WHOLE_SHOP, **place)
        else:
            found = queries.list_by_slug(connection, slug=category, **place)
        rows = [row async for row in found]
        return Listed([row[0] for row in rows], [row[1] for row in rows], [Place(row[2], row[3]) for row in rows])

    async def scan(
        self, connection: Connection, after: str, status: str | None, count: int
    ) -> tuple[list[bytes], str | None]:
        """Ready products in the order of ids, and the last id."""
        rows = [row async for row in queries.scan(connection, after=after, status=status, count=count)]
        return [row[1] for row in rows], rows[-1][0] if rows else None

    async def for_sale(
        self, connection: Connection, variant_ids: Sequence[str], product_ids: Sequence[str]
    ) -> list[ForSale]:
        """Published variants by id, and first variants by product."""
        rows = queries.for_sale(connection, variant_ids=variant_ids, product_ids=product_ids)
        return [_for_sale(row) async for row in rows]

    async def of_skus(self, connection: Connection, skus: Sequence[str]) -> list[ForSale]:
        """Published variants by SKU."""
        return [_for_sale(row) async for row in queries.of_skus(connection, skus=list(skus))]

    async def known_skus(self, connection: Connection, skus: Sequence[str]) -> list[str]:
        """Those of the SKUs that a product of any status has."""
        return [row[0] async for row in queries.known_skus(connection, skus=list(skus))]

    async def tax_classes(self, connection: Connection) -> list[str]:
        """Every class that a product may be given."""
        return [STANDARD_TAX, *[row[0] async for row in queries.tax_classes(connection) if row[0] != STANDARD_TAX]]

    async def save_tax_classes(self, connection: Connection, classes: Sequence[str]) -> None:
        await queries.save_tax_classes(connection, classes=list(classes))

    async def owners(
        self, connection: Connection, slugs: Sequence[str], skus: Sequence[str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Product ids by slug and by SKU."""
        by_slug: dict[str, str] = {}
        by_sku: dict[str, str] = {}
        async for row in queries.owners(connection, slugs=list(slugs), skus=list(skus)):
            (by_slug if row["kind"] == "slug" else by_sku)[row["word"]] = row["product_id"]
        return by_slug, by_sku

    async def lock_stock(self, connection: Connection, skus: Sequence[str]) -> dict[str, int]:
        """Levels as last heard, held until the end: news of these SKUs wait, and then find the product."""
        await queries.add_stock(connection, skus=list(skus))
        return {row["sku"]: row["available"] async for row in queries.lock_stock(connection, skus=list(skus))}

    async def take_stock(self, connection: Connection, levels: Mapping[str, tuple[int, int]]) -> dict[str, int]:
        """Take (available, version) by SKU where newer; the levels that changed."""
        rows = queries.take_stock(
            connection,
            skus=list(levels),
            availables=[available for available, _ in levels.values()],
            versions=[version for _, version in levels.values()],
        )
        return {row["sku"]: row["available"] async for row in rows}

    async def owe_stock(self, connection: Connection, units: Mapping[str, int], actor: str) -> None:
        """Note units by SKU that the inventory has to receive."""
        await queries.owe_stock(connection, skus=list(units), quantities=list(units.values()), actor=actor)

    async def stock_due(self, connection: Connection, skus: Sequence[str] | None) -> list[tuple[str, int, str]]:
        """What the inventory has not taken yet, of these SKUs or of long ago: SKU, units, actor."""
        rows = queries.stock_due(connection, skus=skus)
        return [(row["sku"], row["quantity"], row["actor"]) async for row in rows]

    async def stock_received(self, connection: Connection, skus: Sequence[str]) -> None:
        """The inventory has taken the units of these SKUs."""
        await queries.stock_received(connection, skus=list(skus))

    async def lock_products(self, connection: Connection, ids: Sequence[str]) -> dict[str, Shown]:
        """Read models by id."""
        return {
            row["product_id"]: Shown(
                row["product_id"],
                row["version"],
                _product.decode(row["page"]),
                row["slug"],
                row["status"],
                row["category_id"],
                row["listed_at"],
                Stars(row["review_sum"], row["review_count"]),
                Stars(row["imported_sum"], row["imported_count"]),
            )
            async for row in queries.lock_products(connection, product_ids=list(ids))
        }

    async def lock_products_of_skus(self, connection: Connection, skus: Sequence[str]) -> list[Shown]:
        """Read models of the products that have these SKUs."""
        rows = queries.lock_products_of_skus(connection, skus=list(skus))
        return [Shown(row["product_id"], row["version"], _product.decode(row["page"])) async for row in rows]

    async def lock_products_of_category(
        self, connection: Connection, category_id: str, after: str, count: int
    ) -> list[Shown]:
        """Read models of the products in a category and in those below it, in the order of ids."""
        rows = queries.lock_products_of_category(connection, category_id=category_id, after=after, count=count)
        return [Shown(row["product_id"], row["version"], _product.decode(row["page"])) async for row in rows]

    async def save_pages(self, connection: Connection, pages: Sequence[tuple[Product, Encoded]]) -> None:
        """Replace ready pages, and the versions with them."""
        await queries.save_pages(
            connection,
            product_ids=[product.id for product, _ in pages],
            versions=[product.version for product, _ in pages],
            pages=[encoded.body for _, encoded in pages],
            etags=[encoded.etag for _, encoded in pages],
        )

    async def save_products(self, connection: Connection, saved: Sequence[Saved], updated_at: datetime) -> None:
        """Write rows, variants, lists and former slugs of new and changed products."""
        ids = [each.product.id for each in saved]
        await queries.save_products(
            connection,
            product_ids=ids,
            slugs=[each.record.slug for each in saved],
            statuses=[each.record.status for each in saved],
            category_ids=[each.category.category_id for each in saved],
            versions=[each.product.version for each in saved],
            listed_ats=[each.listed_at for each in saved],
            updated_at=updated_at,
            pages=[each.encoded.body for each in saved],
            etags=[each.encoded.etag for each in saved],
            imported_sums=[each.imported.total for each in saved],
            imported_counts=[each.imported.count for each in saved],
        )
        variants = [row for each in saved for row in _variant_rows(each)]
        await queries.drop_variants(connection, product_ids=ids, kept=[row["variant_id"] for row in variants])
        await queries.save_variants(connection, variants=variants)
        await self._list(connection, saved)
        moved = [(each.old.slug, each.product.id) for each in saved if each.old and each.old.slug != each.record.slug]
        await queries.keep_old_slugs(
            connection,
            slugs=[slug for slug, _ in moved],
            product_ids=[product_id for _, product_id in moved],
            taken=[each.record.slug for each in saved],
        )

    async def _list(self, connection: Connection, saved: Sequence[Saved]) -> None:
        moved = [each for each in saved if each.old is None or _place(each) != _old_place(each.old)]
        known = [each.product.id for each in moved if each.old is not None]
        if known:
            await queries.unlist(connection, product_ids=known)
        if moved:
            await queries.list_products(connection, product_ids=[each.product.id for each in moved])

    async def remove_product(self, connection: Connection, product_id: str) -> None:
        """Forget a product with its variants, reviews and former slugs."""
        await queries.remove_product(connection, product_id=product_id)

    async def categories(self, connection: Connection) -> list[Category]:
        """All of them, parents before children, siblings in order."""
        return [_category(row) async for row in queries.categories(connection)]

    async def category(self, connection: Connection, ref: str) -> Category | None:
        """One by id or slug."""
        row = await queries.category(connection, ref=ref) if REF.fullmatch(ref) else None
        return None if row is None else _category(row)

    async def categories_of(
        self, connection: Connection, skus: Sequence[str], slugs: Sequence[str]
    ) -> dict[tuple[str, str], Category]:
        """The categories of the products that have these, by `("sku", SKU)` and `("slug", slug)`."""
        rows = queries.categories_of(connection, skus=list(skus), slugs=list(slugs))
        return {(row["kind"], row["word"]): _category(row) async for row in rows}

    async def category_counts(self, connection: Connection) -> dict[str, int]:
        """Published products by category id, descendants included."""
        return {row["category_id"]: row["products"] async for row in queries.category_counts(connection)}

    async def lock_categories(self, connection: Connection) -> None:
        """Be the only one who changes categories, until the end of the transaction."""
        await queries.lock_categories(connection)

    async def kept_categories(self, connection: Connection) -> dict[str, Category]:
        """Categories by id, which nobody changes until the end of the transaction."""
        await queries.keep_categories(connection)
        return {each.category_id: each for each in await self.categories(connection)}

    async def save_category(self, connection: Connection, category: Category) -> None:
        """Add a category, or give it another title and position."""
        await queries.save_category(connection, **msgspec.structs.asdict(category))


def _category(row: Any) -> Category:
    return Category(
        row["category_id"],
        row["slug"],
        row["title"],
        row["path"],
        row["ancestors"],
        row["parent_id"],
        row["position"],
    )


def _place(saved: Saved) -> tuple[str, str, datetime | None]:
    return saved.record.status, saved.category.category_id, saved.listed_at


def _old_place(old: Shown) -> tuple[str, str, datetime | None]:
    return old.status, old.category_id, old.listed_at


def _variant_rows(saved: Saved) -> list[dict[str, Any]]:
    record = saved.record
    return [
        {
            "variant_id": variant.variant_id,
            "product_id": saved.product.id,
            "position": position,
            "sku": variant.sku,
            "published": record.status == "published",
            "price_minor": variant.price.amount,
            "currency": variant.price.currency,
            "title": record.title,
            "slug": record.slug,
            "options": variant.options,
            "tax_class": record.tax_class,
            "hsn": record.hsn,
            "weight_grams": variant.weight_grams,
            "category_path": saved.category.path,
            "image_url": record.images[0].url if record.images else "",
        }
        for position, variant in enumerate(record.variants)
    ]


def _for_sale(row: Any) -> ForSale:
    return ForSale(
        variant_id=row[0],
        product_id=row[1],
        sku=row[2],
        title=row[3],
        slug=row[4],
        options=row[5],
        price=Money(row[6], row[7]),
        tax_class=row[8],
        hsn=row[9],
        weight_grams=row[10],
        category_path=row[11],
        image_url=row[12],
    )
