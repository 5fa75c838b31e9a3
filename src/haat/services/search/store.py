"""SQL of the search. Lock order: within pending and popularity by product id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path

import msgspec

from haat.contracts.search import Rebuilt
from haat.kit.database import Connection, Database, Transaction
from haat.kit.sql import load_queries
from haat.services.search.model import HALF_LIFE_SECONDS

queries = load_queries(Path(__file__).with_name("queries.sql"))


class Pending(msgspec.Struct, frozen=True):
    """A product (its JSON), or with no body its removal, at a version of the catalogue."""

    product_id: str
    version: int
    body: bytes | None


class SearchStore:
    """What the index still has to take, and popularity."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("search")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def put_pending(self, connection: Connection, pending: Sequence[Pending]) -> None:
        """Keep each product's newest version until it is indexed; older ones are ignored."""
        newest: dict[str, Pending] = {}
        for each in pending:
            known = newest.get(each.product_id)
            if known is None or known.version <= each.version:
                newest[each.product_id] = each
        await queries.put_pending(
            connection,
            product_ids=list(newest),
            versions=[each.version for each in newest.values()],
            bodies=[each.body for each in newest.values()],
        )

    async def pending(self, connection: Connection, count: int) -> list[Pending]:
        rows = queries.pending(connection, count=count)
        return [Pending(row["product_id"], row["version"], row["body"]) async for row in rows]

    async def count_pending(self, connection: Connection) -> int:
        row = await queries.count_pending(connection)
        return int(row["waiting"]) if row else 0

    async def settle(self, connection: Connection, done: Sequence[Pending]) -> None:
        """These are in the index."""
        await queries.settle(
            connection, product_ids=[each.product_id for each in done], versions=[each.version for each in done]
        )

    async def add_points(self, connection: Connection, points: Mapping[str, float], at: datetime) -> None:
        """Popularity gained by product."""
        await queries.add_points(
            connection,
            product_ids=list(points),
            points=list(points.values()),
            at=at,
            half_life_seconds=HALF_LIFE_SECONDS,
        )

    async def popularity(self, connection: Connection, product_ids: Sequence[str], at: datetime) -> dict[str, float]:
        """Faded to `at`; products nobody looked at are absent."""
        rows = queries.popularity(connection, product_ids=list(product_ids), at=at, half_life_seconds=HALF_LIFE_SECONDS)
        return {row["product_id"]: row["points"] async for row in rows}

    async def moved(self, connection: Connection, at: datetime, count: int) -> list[str]:
        """Products whose popularity the index shows wrongly."""
        rows = queries.moved(connection, at=at, half_life_seconds=HALF_LIFE_SECONDS, count=count)
        return [row["product_id"] async for row in rows]

    async def mark_shown(self, connection: Connection, shown: Mapping[str, float]) -> None:
        """The index holds this popularity; products without any row are passed over."""
        await queries.mark_shown(connection, product_ids=list(shown), points=list(shown.values()))

    async def forget_popularity(self, connection: Connection, product_ids: Sequence[str]) -> None:
        await queries.forget_popularity(connection, product_ids=list(product_ids))

    async def ask_rebuild(self, connection: Connection, request_id: str) -> None:
        """Ask whoever holds the writer."""
        await queries.ask_rebuild(connection, request_id=request_id)

    async def rebuilds_asked(self, connection: Connection) -> list[str]:
        return [row["request_id"] async for row in queries.rebuilds_asked(connection)]

    async def rebuild_answer(self, connection: Connection, request_id: str) -> Rebuilt | None:
        """None until it is done."""
        row = await queries.rebuild_answer(connection, request_id=request_id)
        return Rebuilt(products=row["products"], seconds=row["seconds"]) if row else None

    async def answer_rebuilds(self, connection: Connection, request_ids: Sequence[str], rebuilt: Rebuilt) -> None:
        await queries.answer_rebuilds(
            connection, request_ids=list(request_ids), products=rebuilt.products, seconds=rebuilt.seconds
        )
