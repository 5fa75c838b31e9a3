"""The index's writing side: what waits goes in, popularity follows, and the whole is rebuilt when it must be.

Runs in the background worker. A process that is not the worker holds the writer only for a rebuild it was asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from haat.contracts.catalog import Catalog, Product, Products, ScanProducts
from haat.contracts.search import Rebuilt
from haat.kit.clock import now
from haat.kit.ids import new_id
from haat.kit.message import Nothing, Unavailable
from haat.ports.text_search import (
    Applied,
    CategoryRef,
    IndexNotReady,
    ProductDocument,
    Removal,
    TextIndexWriter,
    WriterBusy,
)
from haat.services.search.model import by_slug, document_of, removal_version
from haat.services.search.store import Pending, SearchStore

log = structlog.get_logger("haat.search")
AT_ONCE = 2_000
SCAN = 500
POPULARITY_AT_ONCE = 1_000
ASK_AGAIN_SECONDS = 0.2
PATIENCE_SECONDS = 3_500.0
CATEGORIES_KEPT = timedelta(minutes=1)
_products = msgspec.json.Decoder(Product)


class Indexer:
    """Holds the index's only writer, if no other process does."""

    def __init__(self, store: SearchStore, catalog: Catalog, open_writer: Callable[[], TextIndexWriter]) -> None:
        self._store = store
        self._catalog = catalog
        self._open_writer = open_writer
        self._writer: TextIndexWriter | None = None
        self._writing: asyncio.Task[Applied] | None = None
        self._opening = asyncio.Lock()
        self._rebuilding = asyncio.Lock()
        self._keeps_writer = False
        self._categories: dict[str, CategoryRef] = {}
        self._categories_at = datetime.min.replace(tzinfo=UTC)

    async def stop(self) -> None:
        """Let the next writer in."""
        writer, self._writer = self._writer, None
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if writer is not None:
            await writer.close()

    async def flush(self) -> None:
        """Put what waits into the index, one commit for up to 2,000 products."""
        writer = await self._worker_writer()
        while writer is not None:
            async with self._store.connection() as connection:
                pending = await self._store.pending(connection, AT_ONCE)
            if not pending:
                return
            try:
                await self._apply(writer, pending)
            except IndexNotReady:
                # It waits for the rebuild that is under way.
                return
            async with self._store.connection() as connection:
                await self._store.settle(connection, pending)
            if len(pending) < AT_ONCE:
                return

    async def refresh_popularity(self) -> None:
        """Write popularity that has moved into the index, all in one commit."""
        writer = await self._worker_writer()
        if writer is None:
            return
        async with self._store.connection() as connection:
            moved = await self._store.moved(connection, now(), POPULARITY_AT_ONCE)
        if not moved:
            return
        products: list[Product] = []
        for start in range(0, len(moved), SCAN):
            page = await self._catalog.products(Products(ids=moved[start : start + SCAN], any_status=True))
            products += page.data
        documents, popularity = await self._documents([each for each in products if each.status == "published"])
        hidden = [each.id for each in products if each.status != "published"]
        try:
            await self._write(writer, documents)
        except IndexNotReady:
            return
        known = {each.id for each in products}
        async with self._store.connection() as connection:
            # What is not in the index has no place to show it, and would come first for ever.
            popularity |= await self._store.popularity(connection, hidden, now())
            await self._store.mark_shown(connection, popularity)
            await self._store.forget_popularity(connection, [each for each in moved if each not in known])

    async def rebuild_if_needed(self) -> None:
        """Rebuild when nothing readable is there, or when another process asked for it."""
        writer = await self._worker_writer()
        if writer is None:
            return
        async with self._store.connection() as connection:
            asked = await self._store.rebuilds_asked(connection)
        if not asked and not (await writer.state()).needs_rebuild:
            return
        rebuilt = await self._rebuild(writer)
        async with self._store.connection() as connection:
            await self._store.answer_rebuilds(connection, asked, rebuilt)

    async def rebuild(self) -> Rebuilt:
        """Rebuild here, or have it done by whoever holds the writer. Raises Unavailable when nobody does it."""
        request_id: str | None = None
        ends = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends:
            writer = await self._own_writer()
            if writer is not None:
                try:
                    return await self._rebuild(writer)
                finally:
                    if not self._keeps_writer:
                        await self.stop()
            async with self._store.connection() as connection:
                if request_id is None:
                    request_id = new_id("evt")
                    await self._store.ask_rebuild(connection, request_id)
                answer = await self._store.rebuild_answer(connection, request_id)
            if answer is not None:
                return answer
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        raise Unavailable("The process that writes the search index does not rebuild it")

    async def _worker_writer(self) -> TextIndexWriter | None:
        self._keeps_writer = True
        return await self._own_writer()

    async def _own_writer(self) -> TextIndexWriter | None:
        """None while another process holds it."""
        async with self._opening:
            if self._writer is None:
                try:
                    self._writer = await asyncio.to_thread(self._open_writer)
                except WriterBusy:
                    return None
            return self._writer

    async def _rebuild(self, writer: TextIndexWriter) -> Rebuilt:
        async with self._rebuilding:
            started = time.monotonic()
            products = await writer.rebuild(self._everything())
            seconds = round(time.monotonic() - started, 3)
            log.info("search index rebuilt", products=products, seconds=seconds)
            return Rebuilt(products=products, seconds=seconds)

    async def _everything(self) -> AsyncIterator[Sequence[ProductDocument]]:
        after = ""
        while True:
            page = await self._catalog.scan_products(ScanProducts(after=after, limit=SCAN))
            products = [_products.decode(line) for line in page.lines.splitlines() if line]
            if products:
                documents, popularity = await self._documents(products)
                yield documents
                async with self._store.connection() as connection:
                    await self._store.mark_shown(connection, popularity)
            if page.last_id is None:
                return
            after = page.last_id

    async def _apply(self, writer: TextIndexWriter, pending: Sequence[Pending]) -> None:
        products = [_products.decode(each.body) for each in pending if each.body is not None]
        if products:
            # A category above them may have another title since: then they are told once, and indexed with it.
            await self._read_categories()
        removals = [Removal(each.product_id, removal_version(each.version)) for each in pending if each.body is None]
        documents, popularity = await self._documents(products)
        await self._write(writer, [*documents, *removals])
        if popularity:
            async with self._store.connection() as connection:
                await self._store.mark_shown(connection, popularity)

    async def _write(self, writer: TextIndexWriter, changes: Sequence[ProductDocument | Removal]) -> None:
        # A commit that has begun in its thread ends, even if this process is told to stop meanwhile.
        self._writing = asyncio.create_task(writer.apply(changes))
        await asyncio.shield(self._writing)

    async def _read_categories(self) -> None:
        self._categories = by_slug((await self._catalog.categories(Nothing())).data)
        self._categories_at = now()

    async def _documents(self, products: Sequence[Product]) -> tuple[list[ProductDocument], dict[str, float]]:
        """The documents, and the popularity (by product id) that they show."""
        moment = now()
        slugs = {slug for product in products for slug in product.category.path}
        if not slugs <= self._categories.keys() or moment - self._categories_at > CATEGORIES_KEPT:
            await self._read_categories()
        async with self._store.connection() as connection:
            popularity = await self._store.popularity(connection, [product.id for product in products], moment)
        documents = [
            document_of(product, self._categories, popularity.get(product.id, 0.0), moment) for product in products
        ]
        return documents, popularity
