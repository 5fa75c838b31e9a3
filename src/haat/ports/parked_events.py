"""Events that kept failing and were put aside: to look at, and to be acted on once more when the fault is mended."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec


class ParkedEvent(msgspec.Struct, frozen=True):
    """One event that one reader could not act on. `asked_by` is who wants it replayed, until a worker has tried."""

    reader: str
    event_id: str
    name: str
    body: bytes
    error: str
    at: datetime
    asked_by: str | None = None


class ParkedEvents(Protocol):
    """Parked events of the whole house."""

    async def parked(self, limit: int) -> list[ParkedEvent]:
        """The oldest ones first."""
        ...

    async def ask_again(self, actor: str, reader: str | None = None, event_id: str | None = None) -> int:
        """Have a worker act on these again (on all without `event_id`, `reader`); how many were asked for."""
        ...
