"""The catalogue's writing use cases: products, categories, reviews, imports, stock as others tell it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec

from haat.contracts.catalog import (
    ChangeProduct,
    CreateProduct,
    Imported,
    ImportJob,
    ImportRaw,
    ImportRows,
    NewProduct,
    Product,
    ProductRef,
    ProductRemoved,
    ProductSaved,
    RemoveProduct,
    Review,
    SaveCategories,
    SlugTaken,
    StartImport,
    TaxClasses,
    WriteReview,
)
from haat.contracts.inventory import Inventory, Line, Receive, StockChanged
from haat.contracts.orders import BoughtBy, Orders
from haat.kit.database import Batch
from haat.kit.message import Invalid, NotFound, Nothing, Unavailable
from haat.kit.problem import Precondition
from haat.ports.cache import Cache
from haat.ports.documents import Document, Documents
from haat.services.catalog.batches import Importer, by_line
from haat.services.catalog.categories import CategoryWriter
from haat.services.catalog.model import Category, Record, changed, in_stock, page_of, product_faults, with_stock
from haat.services.catalog.reading import CatalogReading, invalid
from haat.services.catalog.store import CatalogStore
from haat.services.catalog.writing import Wanted, Writer, Written, check_version

IMPORT_ROWS = 500
IMPORT_BYTES = 50_000_000
# One cause for the first units of every SKU: however often an import is repeated, they are received once.
FIRST_UNITS = "catalog:first-units"


class CatalogService(CatalogReading):
    """What is written is a document, the pages made of it, and the events that tell it, in one transaction."""

    def __init__(
        self,
        store: CatalogStore,
        documents: Documents,
        cache: Cache,
        inventory: Inventory,
        orders: Orders,
        currency: str,
    ) -> None:
        super().__init__(store, cache)
        self._documents = documents
        self._inventory = inventory
        self._orders = orders
        self._currency = currency
        self._writer = Writer(store, documents)
        self._categories = CategoryWriter(store, cache)
        self._importer = Importer(store, self._writer, self._categories, currency)

    async def save_categories(self, ask: SaveCategories) -> Nothing:
        async with self._store.transaction() as transaction:
            renamed = await self._categories.save(transaction, ask.categories)
        tags = [f"{kind}:{product_id}" for product_id in renamed for kind in ("product", "sale")]
        await self._cache.invalidate("categories", "lists", *tags)
        return Nothing()

    async def save_tax_classes(self, ask: TaxClasses) -> Nothing:
        async with self._store.connection() as connection:
            await self._store.save_tax_classes(connection, ask.classes)
        return Nothing()

    async def create_product(self, ask: CreateProduct) -> Product:
        category = await self._checked(ask.product)
        async with self._store.transaction() as transaction:
            product = await transaction.replay(ask.idempotency, Product)
            if product is None:
                wanted = Wanted(product=ask.product, category=category)
                written = await self._writer.write(transaction, [wanted], ask.actor, merging=False)
                if written.faults:
                    raise SlugTaken()
                product = transaction.remember(written.created[0])
        await self._forget([product.id], lists=True)
        await self._receive([variant.sku for variant in ask.product.variants])
        return product

    async def change_product(self, ask: ChangeProduct) -> Product:
        while True:
            try:
                return await self._change(ask)
            except Precondition:
                if ask.version is not None:
                    raise
                # Somebody else's change came between: it is made of what there is now.

    async def _change(self, ask: ChangeProduct) -> Product:
        document = await self._document(ask.product_id)
        before = msgspec.convert(document.body, Record)
        new = changed(before, ask.changes)
        category = await self._checked(new, before)
        wanted = Wanted(
            product=new,
            category=category,
            product_id=ask.product_id,
            merged_on=document.version,
            read_at=ask.version,
        )
        async with self._store.transaction() as transaction:
            written = await self._writer.write(transaction, [wanted], ask.actor, merging=False)
            if written.faults:
                raise SlugTaken()
        (product,) = [*written.updated, *written.same]
        await self._forget([product.id], lists=True)
        await self._receive(written.due)
        return product

    async def remove_product(self, ask: RemoveProduct) -> Nothing:
        document = await self._document(ask.product_id)
        async with self._store.transaction() as transaction:
            locked = (await self._store.lock_products(transaction.connection, [ask.product_id])).get(ask.product_id)
            check_version(locked, document, ask.version)
            assert locked is not None
            await self._documents.delete([ask.product_id], joining=transaction.connection)
            await self._store.remove_product(transaction.connection, ask.product_id)
            transaction.publish(ProductRemoved(product_id=ask.product_id, version=locked.version + 1))
        await self._forget([ask.product_id], lists=True)
        return Nothing()

    async def import_rows(self, ask: ImportRows) -> Imported:
        if len(ask.rows) > IMPORT_ROWS:
            raise invalid("/rows", "out_of_range", f"at most {IMPORT_ROWS} rows")
        written = await self._importer.save(ask.rows, ask.actor)
        await self._settle(written)
        return Imported(created=len(written.created), updated=len(written.updated), faults=written.faults)

    async def import_raw(self, ask: ImportRaw) -> Imported:
        rows, faults = await self._importer.read(ask.rows, ask.options)
        done = await self.import_rows(ImportRows(rows=rows, actor=ask.actor))
        return Imported(created=done.created, updated=done.updated, faults=by_line([*faults, *done.faults]))

    async def start_import(self, ask: StartImport) -> ImportJob:
        if ask.format not in ("csv", "jsonl"):
            raise invalid("/format", "not_allowed", "csv or jsonl")
        if not 0 < len(ask.body) <= IMPORT_BYTES:
            raise invalid("", "out_of_range", f"a file of 1 to {IMPORT_BYTES} bytes")
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, ImportJob)
            if stored is not None:
                return stored
            return transaction.remember(await self._imports.add(transaction.connection, ask))

    async def run_imports(self) -> None:
        """Drive every open import to its end; jobs that another worker drives are left alone."""
        while True:
            async with self._store.connection() as connection:
                job = await self._imports.claim(connection)
            if job is None:
                return
            await self._importer.run(job, self._settle)

    async def write_review(self, ask: WriteReview) -> Review:
        product_id = (await self._page(ProductRef(ref=ask.product_id))).product_id
        verified = ask.verified or await self._bought(ask.user_id, product_id)
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Review)
            if stored is not None:
                return stored
            locked = (await self._store.lock_products(transaction.connection, [product_id])).get(product_id)
            if locked is None or locked.status != "published":
                # Withdrawn since it was looked up: told now, it would come back into search and lists.
                raise NotFound()
            review, stars = await self._reviews.save(transaction.connection, product_id, ask, verified)
            product = msgspec.structs.replace(locked.product, rating=stars.shown(), version=locked.version + 1)
            await self._store.save_pages(transaction.connection, [(product, page_of(product))])
            transaction.publish(ProductSaved(product=product))
            transaction.remember(review)
        await self._forget([product_id])
        return review

    async def take_stock(self, batch: Batch[StockChanged]) -> None:
        """New levels show on the pages. Levels are taken by their version: no inbox is needed to act once."""
        levels: dict[str, tuple[int, int]] = {}
        for event in batch.events:
            # A level that was rebuilt is told under the version it had: the later word counts.
            if event.sku not in levels or levels[event.sku][1] <= event.version:
                levels[event.sku] = (event.available, event.version)
        async with self._store.transaction() as transaction:
            available = await self._store.take_stock(transaction.connection, levels)
            locked = (
                await self._store.lock_products_of_skus(transaction.connection, list(available)) if available else []
            )
            pages = []
            for each in locked:
                product = with_stock(each.product, available)
                if product.status == "published" and in_stock(product) != in_stock(each.product):
                    product = msgspec.structs.replace(product, version=each.version + 1)
                    transaction.publish(ProductSaved(product=product))
                pages.append((product, page_of(product)))
            if pages:
                await self._store.save_pages(transaction.connection, pages)
        await self._forget([product.id for product, _ in pages])

    async def receive_due(self) -> None:
        """Hand the inventory the first units that a crash left behind."""
        await self._receive(None)

    async def _document(self, product_id: str) -> Document:
        found = await self._documents.get([product_id])
        if product_id not in found:
            raise NotFound("There is no such product")
        return found[product_id]

    async def _checked(self, product: NewProduct, before: Record | None = None) -> Category:
        """The category of a product to write. Raises Invalid with every fault of the product."""
        async with self._store.connection() as connection:
            found = await self._store.category(connection, product.category)
            classes = await self._store.tax_classes(connection)
        faults = product_faults(product, self._currency, classes, before)
        if found is None:
            faults = [*faults, {"pointer": "/category", "code": "not_found", "detail": "there is no such category"}]
        if faults or found is None:
            raise Invalid(errors=faults)
        return found

    async def _bought(self, user_id: str, product_id: str) -> bool:
        try:
            return (await self._orders.bought(BoughtBy(user_id=user_id, product_id=product_id))).bought
        except Unavailable:
            # A review is worth more than its mark.
            return False

    async def _settle(self, written: Written) -> None:
        """After a batch is saved."""
        await self._forget([product.id for product in (*written.created, *written.updated)], lists=True)
        await self._receive(written.due)

    async def _receive(self, skus: list[str] | None) -> None:
        """Hand the inventory the first units of these SKUs, or of all that wait for long."""
        if skus is not None and not skus:
            return
        async with self._store.connection() as connection:
            due = await self._store.stock_due(connection, skus)
        for actor, units in groupby(due, key=lambda each: each[2]):
            lines = [Line(sku=sku, quantity=quantity) for sku, quantity, _ in units]
            try:
                await self._inventory.receive(Receive(cause_id=FIRST_UNITS, lines=lines, actor=actor))
            except Unavailable:
                # They stay due: the sweep hands them over later.
                return
            async with self._store.connection() as connection:
                await self._store.stock_received(connection, [line.sku for line in lines])

    async def _forget(self, product_ids: Sequence[str], lists: bool = False) -> None:
        tags = [f"product:{product_id}" for product_id in product_ids]
        if tags:
            # Stock and ratings change what is shown, not what is sold: prices by variant outlive them.
            written = ["lists", *(f"sale:{product_id}" for product_id in product_ids)] if lists else []
            await self._cache.invalidate(*tags, *written)
