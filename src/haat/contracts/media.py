"""Media: uploads, renditions, and immutable content-hash addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Message
from haat.kit.rpc import Contract, promise


class Upload(Message, frozen=True):
    """`body` up to 20 MB: JPEG, PNG, WebP, AVIF, MP4, WebM; SVG only from inside.

    The same bytes and `alt` give the same media."""

    body: bytes
    media_type: str
    alt: Annotated[str, Meta(max_length=300)] = ""
    idempotency: Idempotency | None = None


class Rendition(Message, frozen=True):
    url: str
    media_type: str
    width: int
    height: int


class Media(Message, frozen=True):
    """`url` is the default rendition (800 px JPEG, or the video); urls hold the original's hash and never change.

    A video's `width` and `height` are 0."""

    id: str
    url: str
    alt: str
    width: int
    height: int
    renditions: Sequence[Rendition]


class MediaOf(Message, frozen=True):
    ids: Sequence[str]


class MediaList(Message, frozen=True):
    data: Sequence[Media]


class Fetch(Message, frozen=True):
    """A path below `/media/`; `start` and `end` are an inclusive byte range, `end` alone is the last so many bytes."""

    path: str
    start: int | None = None
    end: int | None = None


class Blob(Message, frozen=True):
    """`body` begins at byte `start` of a file of `size` bytes."""

    body: bytes
    media_type: str
    size: int
    etag: str
    start: int = 0


class MediaRefused(DomainError):
    """Not a picture or video that can be accepted; `reason` says why."""

    code = "media_refused"
    status = 422
    title = "This file cannot be accepted"


class RangeNotSatisfiable(DomainError):
    """The range begins behind the end; `size` is the whole."""

    code = "range_not_satisfiable"
    status = 416
    title = "The file is shorter than that"


class MediaStore(Contract):
    """Renditions are made when first asked for and kept; uploads are re-encoded, never served as they came."""

    @promise(safe_to_repeat=True, timeout_seconds=60)
    async def upload(self, ask: Upload) -> Media: ...
    @promise(safe_to_repeat=True)
    async def media(self, ask: MediaOf) -> MediaList: ...
    @promise(safe_to_repeat=True, timeout_seconds=30)
    async def fetch(self, ask: Fetch) -> Blob: ...
