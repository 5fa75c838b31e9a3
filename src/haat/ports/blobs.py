"""Where files lie: whole bodies under content-hash names, written once and read often, in parts too."""

from __future__ import annotations

from typing import Protocol


class Blobs(Protocol):
    """Names are lower-case paths such as `ab/abcdef/800.jpg`; anything else is a ValueError.

    A reader sees a body whole or not at all. Writing a name again replaces it in one step.
    """

    async def write(self, name: str, body: bytes) -> None:
        """Durable when it returns."""
        ...

    async def read(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """The body, or `length` bytes (fewer at its end) from `start` on; None when there is no such name."""
        ...

    async def size(self, name: str) -> int | None:
        """Bytes of a body; None when there is no such name."""
        ...
