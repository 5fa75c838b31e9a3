"""The port of the cache of hot results: it may forget at any time and is never the place of record."""

from __future__ import annotations

from typing import Protocol


class Cache(Protocol):
    """Bytes by key, forgotten after a while or when a tag they carry is invalidated, in every process."""

    async def get(self, key: str) -> bytes | None: ...
    async def put(
        self, key: str, value: bytes, *, seconds: float, tags: tuple[str, ...] = (), read_at: int | None = None
    ) -> None:
        """Keep it, unless one of its tags was invalidated since `read_at`: then it may be older than what was told."""
        ...

    def moment(self) -> int:
        """To be taken before reading what is going to be kept."""
        ...

    async def invalidate(self, *tags: str) -> None:
        """Forget everything that carries one of the tags: here at once, elsewhere within moments."""
        ...
