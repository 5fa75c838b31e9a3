"""The port of the place, apart from the database, that remembers how far the audit trail had come."""

from __future__ import annotations

from typing import Protocol


class AuditAnchors(Protocol):
    """Whoever cuts the end off the trail would have to cut it off here as well."""

    def keep(self, number: int, head: bytes) -> None: ...
    def kept(self) -> dict[int, bytes]:
        """The head of each seal that was kept, by the seal's number."""
        ...
