"""Queries from `.sql` files, by aiosql, for connections that are held already."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter

from haat.kit.database import Connection


class HeldConnectionAdapter(AsyncPGAdapter):
    """aiosql's own adapter asks of each call whether it was given a pool, which costs as much as a small query."""

    def _ordered(self, query_name: str, parameters: Any) -> Any:
        if isinstance(parameters, dict):
            return [parameters[name] for name in self.var_sorted[query_name]]
        return parameters

    async def select(
        self, conn: Connection, query_name: str, sql: str, parameters: Any, record_class: Any = None
    ) -> AsyncIterator[Any]:
        for record in await conn.fetch(sql, *self._ordered(query_name, parameters)):
            yield record

    async def select_one(
        self, conn: Connection, query_name: str, sql: str, parameters: Any, record_class: Any = None
    ) -> Any:
        return await conn.fetchrow(sql, *self._ordered(query_name, parameters))

    async def select_value(self, conn: Connection, query_name: str, sql: str, parameters: Any) -> Any:
        return await conn.fetchval(sql, *self._ordered(query_name, parameters))

    async def insert_update_delete(self, conn: Connection, query_name: str, sql: str, parameters: Any) -> Any:
        return await conn.execute(sql, *self._ordered(query_name, parameters))


def load_queries(path: Path) -> Any:
    """The queries of a file as functions of a held connection and named parameters. Raises aiosql's parse errors."""
    return aiosql.from_path(path, cast(Any, HeldConnectionAdapter))
