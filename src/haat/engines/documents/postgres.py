"""Documents in a PostgreSQL table: `document_id text PRIMARY KEY, version bigint, body jsonb`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from haat.kit.database import Connection, Database
from haat.ports.documents import Document, Scalar, Write


class PostgresDocuments:
    """The adapter of `ports.documents.Documents`; `table` is trusted and names its schema."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._get = f"SELECT document_id, version, body FROM {table} WHERE document_id = ANY($1::text[])"  # noqa: S608
        self._find = (
            f"SELECT document_id, version, body FROM {table} WHERE document_id > $1 AND body @> $2::jsonb"  # noqa: S608
            " ORDER BY document_id LIMIT $3"
        )
        self._delete = f"DELETE FROM {table} WHERE document_id = ANY($1::text[])"  # noqa: S608
        # An UPDATE that waited for another one compares the version again: of two writers of one version one wins.
        self._put = (
            "WITH given AS (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::jsonb[])"  # noqa: S608
            " AS g (id, version, expected, body)), changed AS ("
            f" UPDATE {table} d SET version = g.version, body = g.body FROM given g"
            " WHERE d.document_id = g.id AND d.version = g.expected RETURNING d.document_id), added AS ("
            f" INSERT INTO {table} (document_id, version, body) SELECT id, version, body FROM given"
            " WHERE expected = 0 ON CONFLICT DO NOTHING RETURNING document_id)"
            " SELECT document_id FROM changed UNION ALL SELECT document_id FROM added"
        )

    async def get(self, ids: Sequence[str], *, joining: Connection | None = None) -> dict[str, Document]:
        async with self._connection(joining) as connection:
            rows = await connection.fetch(self._get, list(ids))
        return {row[0]: Document(row[0], row[1], row[2]) for row in rows}

    async def find(self, criteria: Mapping[str, Scalar], *, after: str = "", limit: int = 100) -> list[Document]:
        async with self._connection(None) as connection:
            rows = await connection.fetch(self._find, after, dict(criteria), limit)
        return [Document(row[0], row[1], row[2]) for row in rows]

    async def put(self, writes: Sequence[Write], *, joining: Connection | None = None) -> set[str]:
        async with self._connection(joining) as connection:
            rows = await connection.fetch(
                self._put,
                [write.id for write in writes],
                [write.version for write in writes],
                [write.expected for write in writes],
                [write.body for write in writes],
            )
        return {row[0] for row in rows}

    async def delete(self, ids: Sequence[str], *, joining: Connection | None = None) -> None:
        async with self._connection(joining) as connection:
            await connection.execute(self._delete, list(ids))

    @asynccontextmanager
    async def _connection(self, joining: Connection | None) -> AsyncIterator[Connection]:
        if joining is not None:
            yield joining
            return
        async with self._database.connection() as connection:
            yield connection
