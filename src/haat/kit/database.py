"""What a store may ask of a database: connections, and transactions that carry events and idempotency."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from haat.kit.idempotency import Idempotency, IdempotencyConflict, IdempotencyInFlight, replayed
from haat.kit.message import Event, Message, encode, event_name

M = TypeVar("M", bound=Message)
E = TypeVar("E", bound=Event)

# True while this task holds a connection: a call to another service must never hold our locks.
holding_connection: ContextVar[bool] = ContextVar("holding_connection", default=False)


class Connection(Protocol):
    """The part of a driver's connection that stores use; rows are mappings. `timeout` (s) in place of the pool's."""

    async def fetch(self, query: str, *args: Any, timeout: float | None = None) -> list[Any]: ...
    async def fetchrow(self, query: str, *args: Any, timeout: float | None = None) -> Any: ...
    async def fetchval(self, query: str, *args: Any, timeout: float | None = None) -> Any: ...
    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> Any: ...
    async def executemany(self, query: str, args: Any) -> Any: ...


class Database(Protocol):
    """A pool of connections to one database."""

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection in autocommit: each statement is its own transaction."""
        ...

    def replica(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for reads that may be stale; never decide money or stock from it."""
        ...

    def transaction(self, schema: str) -> AbstractAsyncContextManager[Transaction]:
        """A transaction of the service that owns `schema`; its events and idempotency record commit with it."""
        ...


class Batch(Generic[E]):
    """Events handed to a reaction together, in order; accept them in the transaction of their effect."""

    def __init__(self, events: Sequence[E]) -> None:
        self.events = list(events)


class Transaction:
    """One unit of work: statements, the events it tells, and the idempotency record, committed together."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self.connection = connection
        self._schema = schema
        self._events: list[Event] = []
        self._idempotency: Idempotency | None = None
        self._reply: Message | None = None
        self.fetch = connection.fetch
        self.fetchrow = connection.fetchrow
        self.fetchval = connection.fetchval
        self.execute = connection.execute
        self.executemany = connection.executemany

    def publish(self, *events: Event) -> None:
        """Tell these events if, and only if, this transaction commits."""
        self._events.extend(events)

    async def accept(self, batch: Batch[E]) -> list[E]:
        """The events of the batch not yet acted on; they are marked as done with this transaction."""
        fresh = await self.connection.fetch(
            f"INSERT INTO {self._schema}.inbox (event_id) SELECT unnest($1::text[])"
            " ON CONFLICT DO NOTHING RETURNING event_id",
            [event.id for event in batch.events],
        )
        ids = {row[0] for row in fresh}
        # A batch may hold an event twice; the dict keeps the first one's place.
        once = {event.id: event for event in batch.events}
        return [event for event in once.values() if event.id in ids]

    async def replay(self, idempotency: Idempotency | None, reply: type[M]) -> M | None:
        """The stored answer of this key, or None if the work is still to be done (then `remember` the answer).

        Raises IdempotencyInFlight while the first request runs, IdempotencyConflict for another request under the key.
        """
        if idempotency is None:
            return None
        row = await self.connection.fetchrow(
            f"SELECT pg_try_advisory_xact_lock(hashtextextended('{self._schema}:' || $1 || ':' || $2, 7)) AS free,"  # noqa: S608
            f" i.fingerprint, i.reply"
            f" FROM (SELECT 1) one LEFT JOIN {self._schema}.idempotency i ON i.account = $1 AND i.key = $2",
            idempotency.account,
            idempotency.key,
        )
        if row["fingerprint"] is not None:
            return stored_reply(row["fingerprint"], row["reply"], idempotency, reply)
        if not row["free"]:
            raise IdempotencyInFlight()
        # The lock was free, but the first request may have committed between our snapshot and our lock.
        row = await self.connection.fetchrow(
            f"SELECT fingerprint, reply FROM {self._schema}.idempotency WHERE account = $1 AND key = $2",  # noqa: S608
            idempotency.account,
            idempotency.key,
        )
        if row is not None:
            return stored_reply(row["fingerprint"], row["reply"], idempotency, reply)
        self._idempotency = idempotency
        return None

    def remember(self, reply: M) -> M:
        """Store `reply` under the key given to `replay`, with this transaction."""
        self._reply = reply
        return reply

    async def flush(self) -> None:
        """Write the outbox and the idempotency record; the engine calls this right before COMMIT."""
        if self._events:
            await self.connection.execute(
                f"INSERT INTO {self._schema}.outbox (id, name, key, at, body) {OUTBOX_UNNEST.format(1, 2, 3, 4, 5)}",
                *outbox_columns(self._events),
            )
        if self._idempotency is not None and self._reply is not None:
            await self.connection.execute(
                f"INSERT INTO {self._schema}.idempotency (account, key, fingerprint, reply)"  # noqa: S608
                " VALUES ($1, $2, $3, $4)",
                self._idempotency.account,
                self._idempotency.key,
                self._idempotency.fingerprint,
                encode(self._reply),
            )


def stored_reply(stored_fingerprint: str, body: bytes, idempotency: Idempotency, reply: type[M]) -> M:
    """Decode a stored answer, marking this request as replayed. Raises IdempotencyConflict for another body."""
    if stored_fingerprint != idempotency.fingerprint:
        raise IdempotencyConflict()
    replayed.set(True)
    return msgspec.json.decode(body, type=reply)


# For stores that write state, events and record in ONE statement (a data-modifying CTE): the outbox rows as arrays.
OUTBOX_UNNEST = "SELECT * FROM unnest(${}::text[], ${}::text[], ${}::text[], ${}::timestamptz[], ${}::bytea[])"


def outbox_columns(events: Sequence[Event]) -> tuple[list[str], list[str], list[str], list[Any], list[bytes]]:
    """Events as the five arrays that the outbox takes: id, name, key, at, body."""
    return (
        [event.id for event in events],
        [event_name(type(event)) for event in events],
        [event.key for event in events],
        [event.at for event in events],
        [encode(event) for event in events],
    )


def outbox_row(event: Event | None) -> dict[str, Any]:
    """One event as the five values that the outbox takes; five times None for none. Arrays of one cost more to send."""
    if event is None:
        return dict.fromkeys(("event_id", "event_name", "event_key", "event_at", "event_body"))
    return {
        "event_id": event.id,
        "event_name": event_name(type(event)),
        "event_key": event.key,
        "event_at": event.at,
        "event_body": encode(event),
    }


def service_tables(schema: str) -> str:
    """DDL that every service's first migration runs: its outbox, inbox and idempotency records."""
    return f"""
    CREATE TABLE {schema}.outbox (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL, name text NOT NULL, key text NOT NULL, at timestamptz NOT NULL, body bytea NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
    CREATE TABLE {schema}.inbox (event_id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX inbox_at ON {schema}.inbox USING brin (at);
    CREATE TABLE {schema}.idempotency (
        account text NOT NULL, key text NOT NULL, fingerprint text NOT NULL, reply bytea NOT NULL,
        at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (account, key)
    );
    """
