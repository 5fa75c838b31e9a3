"""What media needs of a picture engine: uploads made harmless, drawings and photographs rendered."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

Format = Literal["avif", "webp", "jpg"]
# The formats in which an accepted picture is kept and rendered from.
Source = Literal["svg", "jpg", "png"]


class Unreadable(Exception):
    """The bytes are not a picture that can be drawn, or one too large to be drawn safely."""


class Accepted(msgspec.Struct, frozen=True):
    """An upload decoded and encoded anew, upright and without metadata; `width` and `height` in pixels."""

    body: bytes
    source: Source
    width: int
    height: int


class Pictures(Protocol):
    """Work is bounded: more than the engine's workers can do waits its turn. Every call may raise Unreadable."""

    async def accept(self, body: bytes) -> Accepted:
        """A photograph (JPEG, PNG, WebP, AVIF) as it may be kept."""
        ...

    async def render(self, body: bytes, source: Source, width: int, format_: Format) -> bytes:
        """A kept picture at most `width` pixels wide (a photograph is never enlarged)."""
        ...
