"""SQL of media. One row at a time is written, so there is no lock order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec

from haat.kit.database import Connection, Database, Transaction
from haat.kit.sql import load_queries
from haat.services.media.model import Item

queries = load_queries(Path(__file__).with_name("queries.sql"))


class MediaRows:
    """What is known of the uploads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("media")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def add(self, connection: Connection, item: Item, size: int) -> Item:
        """Write an item; the one that was there before when these bytes came under these words already."""
        row = await queries.add(connection, **msgspec.structs.asdict(item), size=size)
        return msgspec.convert(dict(row), Item)

    async def by_hash(self, connection: Connection, hash_: str) -> Item | None:
        """Any item made of these bytes."""
        row = await queries.by_hash(connection, hash=hash_)
        return None if row is None else msgspec.convert(dict(row), Item)

    async def by_ids(self, connection: Connection, ids: Sequence[str]) -> list[Item]:
        """The items that exist, in no particular order."""
        return [msgspec.convert(dict(row), Item) async for row in queries.by_ids(connection, ids=ids)]
