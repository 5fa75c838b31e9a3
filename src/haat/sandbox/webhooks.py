"""Signed webhooks (Standard Webhooks), stored before they are sent and repeated until answered with 2xx."""

import asyncio
import secrets
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import aiohttp
import msgspec
from standardwebhooks import Webhook

from haat.sandbox.clock import Timers, VirtualClock
from haat.sandbox.faults import Faults

SCHEMA = """
CREATE TABLE IF NOT EXISTS webhook(
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, body BLOB NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    due TEXT NOT NULL);
"""
IN_FLIGHT = 32
TIMEOUT_SECONDS = 10.0
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 60.0
FAREWELL_SECONDS = 1.0
NOTHING = 0


class Message(msgspec.Struct, frozen=True):
    type: str
    timestamp: datetime
    data: dict[str, msgspec.Raw]


class Outbox:
    """Delivered at least once, in no promised order; without a url nothing is stored."""

    def __init__(
        self, database: sqlite3.Connection, clock: VirtualClock, faults: Faults, url: str | None, secret: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._faults = faults
        self._url = url
        self._signer = Webhook(secret) if url else None
        self._due: asyncio.Queue[int] = asyncio.Queue()
        self._timers = Timers(clock, self._deliver, self._stored)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._under_way: set[int] = set()
        self._session: aiohttp.ClientSession | None = None

    def add(self, message: Message) -> None:
        """Store the message; belongs in the transaction of the change it tells."""
        if self._url is None:
            return
        cursor = self._database.execute(
            "INSERT INTO webhook(id, body, due) VALUES (?, ?, ?)",
            ("msg_" + secrets.token_hex(12), msgspec.json.encode(message), message.timestamp.isoformat()),
        )
        # The senders run after this turn of the loop, when the transaction has ended one way or the other.
        assert cursor.lastrowid is not None
        self._enqueue(cursor.lastrowid)

    async def start(self) -> None:
        if self._url is None:
            return
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS), cookie_jar=aiohttp.DummyCookieJar()
        )
        self._timers.run_due()
        self._tasks = [asyncio.create_task(self._send_forever(self._session)) for _ in range(IN_FLIGHT)]

    async def stop(self) -> None:
        """Gives what is in flight a moment to be answered, so that a clean stop repeats nothing."""
        self._timers.close()
        self._stopping = True
        for _ in self._tasks:
            self._due.put_nowait(NOTHING)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FAREWELL_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def run_due(self) -> None:
        """Retries wait in sandbox time, so moving the clock makes them due."""
        if self._url is not None:
            self._timers.run_due()

    def _stored(self) -> Iterator[tuple[datetime, str, str]]:
        for seq, due in self._database.execute("SELECT seq, due FROM webhook ORDER BY seq"):
            yield datetime.fromisoformat(due), str(seq), "deliver"

    def _deliver(self, due: datetime, seq: str, what: str) -> None:
        self._enqueue(int(seq))

    def _enqueue(self, seq: int) -> None:
        # Reading ahead after a leap of the clock finds what is already on its way.
        if seq not in self._under_way:
            self._under_way.add(seq)
            self._due.put_nowait(seq)

    async def _send_forever(self, session: aiohttp.ClientSession) -> None:
        while (seq := await self._due.get()) != NOTHING and not self._stopping:
            row = self._database.execute("SELECT id, body, attempts FROM webhook WHERE seq = ?", (seq,)).fetchone()
            if row is not None:
                await self._send(session, seq, *row)
            self._under_way.discard(seq)

    async def _send(self, session: aiohttp.ClientSession, seq: int, identity: str, body: bytes, attempts: int) -> None:
        copies = 2 if self._faults.take("webhook") else 1
        delivered = [await self._post(session, identity, body) for _ in range(copies)]
        if all(delivered):
            self._database.execute("DELETE FROM webhook WHERE seq = ?", (seq,))
        else:
            self._retry(seq, attempts + 1)

    async def _post(self, session: aiohttp.ClientSession, identity: str, body: bytes) -> bool:
        assert self._signer is not None and self._url is not None
        # The receiver checks the age of the signature, so it carries wall time, not sandbox time.
        now = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(identity, now, body.decode()),
        }
        try:
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.read()
                return 200 <= answer.status < 300
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _retry(self, seq: int, attempts: int) -> None:
        wait = min(FIRST_RETRY_SECONDS * 2 ** min(attempts - 1, 10), LONGEST_RETRY_SECONDS)
        due = self._clock.now() + timedelta(seconds=wait)
        self._database.execute(
            "UPDATE webhook SET attempts = ?, due = ? WHERE seq = ?", (attempts, due.isoformat(), seq)
        )
        self._timers.schedule(due, str(seq), "deliver")
