"""Queries by name: how long each may take."""

from __future__ import annotations

from pathlib import Path

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
