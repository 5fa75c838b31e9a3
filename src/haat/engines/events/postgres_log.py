"""The event log as a PostgreSQL table: readers fence on the oldest running transaction, so that none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any

import asyncpg

from haat.engines.events.window import BEGINNING, Entry, Place, Window, entry
from haat.kit.crashpoints import crashpoint
from haat.kit.reactions import LoggedEvent

CHANNEL = "haat_events"
KEEP_DAYS, GIVE_UP_DAYS = 7, 30
FORGET_AT_ONCE = 5_000
FETCH = 500
LOOK_AGAIN_SECONDS = 0.05
STILL_SECONDS = 120.0
# A week of events is written anew.
SETTLE_SECONDS = 600.0
LOOK_AT_PLACES_SECONDS = 0.1
WRITE_PLACES_SECONDS = 0.5
# What somebody tells the readers who waits for their places.
WRITE_NOW = "write your places"

_RELAY = """
WITH {moved}
, logged AS (
    INSERT INTO events.log (id, name, key, at, body)
    -- By position, never by time: clocks differ, but whoever waited for a row of a key got the later position.
    SELECT id, name, key, at, body FROM ({union}) AS gone ORDER BY position RETURNING 1
)
SELECT count(*), CASE WHEN count(*) > 0 THEN pg_notify('{channel}', '')::text END FROM logged
"""
_MOVED = """{schema}_gone AS (
    DELETE FROM {schema}.outbox WHERE position IN (
        SELECT position FROM {schema}.outbox ORDER BY position LIMIT 500
    ) RETURNING position, id, name, key, at, body
)"""
_READ = """
SELECT tx::text AS tx, position, id, name, body FROM events.log
WHERE (tx, position) > ($1::text::xid8, $2::bigint) AND tx < pg_snapshot_xmin(pg_current_snapshot())
-- By the columns themselves: the text of a transaction id sorts 1000 before 999.
ORDER BY log.tx, log.position LIMIT $3
"""
_REMEMBER = """
INSERT INTO events.cursor (reader, tx, position)
SELECT r.reader, r.tx::xid8, r.position FROM unnest($1::text[], $2::text[], $3::bigint[]) AS r (reader, tx, position)
ORDER BY r.reader
ON CONFLICT (reader) DO UPDATE SET tx = excluded.tx, position = excluded.position, at = now()
    WHERE (cursor.tx, cursor.position) < (excluded.tx, excluded.position)
"""
# A reader has a place from its first look on, so that it can be told who lags.
_BEGIN_READING = """
INSERT INTO events.cursor AS c (reader, tx, position) VALUES ($1, '0', 0)
ON CONFLICT (reader) DO UPDATE SET at = c.at RETURNING tx::text AS tx, position
"""
_RELAY_CLAIM = "relay:"
# Not what a reader has still before it, however long it was away; one that nobody has run for a month is given up.
_FORGET = """
DELETE FROM events.log WHERE (tx, position) IN (
    SELECT tx, position FROM events.log
    WHERE at < now() - make_interval(days => $1) AND (tx, position) <= (
        SELECT c.tx, c.position FROM events.cursor c WHERE c.at > now() - make_interval(days => $2)
        ORDER BY c.tx, c.position LIMIT 1
    ) LIMIT $3
)
"""
_PARK = """
INSERT INTO events.parked (reader, event_id, name, body, error) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""


_FROM_ELSEWHERE = """
SELECT EXISTS (SELECT 1 FROM events.log WHERE tx >= pg_snapshot_xmax(pg_current_snapshot()))
    OR EXISTS (SELECT 1 FROM events.cursor WHERE tx >= pg_snapshot_xmax(pg_current_snapshot()))
"""
# By position alone, which a dump keeps; what is met once more was acted on already.
_SETTLE_IN = """
WITH places AS (
    UPDATE events.cursor c SET tx = '0', position = coalesce(
        (SELECT min(l.position) - 1 FROM events.log l WHERE (l.tx, l.position) > (c.tx, c.position)),
        (SELECT max(l.position) FROM events.log l), 0
    )
)
UPDATE events.log SET tx = '0'
"""


# Who still has something before it in the log.
_LAGGING = """
SELECT c.reader FROM events.cursor c WHERE EXISTS (
    SELECT 1 FROM events.log l WHERE (l.tx, l.position) > (c.tx, c.position)
) ORDER BY c.reader
"""
_PLACES = "SELECT reader, tx::text AS tx, position FROM events.cursor ORDER BY reader"


class PostgresLog:
    """One connection per worker: it holds the worker's claims (advisory locks), so that a dead worker holds nothing.

    Places are written down together, a moment late: after a crash the last events come once more.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None
        self._claims: set[str] = set()
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._window = Window()
        self._places: dict[str, Place] = {}
        self._unwritten: set[str] = set()
        self._written_at = 0.0
        # Who found the end of the log, and when: others need not look again right after.
        self._ended: tuple[str, float] = ("", 0.0)

    async def stop(self) -> None:
        """Write the places down and give up every claim."""
        if self._connection is not None:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                async with self._turn:
                    await self._write_places()
                await self._connection.close(timeout=1)

    async def read(self, reader: str, names: Sequence[str], limit: int) -> list[LoggedEvent]:
        """The next events after this reader's place; nothing while another worker reads under this name."""
        async with self._in_turn():
            connection = await self._claimed(reader)
            if connection is None:
                return []
            while True:
                rows = await self._next(connection, reader, limit)
                wanted = [LoggedEvent(row.place, row.id, row.name, row.body) for row in rows if row.name in names]
                # Step over what nobody here wants, or the same rows would be met again each time.
                if wanted or not rows:
                    break
                self._take_place(reader, rows[-1].place)
            if asyncio.get_running_loop().time() - self._written_at > WRITE_PLACES_SECONDS:
                await self._write_places()
            return wanted

    async def acknowledge(self, reader: str, last: LoggedEvent) -> None:
        """Remember the reader's place."""
        self._take_place(reader, last.place)

    async def _next(self, connection: asyncpg.Connection, reader: str, limit: int) -> list[Entry]:
        place, clock = self._places[reader], asyncio.get_running_loop().time()
        if self._window.covers(place):
            rows = self._window.after(place, limit)
            who, when = self._ended
            if rows or (who != reader and clock - when < LOOK_AGAIN_SECONDS):
                return rows
        # Who lags reads for itself alone.
        size = max(limit, FETCH) if place >= self._window.end else limit
        rows = [entry(row) for row in await connection.fetch(_READ, str(place[0]), place[1], size)]
        if place >= self._window.end:
            self._window.extend(place, rows)
            self._ended = (reader, clock if len(rows) < FETCH else 0.0)
        return rows[:limit]

    def _take_place(self, reader: str, place: Place) -> None:
        if place > self._places.get(reader, BEGINNING):
            self._places[reader] = place
            self._unwritten.add(reader)

    async def _write_places(self) -> None:
        self._written_at = asyncio.get_running_loop().time()
        readers = sorted(self._unwritten)
        if not readers or self._connection is None:
            return
        places = [self._places[reader] for reader in readers]
        # Before it is written: whoever gets on meanwhile has a new place to write.
        self._unwritten.clear()
        try:
            await self._connection.execute(
                _REMEMBER, readers, [str(tx) for tx, _ in places], [position for _, position in places]
            )
        except BaseException:
            self._unwritten.update(readers)
            raise

    async def park(self, reader: str, event: LoggedEvent, error: str) -> None:
        """Put an event aside."""
        async with self._in_turn():
            connection = await self._connected()
            await connection.execute(_PARK, reader, event.id, event.name, event.body, error[:2000])

    async def wait(self, seconds: float) -> None:
        """Until something new was logged, or `seconds` have passed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    async def relay(self, schemas: Sequence[str]) -> int:
        """Move what the outboxes hold into the log in one statement; how many events were moved."""
        async with self._in_turn():
            connection = await self._claimed(_RELAY_CLAIM + ",".join(sorted(schemas)))
            if connection is None:
                return 0
            crashpoint("outbox.claimed")
            moved = int((await connection.fetchrow(_relay_statement(tuple(schemas))))[0])
        if moved:
            self._heard()
        return moved

    async def forget_old(self) -> int:
        """Drop what every reader has long passed, some of it at a time; how many rows, 0 when all is gone."""
        async with self._in_turn():
            connection = await self._connected()
            tag: str = await connection.execute(_FORGET, KEEP_DAYS, GIVE_UP_DAYS, FORGET_AT_ONCE)
        return int(tag.rsplit(" ", 1)[-1])

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        """One at a time speaks with the server, and none any longer with one that has become a standby."""
        async with self._turn:
            try:
                yield
            except asyncpg.ReadOnlySQLTransactionError:
                # Sound, but to the wrong server: the next one is opened to whoever is the primary by then.
                if self._connection is not None:
                    self._connection.terminate()
                raise

    async def _claimed(self, claim: str) -> asyncpg.Connection | None:
        connection = await self._connected()
        if claim not in self._claims:
            if not await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 11))", claim):
                return None
            if not claim.startswith(_RELAY_CLAIM):
                row = await connection.fetchrow(_BEGIN_READING, claim)
                self._places[claim] = (int(row["tx"]), row["position"])
            # Not before its place is known: a look that fails in between is made again.
            self._claims.add(claim)
        return connection

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._claims.clear()
            self._places.clear()
            self._unwritten.clear()
            self._window = Window()
            connection = await asyncpg.connect(
                self._dsn, command_timeout=30, server_settings={"plan_cache_mode": "force_generic_plan"}
            )
            try:
                await _settle_in(connection)
                await connection.add_listener(CHANNEL, self._told)
            except BaseException:
                # Not kept half prepared: it would be taken for one that has settled in and listens.
                connection.terminate()
                raise
            self._connection = connection
        return self._connection

    def _told(self, _connection: object, _pid: int, _channel: str, words: object) -> None:
        if words == WRITE_NOW:
            self._written_at = -WRITE_PLACES_SECONDS
        self._heard()

    def _heard(self) -> None:
        self._ended = ("", 0.0)
        self._news.set()
        self._news = asyncio.Event()


async def _settle_in(connection: asyncpg.Connection) -> None:
    """After a dump was restored: let the places that another server's transactions have stand before all of this one's.

    Before anything is relayed or read here, or what is told from now on would lie behind the readers' places.
    """
    if not await connection.fetchval(_FROM_ELSEWHERE):
        return
    async with connection.transaction():
        await connection.execute("LOCK TABLE events.cursor IN SHARE ROW EXCLUSIVE MODE")
        if await connection.fetchval(_FROM_ELSEWHERE):
            await connection.execute(_SETTLE_IN, timeout=SETTLE_SECONDS)


def _relay_statement(schemas: tuple[str, ...]) -> str:
    moved = ", ".join(_MOVED.format(schema=schema) for schema in schemas)
    union = " UNION ALL ".join(f"SELECT * FROM {schema}_gone" for schema in schemas)  # noqa: S608 - our own names
    return _RELAY.format(moved=moved, union=union, channel=CHANNEL)


async def until_read(dsn: str, outboxes: Sequence[str] = (), still_seconds: float = STILL_SECONDS) -> None:
    """Wait until these services' outboxes are empty and no reader has anything before it, as long as anybody moves.

    Raises TimeoutError, naming who lags, when nobody has moved for `still_seconds`.
    """
    connection = await asyncpg.connect(dsn)
    try:
        places, moved_at = None, monotonic()
        # Looked at in this order: what leaves an outbox is before its readers.
        while lagging := await _untold(connection, outboxes) or await connection.fetch(_LAGGING):
            seen = await connection.fetch(_PLACES)
            if seen != places:
                places, moved_at = seen, monotonic()
            elif monotonic() - moved_at > still_seconds:
                names = ", ".join(row[0] for row in lagging)
                raise TimeoutError(f"no event was acted on for {still_seconds:g} s; waiting for {names}")
            # They write their places a moment late, and those who sleep later still.
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, WRITE_NOW)
            await asyncio.sleep(LOOK_AT_PLACES_SECONDS)
    finally:
        await connection.close()


async def _untold(connection: asyncpg.Connection, schemas: Sequence[str]) -> list[Any]:
    """The services that have told something which is not in the log yet."""
    if not schemas:
        return []
    looks = [f"SELECT 'the outbox of {schema}' WHERE EXISTS (SELECT 1 FROM {schema}.outbox)" for schema in schemas]  # noqa: S608 - our own names
    return list(await connection.fetch(" UNION ALL ".join(looks)))
