"""The sandbox's own time, which can be moved forward, and the timers that follow it."""

import asyncio
import heapq
import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import count

from haat.sandbox.storage import read_note, write_note

HORIZON = timedelta(hours=1)


OFFSET = "clock_offset_seconds"


class VirtualClock:
    """Wall time plus an offset that only grows and survives restarts."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._offset = timedelta(seconds=float(read_note(database, OFFSET) or 0))

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def move(self, seconds: float) -> None:
        self._offset += timedelta(seconds=seconds)
        write_note(self._database, OFFSET, str(self._offset.total_seconds()))


class Timers:
    """Calls `fire(due, subject, what)` in order of time. Stale timers are the receiver's to ignore.

    Whoever schedules a timer also stores it: `stored` yields `(due, subject, what)` of all, at the start and
    whenever time nears what was read so far. Only the next hour is held in memory, holds of days are not.
    """

    def __init__(
        self,
        clock: VirtualClock,
        fire: Callable[[datetime, str, str], None],
        stored: Callable[[], Iterable[tuple[datetime, str, str]]],
    ) -> None:
        self._clock = clock
        self._fire = fire
        self._stored = stored
        self._read_until = datetime.min.replace(tzinfo=UTC)
        self._waiting: list[tuple[datetime, int, str, str]] = []
        self._numbers = count()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at: datetime | None = None

    def schedule(self, due: datetime, subject: str, what: str) -> None:
        if due > self._read_until:
            return
        heapq.heappush(self._waiting, (due, next(self._numbers), subject, what))
        if self._alarm_at is None or due < self._alarm_at:
            self._arm()

    def run_due(self) -> None:
        self._read_ahead()
        # The clock is read anew each round: what a timer sets up may itself be due already.
        while self._waiting and self._waiting[0][0] <= self._clock.now():
            due, _, subject, what = heapq.heappop(self._waiting)
            self._fire(due, subject, what)
        self._arm()

    def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()

    def _read_ahead(self) -> None:
        until = self._clock.now() + HORIZON
        if until - self._read_until < HORIZON / 2:
            return
        for due, subject, what in self._stored():
            if self._read_until < due <= until:
                heapq.heappush(self._waiting, (due, next(self._numbers), subject, what))
        self._read_until = until

    def _arm(self) -> None:
        self.close()
        next_reading = self._read_until - HORIZON / 2
        self._alarm_at = min(self._waiting[0][0], next_reading) if self._waiting else next_reading
        wait = max((self._alarm_at - self._clock.now()).total_seconds(), 0.0)
        self._alarm = asyncio.get_running_loop().call_later(wait, self.run_due)
