"""Every query of every service is one that PostgreSQL understands, on the tables and as the role that it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

import haat.services
from haat.engines.database.pool import PostgresDatabase
from haat.kit.sql import load_queries

(SERVICES,) = haat.services.__path__
FILES = sorted(Path(SERVICES).glob("*/queries.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
async def test_every_query_can_be_prepared(database: PostgresDatabase, vault_database: PostgresDatabase, file: Path):
    pool = {"vault": vault_database}.get(file.parent.name, database)
    queries = list(vars(load_queries(file)).values())
    async with pool.connection() as connection:
        for query in queries:
            await connection.prepare(query.sql)
    assert queries
