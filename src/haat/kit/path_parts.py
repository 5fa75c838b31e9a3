"""Parts of a path that hold a slash themselves, such as a SKU: servers decode a path before anybody parts it."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

SLASH = "%2F"


def kept_apart(raw_path: bytes) -> str:
    """The path decoded, but for the slashes within its parts, which stay encoded."""
    parts = (unquote_to_bytes(part).decode("utf-8", "replace") for part in raw_path.split(b"/"))
    return "/".join(part.replace("/", SLASH) for part in parts)


def whole(part: str) -> str:
    """A part of a path that was kept apart, as it was meant."""
    return part.replace(SLASH, "/")
