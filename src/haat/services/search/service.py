"""Search: answers from the index, kept hot as ready JSON, and the words from others that change it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
from cachetools import TTLCache

from haat.contracts.catalog import Catalog, ProductRemoved, ProductSaved
from haat.contracts.orders import OrderPlaced
from haat.contracts.recommendations import ClicksRecorded
from haat.contracts.search import (
    DslAnswer,
    DslSearch,
    Found,
    FoundEncoded,
    InvalidQuery,
    Rebuilt,
    Search,
    SearchProducts,
    SuggestFor,
    Suggestions,
    Waiting,
)
from haat.kit.clock import now
from haat.kit.cursor import InvalidCursor
from haat.kit.database import Batch
from haat.kit.message import Nothing, Unavailable, encode
from haat.ports.cache import Cache
from haat.ports.text_search import (
    BadCursor,
    IndexNotReady,
    SearchQuery,
    SuggestQuery,
    TextIndexWriter,
    TextSearch,
)
from haat.services.search.answers import page_of, suggestions_of
from haat.services.search.dsl import Fault, parse
from haat.services.search.dsl_answer import elastic_answer
from haat.services.search.indexing import Indexer
from haat.services.search.model import points_of_clicks, points_of_orders
from haat.services.search.store import Pending, SearchStore

HOT_SECONDS = 10.0
# Only what is asked again within a minute is worth its ten kilobytes in the cache.
_ASKED_ONCE, _ASKED_SECONDS = 20_000, 60.0
_found = msgspec.json.Decoder(Found)
_NOT_READY = "The search index is being built"


class SearchService(Search):
    """Readers open the index in any process; its writer lives in the worker (see indexing)."""

    def __init__(
        self,
        store: SearchStore,
        catalog: Catalog,
        engine: TextSearch,
        open_writer: Callable[[], TextIndexWriter],
        cache: Cache,
        currency: str,
    ) -> None:
        self._store = store
        self._engine = engine
        self._cache = cache
        self._currency = currency
        self._asked: TTLCache[str, bool] = TTLCache(_ASKED_ONCE, _ASKED_SECONDS)
        self.indexer = Indexer(store, catalog, open_writer)

    async def stop(self) -> None:
        """Give the writer back."""
        await self.indexer.stop()

    async def search(self, ask: SearchProducts) -> Found:
        return _found.decode((await self.search_page(ask)).body)

    async def search_page(self, ask: SearchProducts) -> FoundEncoded:
        query = query_of(ask)
        key = f"search:{encode(query).decode()}"
        try:
            # Kept under its revision of the index: after a commit it is worked out anew.
            revision = f"{await self._engine.revision()} ".encode()
            hot = await self._cache.get(key)
            if hot is not None and hot.startswith(revision):
                return FoundEncoded(body=hot[len(revision) :])
            body = page_of(await self._engine.search(query), self._currency)
        except IndexNotReady as error:
            raise Unavailable(_NOT_READY) from error
        except BadCursor as error:
            raise InvalidCursor(str(error)) from error
        if key in self._asked:
            await self._cache.put(key, revision + body, seconds=HOT_SECONDS, tags=("search",))
        self._asked[key] = True
        return FoundEncoded(body=body)

    async def suggest(self, ask: SuggestFor) -> Suggestions:
        try:
            return suggestions_of(await self._engine.suggest(SuggestQuery(ask.q, ask.limit)))
        except IndexNotReady as error:
            raise Unavailable(_NOT_READY) from error

    async def query(self, ask: DslSearch) -> DslAnswer:
        started = time.perf_counter()
        parsed = parse(ask.body)
        if isinstance(parsed, list):
            raise InvalidQuery(errors=_errors(parsed))
        try:
            found = await self._engine.query(parsed)
        except IndexNotReady as error:
            raise Unavailable(_NOT_READY) from error
        took_ms = int((time.perf_counter() - started) * 1000)
        return DslAnswer(body=encode(elastic_answer(found, took_ms)))

    async def waiting(self, ask: Nothing) -> Waiting:
        async with self._store.connection() as connection:
            return Waiting(products=await self._store.count_pending(connection))

    async def rebuild(self, ask: Nothing) -> Rebuilt:
        return await self.indexer.rebuild()

    async def take_saved(self, batch: Batch[ProductSaved]) -> None:
        """New and changed products wait for the next commit of the index."""
        await self._put_pending(
            [Pending(event.product.id, event.product.version, encode(event.product)) for event in batch.events]
        )

    async def take_removed(self, batch: Batch[ProductRemoved]) -> None:
        """Removed products leave with the next commit."""
        await self._put_pending([Pending(event.product_id, event.version, None) for event in batch.events])

    async def _put_pending(self, pending: Sequence[Pending]) -> None:
        # No inbox: a version counts once, however often it is told.
        async with self._store.connection() as connection:
            await self._store.put_pending(connection, pending)

    async def count_clicks(self, batch: Batch[ClicksRecorded]) -> None:
        """What shoppers look at becomes popular."""
        async with self._store.transaction() as transaction:
            moment = now()
            points = points_of_clicks(await transaction.accept(batch), moment)
            if points:
                await self._store.add_points(transaction.connection, points, moment)

    async def count_orders(self, batch: Batch[OrderPlaced]) -> None:
        """What shoppers buy becomes more popular."""
        async with self._store.transaction() as transaction:
            points = points_of_orders(await transaction.accept(batch))
            if points:
                await self._store.add_points(transaction.connection, points, now())


def query_of(ask: SearchProducts) -> SearchQuery:
    """The ask as the engine takes it; asks that mean the same are equal."""
    return SearchQuery(
        text=" ".join(ask.q.casefold().split()),
        categories=(ask.category,) if ask.category else (),
        brands=tuple(sorted(set(ask.brand))),
        price_min_minor=ask.price_min,
        price_max_minor=ask.price_max,
        rating_min=ask.rating_min,
        in_stock=True if ask.in_stock else None,
        sort=ask.sort,
        limit=ask.limit,
        cursor=ask.cursor,
    )


def _errors(faults: Sequence[Fault]) -> list[dict[str, str]]:
    return [{"pointer": fault.pointer, "code": fault.code, "detail": fault.detail} for fault in faults]
