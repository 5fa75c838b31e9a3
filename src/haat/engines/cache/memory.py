"""The cache of the embedded default: a bounded dictionary a process, invalidated across processes by NOTIFY."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict
from contextlib import suppress

import asyncpg
import msgspec
import structlog

from haat.engines.database.pool import STATEMENT_SECONDS

log = structlog.get_logger("haat.cache")
CHANNEL = "haat_cache"
RECONNECT_SECONDS = 1.0
# The last is what the driver says of a connection that the server has ended a moment ago.
LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# NOTIFY carries at most 8,000 bytes.
TAGS_A_NOTICE = 100
# How many invalidated tags are remembered, so that what was read before is not kept after.
TAGS_REMEMBERED = 10_000


class MemoryCache:
    """At most `limit` entries, oldest out first. With a `dsn`, invalidations reach every other process."""

    def __init__(self, limit: int = 20_000, dsn: str | None = None) -> None:
        self._limit = limit
        self._dsn = dsn
        # An ordinary dict takes the longer to find its oldest key the more were taken out before.
        self._entries: OrderedDict[str, tuple[float, bytes, tuple[str, ...]]] = OrderedDict()
        self._keys_by_tag: defaultdict[str, set[str]] = defaultdict(set)
        self._moment = 0
        self._invalidated: OrderedDict[str, int] = OrderedDict()
        # What was read before this moment is not kept: what has been invalidated since is no longer known.
        self._earliest = 0
        self._connection: asyncpg.Connection | None = None
        self._listener: asyncio.Task[None] | None = None
        # Tags that others have still to be told of; a connection carries one notice at a time.
        self._untold: list[str] = []
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Begin to listen for the invalidations of others."""
        if self._dsn is not None:
            await self._connect()
            self._listener = asyncio.create_task(self._keep_listening())

    async def stop(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener
        if self._connection is not None:
            self._connection.terminate()

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] < time.monotonic():
            self._drop(key)
            return None
        return entry[1]

    def moment(self) -> int:
        return self._moment

    async def put(
        self, key: str, value: bytes, *, seconds: float, tags: tuple[str, ...] = (), read_at: int | None = None
    ) -> None:
        if read_at is not None and (
            read_at < self._earliest or any(self._invalidated.get(tag, 0) > read_at for tag in tags)
        ):
            return
        if key in self._entries:
            self._drop(key)
        while len(self._entries) >= self._limit:
            self._drop(next(iter(self._entries)))
        self._entries[key] = (time.monotonic() + seconds, value, tags)
        for tag in tags:
            self._keys_by_tag[tag].add(key)

    async def invalidate(self, *tags: str) -> None:
        self._forget(tags)
        if self._connection is not None:
            self._untold += tags
            await self._tell()

    async def _tell(self) -> None:
        """Tell others what they do not know yet; what cannot be told now waits for the next connection."""
        async with self._turn:
            try:
                while self._connection is not None and self._untold:
                    some = self._untold[:TAGS_A_NOTICE]
                    notice = msgspec.json.encode(some).decode()
                    await self._connection.execute("SELECT pg_notify($1, $2)", CHANNEL, notice)
                    del self._untold[: len(some)]
            except LOST:
                # One that hangs, or leads to a server that is no longer the primary, would stay open.
                if self._connection is not None:
                    self._connection.terminate()

    def _forget(self, tags: tuple[str, ...] | list[str]) -> None:
        self._moment += 1
        for tag in tags:
            self._invalidated[tag] = self._moment
            self._invalidated.move_to_end(tag)
            for key in list(self._keys_by_tag.get(tag, ())):
                self._drop(key)
        while len(self._invalidated) > TAGS_REMEMBERED:
            self._earliest = self._invalidated.popitem(last=False)[1]

    def _drop(self, key: str) -> None:
        _, _, tags = self._entries.pop(key)
        for tag in tags:
            keys = self._keys_by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._keys_by_tag[tag]

    async def _connect(self) -> None:
        # Who invalidates waits for its turn: no longer for a server that hangs than with any other statement.
        connection = await asyncpg.connect(self._dsn, command_timeout=STATEMENT_SECONDS)
        try:
            await connection.add_listener(CHANNEL, self._heard)
        except BaseException:
            # Open and deaf, it would be taken for one that listens.
            connection.terminate()
            raise
        self._connection = connection

    def _heard(self, _: object, __: int, ___: str, payload: object) -> None:
        self._forget(msgspec.json.decode(str(payload), type=list[str]))

    async def _keep_listening(self) -> None:
        while True:
            await asyncio.sleep(RECONNECT_SECONDS)
            if self._connection is not None and not self._connection.is_closed():
                continue
            # Invalidations may have been missed while deaf: start empty.
            self._start_empty()
            try:
                await self._connect()
            except LOST as error:
                log.warning("cache cannot listen", error=repr(error))
            else:
                # Nor may what was kept meanwhile outlive the silence.
                self._start_empty()
                await self._tell()

    def _start_empty(self) -> None:
        self._entries.clear()
        self._keys_by_tag.clear()
        self._moment += 1
        self._earliest = self._moment
