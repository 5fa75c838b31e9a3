"""Parked events in PostgreSQL: listed, asked for again, and handed to a worker that acts on them once more."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from haat.kit.database import Database
from haat.ports.parked_events import ParkedEvent

LEASE_SECONDS = 60
_PARKED = """
SELECT reader, event_id, name, body, error, at, asked_by FROM events.parked ORDER BY at, reader, event_id LIMIT $1
"""
_ASK = """
UPDATE events.parked SET asked_by = $1, try_at = now()
WHERE ($2::text IS NULL OR reader = $2) AND ($3::text IS NULL OR event_id = $3)
"""
# Leased, so that the other workers leave it alone; in the order in which they were told.
_CLAIM = """
UPDATE events.parked p SET try_at = now() + make_interval(secs => $2)
FROM (
    SELECT reader, event_id FROM events.parked WHERE reader = ANY($1::text[]) AND try_at <= now()
    ORDER BY at, event_id LIMIT 1 FOR UPDATE SKIP LOCKED
) due
WHERE p.reader = due.reader AND p.event_id = due.event_id
RETURNING p.reader, p.event_id, p.name, p.body, p.error, p.at, p.asked_by
"""
_DONE = "DELETE FROM events.parked WHERE reader = $1 AND event_id = $2"
_FAILED = "UPDATE events.parked SET error = $3, asked_by = NULL, try_at = NULL WHERE reader = $1 AND event_id = $2"


class PostgresParked:
    """The parked events of the PostgreSQL event log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def parked(self, limit: int) -> list[ParkedEvent]:
        """The oldest ones first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_PARKED, limit)
        return [msgspec.convert(dict(row), ParkedEvent) for row in rows]

    async def ask_again(self, actor: str, reader: str | None = None, event_id: str | None = None) -> int:
        """Mark them for the workers; how many there were."""
        async with self._database.connection() as connection:
            tag: str = await connection.execute(_ASK, actor, reader, event_id)
        return int(tag.rsplit(" ", 1)[-1])

    async def claim(self, readers: Sequence[str]) -> ParkedEvent | None:
        """The next one that was asked for and that one of these readers takes; None when there is none."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_CLAIM, list(readers), LEASE_SECONDS)
        return None if row is None else msgspec.convert(dict(row), ParkedEvent)

    async def settle(self, event: ParkedEvent, error: str | None) -> None:
        """It was acted on, and is gone; or it failed again, and stays with the new error."""
        async with self._database.connection() as connection:
            if error is None:
                await connection.execute(_DONE, event.reader, event.event_id)
            else:
                await connection.execute(_FAILED, event.reader, event.event_id, error[:2000])
