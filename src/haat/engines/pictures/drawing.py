"""Decoding, resizing and encoding pictures; pure functions that run in a worker process."""

from __future__ import annotations

import io
import warnings

import resvg_py
from PIL import Image, ImageOps, UnidentifiedImageError

from haat.ports.pictures import Accepted, Format, Source, Unreadable

MAX_PIXELS = 40_000_000
# What is kept of an upload: more than the largest rendition on a dense screen has no use.
KEPT_SIDE = 2_400
WHITE = (255, 255, 255)

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# Between one and two times the limit Pillow only warns.
warnings.simplefilter("error", Image.DecompressionBombWarning)


def accept(body: bytes) -> Accepted:
    """Decode an upload, turn it upright, and encode it anew without metadata. Raises Unreadable."""
    picture = _upright(_opened(body, ("JPEG", "PNG", "WEBP", "AVIF")))
    picture.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if picture.mode == "RGBA":
        picture.save(out, "PNG", compress_level=3)
        return Accepted(out.getvalue(), "png", *picture.size)
    picture.save(out, "JPEG", quality=95, subsampling=0)
    return Accepted(out.getvalue(), "jpg", *picture.size)


def render(body: bytes, source: Source, width: int, format_: Format) -> bytes:
    """A kept picture at most `width` pixels wide, encoded. Raises Unreadable."""
    if source == "svg":
        picture = _drawn(body, width)
    else:
        picture = _opened(body, ("JPEG", "PNG"))
        height = max(1, round(picture.height * width / picture.width))
        picture.draft("RGB", (width, height))
        picture = _plain(picture)
        if picture.width > width:
            picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return _encoded(picture, format_)


def _drawn(body: bytes, width: int) -> Image.Image:
    try:
        # System fonts would make the same drawing look different from machine to machine.
        pixels = resvg_py.svg_to_bytes(svg_string=body.decode(), width=width, skip_system_fonts=True)
    except (ValueError, RuntimeError, UnicodeDecodeError) as error:
        raise Unreadable(f"the drawing cannot be drawn: {error}") from error
    return _plain(_opened(pixels, ("PNG",)))


def _opened(body: bytes, formats: tuple[str, ...]) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(body), formats=formats)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Unreadable("the file cannot be read as a picture") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(f"the picture has more than {MAX_PIXELS} pixels") from error
    return picture


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return _plain(ImageOps.exif_transpose(picture))
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise Unreadable("the picture is damaged") from error


def _plain(picture: Image.Image) -> Image.Image:
    """RGB, or RGBA where something shows through."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    return picture.convert("RGB") if picture.getchannel("A").getextrema() == (255, 255) else picture


def _encoded(picture: Image.Image, format_: Format) -> bytes:
    out = io.BytesIO()
    if format_ == "avif":
        picture.save(out, "AVIF", quality=60, speed=8, max_threads=1)
    elif format_ == "webp":
        picture.save(out, "WEBP", quality=80, method=2)
    else:
        if picture.mode == "RGBA":
            ground = Image.new("RGB", picture.size, WHITE)
            ground.paste(picture, mask=picture.getchannel("A"))
            picture = ground
        picture.save(out, "JPEG", quality=82, optimize=True, progressive=True)
    return out.getvalue()
