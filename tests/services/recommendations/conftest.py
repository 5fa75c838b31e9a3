"""Recommendations on the real database, training in a thread."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from haat.contracts.recommendations import Click
from haat.engines.database.pool import PostgresDatabase
from haat.engines.training.implicit_engine import ImplicitTrainingEngine
from haat.services.recommendations.service import RecommendationService
from haat.services.recommendations.store import RecommendationStore

# The suite's modules are imported by file, not as packages.
sys.path.insert(0, str(Path(__file__).parent))

from recommendations_shop import Shop, in_a_thread, view

TABLES = ("interactions", "sources", "products", "models", "outbox")


@pytest.fixture
def click() -> Callable[..., Click]:
    return view


@pytest.fixture
async def another(database: PostgresDatabase, tmp_path: Path) -> Callable[..., RecommendationService]:
    """Makes services on the same models, as other processes have them. Begins without what other tests have left."""
    store = RecommendationStore(database)
    async with store.connection() as connection:
        for table in TABLES:
            await connection.execute(f"DELETE FROM recommendations.{table}")
        await connection.execute("UPDATE recommendations.training SET until = '-infinity'")
    return lambda train=in_a_thread: RecommendationService(store, tmp_path, ImplicitTrainingEngine().load, train)


@pytest.fixture
def service(another: Callable[..., RecommendationService]) -> RecommendationService:
    return another()


@pytest.fixture
def shop(service: RecommendationService) -> Shop:
    return Shop(service)
