"""SQL of stock. Lock order: reservations that exist, stock by SKU and stream, then the row that a reserve inserts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from haat.contracts.inventory import Level, Line, Location, Reservation, StockEvent
from haat.kit.database import Connection, Database, Transaction
from haat.kit.sql import load_queries
from haat.services.inventory.model import SHAPE, check_shape, lifted
from haat.services.inventory.sourcing import Shelf, Take

queries = load_queries(Path(__file__).with_name("queries.sql"))


# A line that could not be taken any more, in a transaction that had written others already.
LATE_LINE = "HT001"


class TooSlow(RuntimeError):
    """Somebody else was quicker: nothing was written, and a fresh look will say what is left."""


class Granted(msgspec.Struct, frozen=True):
    """What a reserve came to: the reservation, or the lines that are short; neither when it was not decided.

    `hot` are SKUs for which staff expect a crowd.
    """

    reservation: Reservation | None
    short: list[dict[str, int | str]]
    hot: list[str]


class Request(msgspec.Struct, frozen=True):
    """One line of one attempt, to be granted together with others; `last` says that the cart is whole with it."""

    sku: str
    attempt_id: str
    quantity: int
    hold_seconds: int
    last: bool = True


class Outcome(msgspec.Struct, frozen=True):
    """The attempt's state, None when there is not enough; `available` is what was left after the transaction."""

    state: str | None
    expires_at: datetime | None
    available: int


class Drift(msgspec.Struct, frozen=True):
    """A level that is not the fold of its events, or events that are not what was written."""

    sku: str
    location: str
    fault: str


class Placed(msgspec.Struct, frozen=True):
    """Something in a list, with its place there."""

    place: tuple[datetime, int] | tuple[datetime, int, int]
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
        self, connection: Connection, attempt_id: str, wanted: dict[str, int], hold_seconds: int, state: str
    ) -> Granted:
        """Hold all or nothing; an attempt known before answers as it stands. Raises TooSlow."""
        skus, quantities = list(wanted), list(wanted.values())
        with _races():
            row = await queries.reserve(
                connection,
                attempt_id=attempt_id,
                skus=skus,
                quantities=quantities,
                hold_seconds=hold_seconds,
                state=state,
            )
        if row["state"] is None:
            return Granted(None, row["short"] or [], [])
        known = (row["skus"], row["quantities"]) if row["quantities"] is not None else (skus, quantities)
        return Granted(_reservation(attempt_id, row["state"], row["expires_at"], *known), [], row["hot"] or [])

    async def known(self, connection: Connection, attempt_id: str) -> Reservation | None:
        """The reservation as it stands."""
        row = await queries.known(connection, attempt_id=attempt_id)
        return None if row is None else _reservation(attempt_id, *row)

    async def shelves(self, connection: Connection, skus: Sequence[str]) -> list[Shelf]:
        """Where the SKUs lie, and how much of them is free."""
        return [Shelf(**row) async for row in queries.shelves(connection, skus=list(skus))]

    async def reserve_from(
        self,
        connection: Connection,
        attempt_id: str,
        takes: Sequence[Take],
        wanted: dict[str, int],
        hold_seconds: int,
        state: str,
    ) -> Reservation | None:
        """Hold the chosen units, all or nothing; None or TooSlow when they are not there any more."""
        with _races():
            row = await queries.reserve_from(
                connection,
                attempt_id=attempt_id,
                streams=[take.stream for take in takes],
                quantities=[take.quantity for take in takes],
                hold_seconds=hold_seconds,
                state=state,
            )
        if row["state"] is None:
            return None
        return _reservation(attempt_id, row["state"], row["expires_at"], list(wanted), list(wanted.values()))

    async def grant(self, batch: Sequence[Request]) -> tuple[list[Outcome], bool]:
        """Reserves of one SKU, first come first served, in one transaction; and whether staff expect a crowd for it.

        Raises TooSlow when one of the attempts is written elsewhere at this moment: nothing was granted then.
        """
        async with self.connection() as connection:
            with _races():
                row = await queries.grant_many(
                    connection,
                    sku=batch[0].sku,
                    attempts=[each.attempt_id for each in batch],
                    quantities=[each.quantity for each in batch],
                    hold_seconds=[each.hold_seconds for each in batch],
                    last=[each.last for each in batch],
                )
        left = row["available"]
        found = [Outcome(state, end, left) for state, end in zip(row["states"], row["expires"], strict=True)]
        assert len(found) == len(batch)
        return found, bool(row["hot"])

    async def whole(self, connection: Connection, attempt_id: str) -> Reservation | None:
        """The reservation, held if it was being filled: for who has seen that all its lines are there."""
        row = await queries.whole(connection, attempt_id=attempt_id)
        return None if row is None else _reservation(attempt_id, *row)

    async def commit_hold(self, connection: Connection, attempt_id: str) -> Reservation | None:
        """The reservation after trying to commit it: not committed means that it is gone; None when never heard of."""
        row = await queries.commit_hold(connection, attempt_id=attempt_id)
        return None if row["state"] is None else _reservation(attempt_id, *row)

    async def commit_from(self, connection: Connection, attempt_id: str, takes: Sequence[Take]) -> None:
        """Sell these units for a hold that has run out, while `commit_hold` of the same transaction keeps its locks."""
        await queries.commit_from(
            connection,
            attempt_id=attempt_id,
            streams=[take.stream for take in takes],
            quantities=[take.quantity for take in takes],
        )

    async def extend_hold(self, connection: Connection, attempt_id: str, hold_seconds: int) -> Reservation | None:
        """The reservation after prolonging it if it is held; None when never heard of."""
        row = await queries.extend_hold(connection, attempt_id=attempt_id, hold_seconds=hold_seconds)
        return None if row is None else _reservation(attempt_id, *row)

    async def release_hold(self, connection: Connection, attempt_id: str) -> str:
        """The state after releasing; an attempt never heard of becomes a tombstone."""
        state: str = await queries.release_hold(connection, attempt_id=attempt_id)
        return state

    async def expire_holds(self, connection: Connection, batch: int) -> tuple[int, list[str]]:
        """Give back what was held too long; how many reservations, and which cannot end, for a level has drifted."""
        try:
            return await queries.expire_holds(connection, batch=batch), []
        except asyncpg.IntegrityConstraintViolationError:
            row = await queries.expire_apart(connection, batch=batch)
            return row["expired"], row["stuck"]

    async def book(
        self,
        connection: Connection,
        type_: str,
        cause: tuple[str, str],
        location: str,
        units: dict[str, int],
        data: dict[str, Any],
    ) -> bool:
        """Units per SKU come to (negative: leave) a location; `cause`, id and kind, acts once per SKU and type.

        False when the first one cannot leave. Raises TooSlow when a later one cannot: the transaction is void.
        """
        with _races():
            booked: bool = await queries.book(
                connection,
                type=type_,
                cause_id=cause[0],
                cause_kind=cause[1],
                location=location,
                skus=list(units),
                quantities=list(units.values()),
                data=data,
            )
        return booked

    async def audit(self, connection: Connection, least: int, snapshot_every: int) -> list[Drift]:
        """Fold the next streams in turn, at least so many, and hold the levels against them; those that differ."""
        rows = queries.audit(connection, least=least, snapshot_every=snapshot_every, shape=SHAPE)
        return [Drift(**row) async for row in rows]

    async def level(self, connection: Connection, sku: str, location: str) -> Level | None:
        """The level at one location."""
        row = await queries.level(connection, sku=sku, location=location)
        return None if row is None else Level(**row)

    async def announce(self, connection: Connection, sku: str, until: datetime | None) -> bool:
        """Expect a crowd until then; False when there is no such SKU."""
        found: bool = await queries.announce(connection, sku=sku, until=until)
        return found

    async def locations(self, connection: Connection) -> list[Location]:
        """Every location, the first to be asked first."""
        return [Location(**row) async for row in queries.locations(connection)]

    async def set_priority(
        self, connection: Connection, location: str, priority: int, expected: int | None = None
    ) -> bool:
        """When a location is asked for units; it need not hold any yet. False when it is not as expected."""
        done: bool | None = await queries.set_priority(
            connection, location=location, priority=priority, expected=expected
        )
        return done is not None

    async def levels(self, connection: Connection, sku: str) -> list[Level]:
        """By location, the oldest first."""
        return [Level(**row) async for row in queries.levels(connection, sku=sku)]

    async def levels_as_of(self, connection: Connection, sku: str, as_of: datetime) -> list[Level]:
        """The same, folded from the last snapshot and the events up to a moment. Raises UnknownShape."""
        found = []
        async for row in queries.levels_as_of(connection, sku=sku, as_of=as_of):
            fields = dict(row)
            check_shape(fields.pop("schema_v"), fields.pop("strange"))
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
        return [Placed((row["low_since"], row["stream"]), row) async for row in rows]

    async def set_low_mark(
        self, connection: Connection, sku: str, location: str, low_stock_at: int, expected: int | None = None
    ) -> Level | None:
        """The level with its new mark; None when there is no such stream, or its mark is not the expected one."""
        row = await queries.set_low_mark(
            connection, sku=sku, location=location, low_stock_at=low_stock_at, expected=expected
        )
        return None if row is None else Level(**row)


@contextmanager
def _races() -> Iterator[None]:
    try:
        yield
    except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError) as error:
        raise TooSlow() from error
    except asyncpg.PostgresError as error:
        if error.sqlstate == LATE_LINE:
            raise TooSlow() from error
        raise


def _reservation(
    attempt_id: str, state: str, expires_at: datetime, skus: Sequence[str] | None, quantities: Sequence[int]
) -> Reservation:
    lines: dict[str, int] = {}
    for sku, quantity in zip(skus or (), quantities, strict=True):
        lines[sku] = lines.get(sku, 0) + quantity
    return Reservation(
        attempt_id=attempt_id,
        state=state,
        expires_at=expires_at,
        lines=[Line(sku=sku, quantity=quantity) for sku, quantity in lines.items()],
    )


def _placed_event(row: Any) -> Placed:
    fields = dict(row)
    stream = fields.pop("stream")
    fields["data"] = lifted(fields.pop("schema_v"), fields["type"], fields["data"])
    return Placed((fields["at"], stream, fields["version"]), StockEvent(**fields))
