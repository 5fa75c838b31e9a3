"""What several people edit: a tag of what they read, and changes that hold only while it is so."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, TypeVar

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from haat.kit.message import Message, encode
from haat.kit.ready import holds

T = TypeVar("T")
Known = Annotated[
    str | None, Parameter(header="If-None-Match", description="tags at hand: 304 when one of them still holds")
]
Read = Annotated[
    str | None, Parameter(header="If-Match", description="the ETag as it was read: 412 when it was changed")
]
NOT_MODIFIED = ResponseSpec(data_container=None, description="What you have is current", generate_examples=False)


def version_of(*parts: Message | str | int) -> str:
    """A short digest of what a change would overwrite."""
    text = b"\0".join(encode(part) if isinstance(part, Message) else str(part).encode() for part in parts)
    return hashlib.blake2b(text, digest_size=9).hexdigest()


def tag_of(version: str, rest: object = "") -> str:
    """An ETag that tells apart everything shown, and begins with the version of what can be edited."""
    return f'"{version}-{rest}"' if rest != "" else f'"{version}"'


def version_read(if_match: str | None) -> str | None:
    """The version in an If-Match header, which a change must still find; None without one.

    Of several tags the first counts. A weak or foreign tag gives a version that nothing has.
    """
    if if_match is None:
        return None
    return if_match.partition(",")[0].strip().strip('"').partition("-")[0] or "nothing"


def tagged(value: T, etag: str, known: str | None = None, status: int = 200) -> Response[T]:
    """The answer with its ETag; 304 without a body when the caller knows it. `known` is If-None-Match."""
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if known is not None and holds(known, etag):
        nothing: Any = None
        return Response(nothing, status_code=304, headers=headers)
    return Response(value, status_code=status, headers=headers)
