"""The rules of media: what bytes are, how they are named, which renditions there are, which range is meant."""

from __future__ import annotations

import hashlib
import re
from typing import Final, Literal

import msgspec

from haat.contracts.media import Media, RangeNotSatisfiable, Rendition
from haat.kit.message import NotFound
from haat.ports.pictures import Format

SourceKind = Literal["svg", "jpg", "png", "mp4", "webm"]

MAX_UPLOAD_BYTES: Final = 20_000_000
WIDTHS: Final = (200, 400, 800, 1200)
DEFAULT_WIDTH: Final = 800
FORMATS: Final[tuple[Format, ...]] = ("avif", "webp", "jpg")
MEDIA_TYPES: Final = {
    "avif": "image/avif",
    "webp": "image/webp",
    "jpg": "image/jpeg",
    "mp4": "video/mp4",
    "webm": "video/webm",
}
DRAWING: Final = "image/svg+xml"
PHOTOGRAPHS: Final = frozenset({"image/jpeg", "image/png", "image/webp", "image/avif"})
VIDEOS: Final[dict[str, SourceKind]] = {"video/mp4": "mp4", "video/webm": "webm"}
_PATH = re.compile(r"([0-9a-f]{40})/(?:([1-9][0-9]{2,3})\.(avif|webp|jpg)|[a-z0-9-]{1,80}\.(mp4|webm))")


class Item(msgspec.Struct, frozen=True):
    """One upload; a video's width and height are 0."""

    id: str
    hash: str
    alt: str
    source: SourceKind
    width: int
    height: int

    def blob(self) -> str:
        """Where the original lies."""
        return f"{folder(self.hash)}/original.{self.source}"


class Wanted(msgspec.Struct, frozen=True):
    """What an address asks for: a rendition, or (width 0) a video as it was uploaded."""

    hash: str
    width: int
    extension: str

    def blob(self) -> str:
        """Where it lies once it is made."""
        name = f"{self.width}.{self.extension}" if self.width else f"original.{self.extension}"
        return f"{folder(self.hash)}/{name}"

    def etag(self) -> str:
        """Strong: the bytes under an address never change."""
        return f'"{self.hash[:16]}-{self.width}-{self.extension}"'


def folder(hash_: str) -> str:
    """Where everything about an original lies."""
    return f"{hash_[:2]}/{hash_}"


def hash_of(body: bytes) -> str:
    """The name of an original: 160 bits of its content."""
    return hashlib.blake2b(body, digest_size=20).hexdigest()


def media_type_of(body: bytes) -> str | None:
    """What the first bytes say a file is; None for anything that is not taken."""
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    if body[4:8] == b"ftyp":
        return "image/avif" if body[8:12] in (b"avif", b"avis") else "video/mp4"
    if body.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in body[:64]:
        return "video/webm"
    return None


def wanted(path: str) -> Wanted:
    """What an address below `/media/` asks for. Raises NotFound."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise NotFound()
    hash_, width, format_, video = found.groups()
    if video is not None:
        return Wanted(hash_, 0, video)
    if int(width) not in WIDTHS:
        raise NotFound()
    return Wanted(hash_, int(width), format_)


def view(item: Item) -> Media:
    """The media with every address it will answer to; nothing is rendered for this."""
    if item.source in ("mp4", "webm"):
        url = f"/media/{item.hash}/video.{item.source}"
        only = Rendition(url=url, media_type=MEDIA_TYPES[item.source], width=0, height=0)
        return Media(id=item.id, url=url, alt=item.alt, width=0, height=0, renditions=[only])
    renditions = []
    for width in WIDTHS:
        # A photograph is never enlarged: wider addresses exist, but they hold the same pixels.
        shown = width if item.source == "svg" else min(width, item.width)
        height = max(1, round(item.height * shown / item.width))
        renditions += [
            Rendition(
                url=f"/media/{item.hash}/{width}.{format_}", media_type=MEDIA_TYPES[format_], width=shown, height=height
            )
            for format_ in FORMATS
        ]
        if width >= item.width and item.source != "svg":
            break
    return Media(
        id=item.id,
        url=f"/media/{item.hash}/{DEFAULT_WIDTH}.jpg",
        alt=item.alt,
        width=item.width,
        height=item.height,
        renditions=renditions,
    )


def slice_of(size: int, start: int | None, end: int | None) -> tuple[int, int]:
    """First byte and number of bytes of an inclusive range, `end` alone being the last so many.

    Raises RangeNotSatisfiable.
    """
    if start is None:
        first = 0 if end is None else max(0, size - end)
        if end == 0:
            raise RangeNotSatisfiable(size=size)
        return first, size - first
    if start >= size:
        raise RangeNotSatisfiable(size=size)
    last = size - 1 if end is None else min(end, size - 1)
    return start, last - start + 1
