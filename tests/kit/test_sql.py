"""Queries by name: how long each may take."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from haat.engines.database import pool
from haat.engines.database.pool import PostgresDatabase
from haat.kit.message import Unavailable
from haat.kit.sql import load_queries, patient


async def test_a_patient_block_outlives_the_limit_of_requests(
    probe_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pool, "STATEMENT_SECONDS", 0.2)
    (tmp_path / "slow.sql").write_text("-- name: nap(seconds)$\nSELECT pg_sleep(:seconds)::text IS NOT NULL;\n")
    queries = load_queries(tmp_path / "slow.sql")
    database = PostgresDatabase(probe_url, 2)
    await database.start()
    with patient(10.0):
        async with database.connection() as connection:
            assert await queries.nap(connection, seconds=0.6)
    with pytest.raises(Unavailable):
        async with database.connection() as connection:
            await queries.nap(connection, seconds=0.6)
    await database.stop()


QUERIES = """
-- name: pair(first, second)^
SELECT :second::int AS second, :first::int AS first, :second::int - :first::int AS between;

-- name: count_up(until)
SELECT number FROM generate_series(1, :until::int) AS number;

-- name: same(word)$
SELECT :word::text;

-- name: nothing()!
SELECT 1;
"""


@pytest.fixture
async def database(probe_url: str) -> AsyncIterator[PostgresDatabase]:
    """A started pool."""
    pool = PostgresDatabase(probe_url, 2)
    await pool.start()
    yield pool
    await pool.stop()


@pytest.fixture
def queries(tmp_path: Path) -> Any:
    """Those above, loaded."""
    (tmp_path / "some.sql").write_text(QUERIES)
    return load_queries(tmp_path / "some.sql")


async def test_parameters_go_by_name_and_answers_have_the_shape_that_the_file_says(
    database: PostgresDatabase, queries: Any
):
    async with database.connection() as connection:
        assert dict(await queries.pair(connection, first=1, second=5)) == {"second": 5, "first": 1, "between": 4}
        assert [row["number"] async for row in queries.count_up(connection, until=3)] == [1, 2, 3]
        assert await queries.same(connection, word="a") == "a"
        assert await queries.nothing(connection) == "SELECT 1"


async def test_a_query_without_one_of_its_parameters_is_not_sent(database: PostgresDatabase, queries: Any):
    with pytest.raises(KeyError, match="second"):
        async with database.connection() as connection:
            await queries.pair(connection, first=1)
