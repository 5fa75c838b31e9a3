"""A search over an index folder of its own, on the real database, beside a catalogue in memory."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from haat.engines.cache.memory import MemoryCache
from haat.engines.database.pool import PostgresDatabase
from haat.engines.text_search.tantivy_engine import TantivySearch
from haat.engines.text_search.writer import TantivyWriter
from haat.kit.message import Nothing
from haat.services.search.service import SearchService
from haat.services.search.store import SearchStore

# The suite's modules are imported by file, not as packages.
sys.path.insert(0, str(Path(__file__).parent))

from neighbours import Shelves


@pytest.fixture
def shelves() -> Shelves:
    return Shelves()


@pytest.fixture
async def store(database: PostgresDatabase) -> SearchStore:
    """Without what other tests have left waiting."""
    async with database.connection() as connection:
        for table in ("pending", "popularity", "rebuilds"):
            await connection.execute(f"DELETE FROM search.{table}")
    return SearchStore(database)


@pytest.fixture
async def another(store: SearchStore, shelves: Shelves, tmp_path: Path) -> AsyncIterator[Callable[[], SearchService]]:
    """Makes services on the same index, as other processes have them."""
    made: list[SearchService] = []

    def make() -> SearchService:
        engine, cache = TantivySearch(tmp_path), MemoryCache()
        service = SearchService(store, shelves, engine, lambda: TantivyWriter(tmp_path), cache, "INR")
        made.append(service)
        return service

    yield make
    for service in made:
        await service.stop()


@pytest.fixture
async def service(another: Callable[[], SearchService]) -> SearchService:
    """The worker's service, its index built from an empty catalogue."""
    made = another()
    await made.indexer.rebuild_if_needed()
    assert (await made.rebuild(Nothing())).products == 0
    return made
