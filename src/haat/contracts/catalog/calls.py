"""The calls of the catalogue."""

from __future__ import annotations

from collections.abc import AsyncIterator

from haat.contracts.catalog.categories import CategoryNode, SaveCategories
from haat.contracts.catalog.imports import Imported, ImportJob, ImportRaw, ImportRows, JobRef, StartImport
from haat.contracts.catalog.products import (
    ChangeProduct,
    CreateProduct,
    Product,
    RemoveProduct,
    TaxClasses,
)
from haat.contracts.catalog.reading import (
    Encoded,
    ForSale,
    ListProducts,
    ProductLines,
    ProductRef,
    Products,
    ScanProducts,
    Skus,
    VariantsForSale,
    VariantsOfSkus,
)
from haat.contracts.catalog.reviews import Review, ReviewsOf, WriteReview
from haat.kit.message import Nothing, Page
from haat.kit.rpc import Contract, promise


class Catalog(Contract):
    """The catalogue. Reads of the public pages come ready encoded."""

    @promise(safe_to_repeat=True)
    async def product(self, ask: ProductRef) -> Product: ...
    @promise(safe_to_repeat=True)
    async def product_page(self, ask: ProductRef) -> Encoded: ...
    @promise(safe_to_repeat=True)
    async def products(self, ask: Products) -> Page[Product]: ...
    @promise(safe_to_repeat=True)
    async def list_products(self, ask: ListProducts) -> Encoded: ...
    @promise(safe_to_repeat=True, timeout_seconds=30)
    async def scan_products(self, ask: ScanProducts) -> ProductLines: ...
    @promise(safe_to_repeat=True)
    async def categories(self, ask: Nothing) -> Page[CategoryNode]: ...
    @promise(safe_to_repeat=True)
    async def category_page(self, ask: Nothing) -> Encoded: ...
    @promise(safe_to_repeat=True)
    async def variants_for_sale(self, ask: VariantsForSale) -> Page[ForSale]: ...
    @promise(safe_to_repeat=True)
    async def variants_of_skus(self, ask: VariantsOfSkus) -> Page[ForSale]: ...
    @promise(safe_to_repeat=True)
    async def known_skus(self, ask: Skus) -> Skus: ...
    @promise(safe_to_repeat=True)
    async def tax_classes(self, ask: Nothing) -> TaxClasses: ...
    @promise(safe_to_repeat=True)
    async def save_tax_classes(self, ask: TaxClasses) -> Nothing: ...
    async def create_product(self, ask: CreateProduct) -> Product: ...
    async def change_product(self, ask: ChangeProduct) -> Product: ...
    async def remove_product(self, ask: RemoveProduct) -> Nothing: ...
    @promise(safe_to_repeat=True, timeout_seconds=60)
    async def import_rows(self, ask: ImportRows) -> Imported: ...
    @promise(safe_to_repeat=True, timeout_seconds=60)
    async def import_raw(self, ask: ImportRaw) -> Imported: ...
    @promise(timeout_seconds=60)
    async def start_import(self, ask: StartImport) -> ImportJob: ...
    @promise(safe_to_repeat=True)
    async def import_job(self, ask: JobRef) -> ImportJob: ...
    @promise(safe_to_repeat=True, timeout_seconds=60)
    async def save_categories(self, ask: SaveCategories) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def reviews(self, ask: ReviewsOf) -> Page[Review]: ...
    async def write_review(self, ask: WriteReview) -> Review: ...


async def every_product(catalog: Catalog) -> AsyncIterator[bytes]:
    """Every product of every status as JSON lines, some at a time; they can be imported again."""
    after: str | None = ""
    while after is not None:
        found = await catalog.scan_products(ScanProducts(after=after, status=None))
        after = found.last_id
        if found.lines:
            yield found.lines
