"""Queries from `.sql` files, by aiosql, for connections that are held already."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter

from haat.kit.database import Connection

_seconds: ContextVar[float | None] = ContextVar("statement_seconds", default=None)


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """Statements in this block may take so long instead of the pool's limit: for a day's work that is done in one."""
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)


class HeldConnectionAdapter(AsyncPGAdapter):
    """aiosql's own adapter asks of each call whether it was given a pool, which costs as much as a small query."""

    def _ordered(self, query_name: str, parameters: Any) -> Any:
        if isinstance(parameters, dict):
            return [parameters[name] for name in self.var_sorted[query_name]]
        return parameters

    async def select(
        self, conn: Connection, query_name: str, sql: str, parameters: Any, record_class: Any = None
    ) -> AsyncIterator[Any]:
        for record in await conn.fetch(sql, *self._ordered(query_name, parameters), timeout=_seconds.get()):
            yield record

    async def select_one(
        self, conn: Connection, query_name: str, sql: str, parameters: Any, record_class: Any = None
    ) -> Any:
        return await conn.fetchrow(sql, *self._ordered(query_name, parameters), timeout=_seconds.get())

    async def select_value(self, conn: Connection, query_name: str, sql: str, parameters: Any) -> Any:
        return await conn.fetchval(sql, *self._ordered(query_name, parameters), timeout=_seconds.get())

    async def insert_update_delete(self, conn: Connection, query_name: str, sql: str, parameters: Any) -> Any:
        return await conn.execute(sql, *self._ordered(query_name, parameters), timeout=_seconds.get())


def load_queries(path: Path) -> Any:
    """The queries of a file as functions of a held connection and named parameters. Raises aiosql's parse errors."""
    return aiosql.from_path(path, cast(Any, HeldConnectionAdapter))
