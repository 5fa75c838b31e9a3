"""A service of nobody's on the real database: its own schema with outbox, inbox and records, and a table of effects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from haat.engines.database.pool import PostgresDatabase
from haat.kit.database import service_tables

SCHEMA = "kit_probe"


@pytest.fixture(scope="session")
def probe_url(database_url: str, admin_url: str) -> Iterator[str]:
    """The database with the schema `kit_probe` in it."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.execute(service_tables(SCHEMA))
        connection.execute(
            f"CREATE TABLE {SCHEMA}.effects (key text NOT NULL, number integer NOT NULL, position bigserial)"
        )
        connection.execute(f"CREATE TABLE {SCHEMA}.numbers (key text PRIMARY KEY, number integer NOT NULL)")
        connection.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO haat_app")
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {SCHEMA} TO haat_app")
        connection.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO haat_app")
    yield database_url


@pytest.fixture
async def probe(probe_url: str) -> AsyncIterator[PostgresDatabase]:
    """A pool on it, with empty tables."""
    pool = PostgresDatabase(probe_url, 12)
    await pool.start()
    async with pool.connection() as connection:
        for table in ("outbox", "inbox", "idempotency", "effects"):
            await connection.execute(f"DELETE FROM {SCHEMA}.{table}")
    yield pool
    await pool.stop()
