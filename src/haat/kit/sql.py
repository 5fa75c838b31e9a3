"""Queries from `.sql` files, read by aiosql, for connections that are held already."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter
from aiosql.types import SQLOperationType

from haat.kit.database import Connection

Ordered = Callable[[dict[str, Any]], tuple[Any, ...]]

_seconds: ContextVar[float | None] = ContextVar("statement_seconds", default=None)


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """Statements in this block may take so long instead of the pool's limit: for a day's work that is done in one."""
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)


def load_queries(path: Path) -> Any:
    """The queries of a file as functions of a held connection and named parameters. Raises aiosql's parse errors.

    aiosql reads the file; its functions, which make two coroutines or two generators of each call, are not used.
    """
    known: Any = aiosql.from_path(path, AsyncPGAdapter)
    names = [name for name in known.available_queries if not name.endswith("_cursor")]
    places = known.driver_adapter.var_sorted
    return SimpleNamespace(**{name: _function(getattr(known, name), places[name]) for name in names})


def _function(query: Any, names: list[str]) -> Any:
    run = _WAYS[query.operation](query.sql, _ordered(names))
    run.__name__ = run.__qualname__ = query.__name__
    run.sql = query.sql
    return run


def _ordered(names: list[str]) -> Ordered:
    """Takes the values of these parameters in the places that the statement gives them. Raises KeyError without one."""
    if not names:
        return lambda given: ()
    if len(names) == 1:
        (name,) = names
        return lambda given: (given[name],)
    return itemgetter(*names)


def _by(driver: str) -> Callable[[str, Ordered], Any]:
    """Queries that one call of this name at the driver answers."""

    def made(sql: str, ordered: Ordered) -> Any:
        def run(connection: Connection, **given: Any) -> Awaitable[Any]:
            answer: Awaitable[Any] = getattr(connection, driver)(sql, *ordered(given), timeout=_seconds.get())
            return answer

        return run

    return made


def _rows(sql: str, ordered: Ordered) -> Any:
    async def run(connection: Connection, **given: Any) -> AsyncIterator[Any]:
        for row in await connection.fetch(sql, *ordered(given), timeout=_seconds.get()):
            yield row

    return run


# How a query is run, by the sign after its name: `^`, `$`, `!`, none.
_WAYS = {
    SQLOperationType.SELECT_ONE: _by("fetchrow"),
    SQLOperationType.SELECT_VALUE: _by("fetchval"),
    SQLOperationType.INSERT_UPDATE_DELETE: _by("execute"),
    SQLOperationType.SELECT: _rows,
}
