"""Reading the catalogue: pages and lists that are ready, categories, reviews, the state of imports."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from haat.contracts.catalog import (
    Catalog,
    CategoryNode,
    Encoded,
    ForSale,
    ImportJob,
    JobRef,
    ListProducts,
    Product,
    ProductLines,
    ProductRef,
    Products,
    Review,
    ReviewsOf,
    ScanProducts,
    Skus,
    TaxClasses,
    VariantsForSale,
    VariantsOfSkus,
)
from haat.kit.cursor import Moment, decode_cursor, paged
from haat.kit.message import Invalid, NotFound, Nothing
from haat.kit.message import Page as ListOf
from haat.ports.cache import Cache
from haat.services.catalog.categories import tree_page
from haat.services.catalog.import_store import ImportStore
from haat.services.catalog.model import list_page
from haat.services.catalog.review_store import ReviewStore
from haat.services.catalog.store import CatalogStore, Page, Place

CACHE_SECONDS = 5.0
# Whatever changes a product invalidates its page; a lost notice would be forgotten after this long.
PAGE_SECONDS = 30.0
COUNTS_SECONDS = 10.0
LONGEST_LIST = 100
NEWEST = Place(datetime(9999, 1, 1, tzinfo=UTC), "")
_product = msgspec.json.Decoder(Product)
_for_sale = msgspec.msgpack.Decoder(ForSale)
_tree = msgspec.json.Decoder(ListOf[CategoryNode])


class CatalogReading(Catalog):
    """Reads come from pages made ready when something is written."""

    def __init__(self, store: CatalogStore, cache: Cache) -> None:
        self._store = store
        self._cache = cache
        self._reviews = ReviewStore()
        self._imports = ImportStore()

    async def product_page(self, ask: ProductRef) -> Encoded:
        key = f"product:{ask.ref}"
        if not ask.any_status:
            cached = await self._cache.get(key)
            if cached is not None:
                return _unpacked(cached)
        read_at = self._cache.moment()
        page = await self._page(ask)
        # Another product may take a former slug, and would not know whose page is kept under it.
        if page.status == "published" and not page.former:
            tags = (f"product:{page.product_id}",)
            await self._cache.put(key, _packed(page.encoded), seconds=PAGE_SECONDS, tags=tags, read_at=read_at)
        return page.encoded

    async def product(self, ask: ProductRef) -> Product:
        page = await self.product_page(ask)
        return _product.decode(page.body)

    async def products(self, ask: Products) -> ListOf[Product]:
        async with self._store.connection() as connection:
            return ListOf(data=await self._store.pages(connection, ask.ids, ask.any_status))

    async def list_products(self, ask: ListProducts) -> Encoded:
        if not 1 <= ask.limit <= LONGEST_LIST:
            raise invalid("/limit", "out_of_range", f"1 to {LONGEST_LIST}")
        if ask.category is not None and ask.status != "published":
            raise invalid("/category", "not_allowed", f"products that are {ask.status} are listed without a category")
        filters = f"products:{ask.category or ''}:{ask.status}"
        after = _after(filters, ask.cursor)
        # First pages only: they are what most people see, and there are few of them.
        key = f"list:{ask.limit}:{filters}" if ask.cursor is None else None
        cached = await self._cache.get(key) if key else None
        if cached is not None:
            return _unpacked(cached)
        read_at = self._cache.moment()
        async with self._store.connection() as connection:
            found = await self._store.list_page(connection, ask.category, ask.status, after, ask.limit + 1)
            if not found.pages and ask.category and await self._store.category(connection, ask.category) is None:
                raise NotFound("There is no such category")
        places = paged(filters, found.places, ask.limit, lambda each: (each.listed_at, each.product_id))
        page = list_page(found.pages[: ask.limit], found.etags[: ask.limit], places.next_cursor)
        if key:
            tags = ("lists", *(f"product:{place.product_id}" for place in places.data))
            await self._cache.put(key, _packed(page), seconds=CACHE_SECONDS, tags=tags, read_at=read_at)
        return page

    async def scan_products(self, ask: ScanProducts) -> ProductLines:
        async with self._store.connection() as connection:
            pages, last_id = await self._store.scan(connection, ask.after, ask.status, max(1, min(ask.limit, 1_000)))
        return ProductLines(lines=b"".join(page + b"\n" for page in pages), last_id=last_id)

    async def variants_for_sale(self, ask: VariantsForSale) -> ListOf[ForSale]:
        kept = {each: await self._cache.get(f"sale:{each}") for each in ask.variant_ids}
        found = [_for_sale.decode(each) for each in kept.values() if each is not None]
        unknown = [variant_id for variant_id, each in kept.items() if each is None]
        if unknown or ask.product_ids:
            read_at = self._cache.moment()
            async with self._store.connection() as connection:
                fresh = await self._store.for_sale(connection, unknown, ask.product_ids)
            for each in fresh:
                tags = (f"sale:{each.product_id}",)
                packed = msgspec.msgpack.encode(each)
                await self._cache.put(
                    f"sale:{each.variant_id}", packed, seconds=CACHE_SECONDS, tags=tags, read_at=read_at
                )
            already = {each.variant_id for each in found}
            found += [each for each in fresh if each.variant_id not in already]
        return ListOf(data=found)

    async def variants_of_skus(self, ask: VariantsOfSkus) -> ListOf[ForSale]:
        async with self._store.connection() as connection:
            return ListOf(data=await self._store.of_skus(connection, ask.skus))

    async def known_skus(self, ask: Skus) -> Skus:
        async with self._store.connection() as connection:
            return Skus(skus=await self._store.known_skus(connection, ask.skus))

    async def tax_classes(self, ask: Nothing) -> TaxClasses:
        async with self._store.connection() as connection:
            return TaxClasses(classes=await self._store.tax_classes(connection))

    async def categories(self, ask: Nothing) -> ListOf[CategoryNode]:
        return _tree.decode((await self.category_page(ask)).body)

    async def category_page(self, ask: Nothing) -> Encoded:
        cached = await self._cache.get("categories")
        if cached is not None:
            return _unpacked(cached)
        read_at = self._cache.moment()
        async with self._store.connection() as connection:
            known = await self._store.categories(connection)
            counts = await self._store.category_counts(connection)
        page = tree_page(known, counts)
        await self._cache.put(
            "categories", _packed(page), seconds=COUNTS_SECONDS, tags=("categories",), read_at=read_at
        )
        return page

    async def reviews(self, ask: ReviewsOf) -> ListOf[Review]:
        if not 1 <= ask.limit <= LONGEST_LIST:
            raise invalid("/limit", "out_of_range", f"1 to {LONGEST_LIST}")
        product_id = (await self._page(ProductRef(ref=ask.product_id))).product_id
        filters = f"reviews:{product_id}"
        after = _after(filters, ask.cursor)
        async with self._store.connection() as connection:
            found = await self._reviews.newest(connection, product_id, after, ask.limit + 1)
        return paged(filters, found, ask.limit, lambda each: (each.created_at, each.id))

    async def import_job(self, ask: JobRef) -> ImportJob:
        async with self._store.connection() as connection:
            job = await self._imports.job(connection, ask.job_id)
        if job is None:
            raise NotFound("There is no such import")
        return job

    async def _page(self, ask: ProductRef) -> Page:
        async with self._store.connection() as connection:
            page = await self._store.page(connection, ask.ref)
        if page is None or not (ask.any_status or page.status == "published"):
            raise NotFound("There is no such product")
        return page


def invalid(pointer: str, code: str, detail: str) -> Invalid:
    """A refusal of one value."""
    return Invalid(errors=[{"pointer": pointer, "code": code, "detail": detail}])


def _packed(page: Encoded) -> bytes:
    return page.etag.encode() + b"\n" + page.body


def _unpacked(cached: bytes) -> Encoded:
    etag, _, body = cached.partition(b"\n")
    return Encoded(body=body, etag=etag.decode())


def _after(filters: str, cursor: str | None) -> Place:
    place = decode_cursor(filters, cursor, tuple[Moment, str])
    return Place(*place) if place else NEWEST
