"""The port of the cache of hot results: it may forget at any time and is never the place of record."""

from __future__ import annotations

from typing import Protocol


class Cache(Protocol):
    """Bytes by key, forgotten after a while or when a tag they carry is invalidated, in every process."""

    async def get(self, key: str) -> bytes | None: ...
    async def put(self, key: str, value: bytes, *, seconds: float, tags: tuple[str, ...] = ()) -> None: ...
    async def invalidate(self, *tags: str) -> None:
        """Forget everything that carries one of the tags: here at once, elsewhere within moments."""
        ...
