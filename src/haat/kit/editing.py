"""What several people edit: a tag of what they read, and changes that hold only while it is so."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, TypeVar

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from haat.kit.message import Message, encode
from haat.kit.problem import Precondition
from haat.kit.ready import holds

# Of an If-Match header: whatever there is.
ANY = "*"
# Each is a try of the change.
MOST_TAGS = 10
T = TypeVar("T")
Known = Annotated[
    str | None, Parameter(header="If-None-Match", description="tags at hand: 304 when one of them still holds")
]
Read = Annotated[
    str | None,
    Parameter(
        header="If-Match", description="the ETag as it was read: 412 when it was changed; `*`: whatever is there"
    ),
]
NOT_MODIFIED = ResponseSpec(data_container=None, description="What you have is current", generate_examples=False)


def version_of(*parts: Message | str | int) -> str:
    """A short digest of what a change would overwrite."""
    text = b"\0".join(encode(part) if isinstance(part, Message) else str(part).encode() for part in parts)
    return hashlib.blake2b(text, digest_size=9).hexdigest()


def tag_of(version: str, rest: object = "") -> str:
    """An ETag that tells apart everything shown, and begins with the version of what can be edited."""
    return f'"{version}-{rest}"' if rest != "" else f'"{version}"'


def versions_read(if_match: str | None) -> list[str] | None:
    """The versions in an If-Match header, one of which a change must still find: ANY for `*`, None without a header.

    A weak tag, or none at all, names no version (RFC 9110: a change is for whoever has the very same).
    """
    if if_match is None:
        return None
    if if_match.strip() == ANY:
        return [ANY]
    tags = [each.strip() for each in if_match.split(",")[:MOST_TAGS]]
    versions = [tag.strip('"').partition("-")[0] for tag in tags if not tag.startswith("W/")]
    return [version for version in versions if version not in ("", ANY)]


async def as_read(versions: Sequence[str] | None, change: Callable[[str | None], Awaitable[T]]) -> T:
    """Make a change as one of these versions was read, or unseen. Raises Precondition when it is at none of them."""
    if versions is None:
        return await change(None)
    for version in versions:
        with suppress(Precondition):
            return await change(version)
    raise Precondition()


def tagged(value: T, etag: str, known: str | None = None, status: int = 200) -> Response[T]:
    """The answer with its ETag; 304 without a body when the caller knows it. `known` is If-None-Match."""
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if known is not None and holds(known, etag):
        nothing: Any = None
        return Response(nothing, status_code=304, headers=headers)
    return Response(value, status_code=status, headers=headers)
