"""Media: uploads, renditions, and immutable content-hash addresses."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Message
from haat.kit.rpc import Contract, promise


class Upload(Message, frozen=True):
    """`body` up to 20 MB: JPEG, PNG, WebP, AVIF, SVG drawings of our own, MP4/WebM, CSS."""

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
    """`url` is the default rendition; every url holds the hash of its content and never changes."""

    id: str
    url: str
    alt: str
    width: int
    height: int
    renditions: list[Rendition]


class MediaOf(Message, frozen=True):
    ids: list[str]


class MediaList(Message, frozen=True):
    data: list[Media]


class Fetch(Message, frozen=True):
    """A path below `/media/`; `start` and `end` are an inclusive byte range."""

    path: str
    start: int | None = None
    end: int | None = None


class Blob(Message, frozen=True):
    body: bytes
    media_type: str
    size: int
    etag: str


class MediaRefused(DomainError):
    """Not a picture or video that can be accepted; `reason` says why."""

    code = "media_refused"
    status = 422
    title = "This file cannot be accepted"


class MediaStore(Contract):
    """Renditions are made when first asked for and kept; uploads are re-encoded, never served as they came."""

    @promise(safe_to_repeat=True, timeout_seconds=60)
    async def upload(self, ask: Upload) -> Media: ...
    @promise(safe_to_repeat=True)
    async def media(self, ask: MediaOf) -> MediaList: ...
    @promise(safe_to_repeat=True, timeout_seconds=30)
    async def fetch(self, ask: Fetch) -> Blob: ...
