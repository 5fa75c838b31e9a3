"""The newest part of the event log in memory: one read serves all readers of a process."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import msgspec

# The writing transaction and the position: compared as numbers.
Place = tuple[int, int]
BEGINNING: Place = (0, 0)


class Entry(msgspec.Struct, frozen=True):
    """A row of the log."""

    place: Place
    id: str
    name: str
    body: bytes


class Window:
    """Rows without a gap from `start` to `end`; at most `limit` are kept."""

    def __init__(self, limit: int = 4_000) -> None:
        self._limit = limit
        self._places: list[Place] = []
        self._rows: list[Entry] = []
        self.start = self.end = BEGINNING

    def covers(self, place: Place) -> bool:
        """Whether everything known after this place is here."""
        return self.start <= place <= self.end

    def after(self, place: Place, limit: int) -> list[Entry]:
        """The next rows after a place that the window covers."""
        first = bisect_right(self._places, place)
        return self._rows[first : first + limit]

    def extend(self, place: Place, rows: Sequence[Entry]) -> None:
        """Take what was read after `place`; what lies before it is dropped unless the window ends there."""
        if place != self.end:
            self._places, self._rows, self.start, self.end = [], [], place, place
        self._rows += rows
        self._places += [row.place for row in rows]
        if rows:
            self.end = rows[-1].place
        spare = len(self._rows) - self._limit
        if spare > 0:
            self.start = self._places[spare - 1]
            del self._rows[:spare], self._places[:spare]


def entry(row: Any) -> Entry:
    """A row of the log as the database gives it."""
    return Entry((int(row["tx"]), row["position"]), row["id"], row["name"], row["body"])
