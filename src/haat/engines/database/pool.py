"""PostgreSQL by asyncpg: a pool of the primary, optionally one of a replica, and transactions that carry events."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from haat.kit.database import Connection, Transaction, holding_connection
from haat.kit.message import Invalid, Unavailable

ACQUIRE_SECONDS = 5.0
STATEMENT_SECONDS = 15.0
LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    TimeoutError,
    # What the driver says of a connection that the server has ended a moment ago.
    asyncpg.InternalClientError,
    # The server has become a standby of another.
    asyncpg.ReadOnlySQLTransactionError,
)
ESCAPED_ZERO = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
NOT_TEXT = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)


class PostgresDatabase:
    """The adapter of `kit.database.Database`."""

    def __init__(self, dsn: str, size: int, replica_dsn: str | None = None) -> None:
        self._dsn, self._replica_dsn, self._size = dsn, replica_dsn, size
        self._pool: _Kept | None = None
        self._replica: _Kept | None = None

    async def start(self) -> None:
        """Connect; raises OSError or asyncpg.PostgresError when the server cannot be reached."""
        self._pool = _Kept(await _pool(self._dsn, self._size), self._size)
        replica = _Kept(await _pool(self._replica_dsn, self._size), self._size) if self._replica_dsn else None
        self._replica = replica or self._pool

    async def stop(self) -> None:
        """Close every connection."""
        for pool in {self._pool, self._replica}:
            if pool is not None:
                await pool.close()

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection in autocommit. Raises Unavailable when none is to be had."""
        return _Held(self._pool)

    def replica(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for reads that may be stale."""
        return _Held(self._replica)

    @asynccontextmanager
    async def transaction(self, schema: str) -> AsyncIterator[Transaction]:
        """BEGIN … COMMIT, with the outbox and the idempotency record written right before the end."""
        async with _Held(self._pool) as connection, connection.transaction():
            transaction = Transaction(connection, schema)
            yield transaction
            await transaction.flush()


class _Kept:
    """A pool whose sound connections go from one user to the next, first come, first served.

    The driver opens connections and sees to broken ones; it would start a task for each that it takes back, and lends
    each behind a proxy, through which every call is made twice: here the connections themselves are handed on.
    """

    def __init__(self, pool: asyncpg.Pool, size: int) -> None:
        self._pool = pool
        self._most = size
        # What the driver wants back, by connection.
        self._proxies: dict[Any, Any] = {}
        # How many are out of the driver's hands: in use, or idle here.
        self._taken = 0
        self._idle: list[Any] = []
        # Found closed while nobody could wait for the driver to take them back.
        self._broken: list[Any] = []
        # Each gets a connection, or None: there is room for one more, to be had from the driver.
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._closing = False

    def kept(self) -> Any:
        """An idle connection, or None."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._broken.append(connection)
        return None

    async def acquire(self) -> Any:
        """One from the driver, or the next that comes back. Raises what is LOST."""
        while self._broken:
            await self.release(self._broken.pop())
        while self._taken >= self._most:
            connection = await self._next()
            if connection is not None:
                return connection
        self._taken += 1
        try:
            proxy = await self._pool.acquire(timeout=ACQUIRE_SECONDS)
            connection = getattr(proxy, "itself", None)
            if connection is None:
                raise asyncpg.InterfaceError("the server closed it while it was on its way here")
        except BaseException:
            self._taken -= 1
            self._hand(None)
            raise
        self._proxies[connection] = proxy
        return connection

    def keep(self, connection: Any) -> bool:
        """Take a sound connection back, for the next; False when that is the driver's business."""
        if self._closing or connection.is_closed():
            return False
        if not self._hand(connection):
            self._idle.append(connection)
        return True

    async def release(self, connection: Any) -> None:
        """Back to the driver, which sees to it after a fault or a cancellation."""
        try:
            await self._pool.release(self._proxies.pop(connection))
        finally:
            self._taken -= 1
            self._hand(None)

    async def close(self) -> None:
        self._closing = True
        for connection in (*self._idle, *self._broken):
            await self.release(connection)
        self._idle.clear()
        self._broken.clear()
        await self._pool.close()

    async def _next(self) -> Any:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(turn)
        late = loop.call_later(ACQUIRE_SECONDS, _too_late, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                # It was ours already: the next one's, then.
                given = turn.result()
                if given is None:
                    self._hand(None)
                elif not self.keep(given):
                    await self.release(given)
            raise
        finally:
            late.cancel()

    def _hand(self, connection: Any) -> bool:
        """To the first who still waits; False when nobody does."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False


def _too_late(turn: asyncio.Future[Any]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError("all connections are in use"))


class _Held:
    """A connection held for a block. A class, not a generator: every statement of the shop passes here."""

    __slots__ = ("_connection", "_pool", "_token")

    def __init__(self, pool: _Kept | None) -> None:
        if pool is None:
            raise RuntimeError("the database was not started")
        self._pool = pool

    async def __aenter__(self) -> Any:
        connection = self._pool.kept()
        if connection is None:
            try:
                connection = await self._pool.acquire()
            except LOST as error:
                raise Unavailable("the database does not answer") from error
        self._connection = connection
        self._token = holding_connection.set(True)
        return connection

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        holding_connection.reset(self._token)
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            # Sound, but to the wrong server: the next one is opened to whoever is the primary by then.
            self._connection.terminate()
        if error is not None or not self._pool.keep(self._connection):
            await self._pool.release(self._connection)
        if isinstance(error, LOST):
            raise Unavailable("the database went away") from error
        if isinstance(error, NOT_TEXT):
            # The zero character, which PostgreSQL keeps in no text: JSON may bring it into any field.
            raise Invalid(errors=[{"pointer": "", "code": "invalid", "detail": "holds a zero character"}]) from error


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that can be had from behind the driver's proxy."""

    __slots__ = ()

    @property
    def itself(self) -> _Connection:
        return self


async def _pool(dsn: str, size: int) -> asyncpg.Pool:
    return await asyncpg.create_pool(
        dsn,
        min_size=min(2, size),
        max_size=size,
        command_timeout=STATEMENT_SECONDS,
        # A process speaks a few hundred different statements: all stay prepared, on every connection.
        statement_cache_size=1000,
        max_cached_statement_lifetime=0,
        connection_class=_Connection,
        init=_prepare,
        # Nothing is kept in a session, so there is nothing to reset: saves a round trip at each release.
        reset=_keep_session,
        # Every statement looks rows up by keys: planning it anew at each call costs more than it ever finds.
        # (A list's place is therefore `id < coalesce(:before, '~')`, never `:before IS NULL OR …`.)
        server_settings={"application_name": "haat", "jit": "off", "plan_cache_mode": "force_generic_plan"},
    )


async def _keep_session(_: Any) -> None:
    return None


async def _prepare(connection: asyncpg.Connection) -> None:
    # json for what is only kept, jsonb for what is asked about in SQL.
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=_document, decoder=msgspec.json.decode
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda data: msgspec.json.decode(data[1:]),
    )


def _document(value: Any) -> bytes:
    encoded = msgspec.json.encode(value)
    # jsonb refuses an escaped zero character; json would keep it, for somebody to stumble over later.
    return ESCAPED_ZERO.sub(rb"\1\0", encoded) if b"\\u0000" in encoded else encoded
