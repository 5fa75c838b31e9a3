"""SQL of stock. Lock order: reservations by attempt, then stock by stream; a reserve inserts its own row after both."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.inventory import Level, Line, Reservation, StockEvent
from haat.kit.database import Connection, Database, Transaction
from haat.kit.sql import load_queries

queries = load_queries(Path(__file__).with_name("queries.sql"))


class UnknownEvents(RuntimeError):
    """Events of a shape that this code does not know: folding on would give a wrong level."""


class Granted(msgspec.Struct, frozen=True):
    """What a reserve came to: the reservation, or the lines that are short."""

    reservation: Reservation | None
    short: list[dict[str, int | str]]


class Placed(msgspec.Struct, frozen=True):
    """Something in a list, with its position there."""

    position: list[str | int]
    row: Any


class InventoryStore:
    """Each write is one round trip: the function in the database decides, writes the projection, events and outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("inventory")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def stock_of(self, connection: Connection, skus: Sequence[str]) -> dict[str, int]:
        """Units that can be sold, by SKU, over all locations."""
        return {row["sku"]: row["available"] async for row in queries.stock_of(connection, skus=list(skus))}

    async def reserve(
        self, connection: Connection, attempt_id: str, wanted: dict[str, int], hold_seconds: int
    ) -> Granted:
        """Hold all or nothing; an attempt known before answers as it stands."""
        row = await queries.reserve(
            connection,
            attempt_id=attempt_id,
            skus=list(wanted),
            quantities=list(wanted.values()),
            hold_seconds=hold_seconds,
        )
        if row["short"] is not None:
            return Granted(None, row["short"])
        lines = row["lines"] or [{"sku": sku, "quantity": quantity} for sku, quantity in wanted.items()]
        return Granted(_reservation(attempt_id, row["state"], row["expires_at"], lines), [])

    async def commit_hold(self, connection: Connection, attempt_id: str) -> Reservation | None:
        """The reservation after trying to commit it: not committed means that it is gone; None when never heard of."""
        row = await queries.commit_hold(connection, attempt_id=attempt_id)
        return None if row["state"] is None else _reservation(attempt_id, *row)

    async def extend_hold(self, connection: Connection, attempt_id: str, hold_seconds: int) -> Reservation | None:
        """The reservation after prolonging it if it is held; None when never heard of."""
        row = await queries.extend_hold(connection, attempt_id=attempt_id, hold_seconds=hold_seconds)
        return None if row is None else _reservation(attempt_id, *row)

    async def release_hold(self, connection: Connection, attempt_id: str) -> str:
        """The state after releasing; an attempt never heard of becomes a tombstone."""
        state: str = await queries.release_hold(connection, attempt_id=attempt_id)
        return state

    async def expire_holds(self, connection: Connection, batch: int) -> int:
        """Give back what was held too long; how many reservations."""
        expired: int = await queries.expire_holds(connection, batch=batch)
        return expired

    async def book(
        self,
        connection: Connection,
        type_: str,
        cause: tuple[str, str],
        location: str,
        units: dict[str, int],
        data: dict[str, Any],
    ) -> None:
        """Units per SKU come to (negative: leave) a location; `cause`, id and kind, acts once per SKU and type."""
        await queries.book(
            connection,
            type=type_,
            cause_id=cause[0],
            cause_kind=cause[1],
            location=location,
            skus=list(units),
            quantities=list(units.values()),
            data=data,
        )

    async def lock_level(self, connection: Connection, sku: str, location: str) -> Level | None:
        """The level, held against changes until the transaction ends."""
        row = await queries.lock_level(connection, sku=sku, location=location)
        return None if row is None else Level(**row)

    async def has_happened(self, connection: Connection, sku: str, location: str, cause_id: str, type_: str) -> bool:
        """Whether this cause has acted on the stream before."""
        happened: bool = await queries.has_happened(
            connection, sku=sku, location=location, cause_id=cause_id, type=type_
        )
        return happened

    async def levels(self, connection: Connection, sku: str) -> list[Level]:
        """By location, the oldest first."""
        return [Level(**row) async for row in queries.levels(connection, sku=sku)]

    async def levels_as_of(self, connection: Connection, sku: str, as_of: datetime) -> list[Level]:
        """The same, folded from the events up to a moment. Raises UnknownEvents."""
        found = []
        async for row in queries.levels_as_of(connection, sku=sku, as_of=as_of):
            fields = dict(row)
            if fields.pop("unknown"):
                raise UnknownEvents(sku)
            found.append(Level(**fields))
        return found

    async def events(
        self,
        connection: Connection,
        sku: str,
        as_of: datetime | None,
        before: tuple[datetime, int, int] | None,
        size: int,
    ) -> list[Placed]:
        """Events of a SKU, newest first, after a place in that order."""
        at, stream, version = before or (None, None, None)
        rows = queries.events(
            connection, sku=sku, as_of=as_of, before_at=at, before_stream=stream, before_version=version, size=size
        )
        return [_placed_event(row) async for row in rows]

    async def alerts(self, connection: Connection, before: tuple[datetime, int] | None, size: int) -> list[Placed]:
        """Streams at or below their low mark, the latest first."""
        at, stream = before or (None, None)
        rows = queries.alerts(connection, before_at=at, before_stream=stream, size=size)
        return [Placed([row["low_since"].isoformat(), row["stream"]], row) async for row in rows]

    async def set_low_mark(self, connection: Connection, sku: str, location: str, low_stock_at: int) -> Level | None:
        """The level with its new mark; None when there is no such stream."""
        row = await queries.set_low_mark(connection, sku=sku, location=location, low_stock_at=low_stock_at)
        return None if row is None else Level(**row)


def _reservation(attempt_id: str, state: str, expires_at: datetime, lines: list[dict[str, Any]]) -> Reservation:
    return Reservation(
        attempt_id=attempt_id, state=state, expires_at=expires_at, lines=[Line(**line) for line in lines]
    )


def _placed_event(row: Any) -> Placed:
    fields = dict(row)
    stream = fields.pop("stream")
    return Placed([fields["at"].isoformat(), stream, fields["version"]], StockEvent(**fields))
