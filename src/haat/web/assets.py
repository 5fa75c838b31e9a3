"""Files that pages load, under addresses that carry a digest of their content: cached for ever, renewed by name."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get

from haat.kit.message import NotFound
from haat.kit.ready import holds

_PACKAGE = Path(__file__).parent.parent
# Where `npm ci` puts third-party files in a checkout, and where an installed distribution carries them.
VENDOR_FOLDERS = (_PACKAGE.parent.parent / "node_modules", _PACKAGE / "data" / "vendor")
VENDORED: Mapping[str, str] = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "scalar.js": "@scalar/api-reference/dist/browser/standalone.js",
}
# Our own files: `static/shop.css` of the storefront is the asset `storefront/shop.css`.
OWN_FOLDERS = (Path(__file__).parent,)
FOR_EVER = "public, max-age=31536000, immutable"
COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml")


class Asset(msgspec.Struct, frozen=True):
    """A file ready to be sent."""

    url: str
    digest: str
    media_type: str
    body: bytes


def asset_url(name: str) -> str | None:
    """The address of an asset such as `htmx.js` or `storefront/shop.css`; None when it is not installed."""
    asset = find(name)
    return None if asset is None else asset.url


@cache
def find(name: str) -> Asset | None:
    """Read an asset once a process; None when there is no such file."""
    path = _path_of(name)
    if path is None:
        return None
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:16]
    stem, _, extension = name.rpartition(".")
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(
        f"/assets/{stem}.{digest}.{extension}", digest, media_type.replace("text/java", "application/java"), body
    )


def _path_of(name: str) -> Path | None:
    if name in VENDORED:
        candidates = [folder / VENDORED[name] for folder in VENDOR_FOLDERS]
    else:
        page, _, rest = name.partition("/")
        candidates = [folder / page / "static" / rest for folder in OWN_FOLDERS if rest]
    return next((path for path in candidates if _is_inside(path) and path.is_file()), None)


def _is_inside(path: Path) -> bool:
    # A name such as `storefront/../../settings.py` must not leave its folder.
    return ".." not in path.parts


@cache
def packed(name: str) -> bytes | None:
    """The gzip form, made once a process; None when the file does not shrink by it."""
    asset = find(name)
    if asset is None or not asset.media_type.startswith(COMPRESSIBLE):
        return None
    small = gzip.compress(asset.body, 6, mtime=0)
    return small if len(small) < len(asset.body) else None


@get("/assets/{path:path}", include_in_schema=False, name="assets")
async def serve_asset(request: Request[Any, Any, Any], path: str) -> Response[bytes]:
    """An asset by its address; under an older digest the newest is given, but not to be kept."""
    stem, _, extension = path.strip("/").rpartition(".")
    name, _, digest = stem.rpartition(".")
    name = f"{name}.{extension}"
    # The console's script is four megabytes: reading and packing it must not hold the loop.
    asset = await asyncio.to_thread(find, name) if "\0" not in name else None
    if asset is None:
        raise NotFound()
    etag = f'"{asset.digest}"'
    headers = {
        # Weak: one tag for the plain body and the packed one.
        "ETag": f"W/{etag}",
        "Cache-Control": FOR_EVER if digest == asset.digest else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if holds(request.headers.get("If-None-Match", ""), etag):
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    body = asset.body
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        small = await asyncio.to_thread(packed, name)
        if small is not None:
            body, headers["Content-Encoding"] = small, "gzip"
    return Response(body, headers=headers, media_type=asset.media_type)
