"""Pages of lists and their opaque cursors: a place in a list, bound to the filters that the list was asked with."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast

import msgspec

from haat.kit.message import DomainError, Page

MAX_LENGTH = 1_000
_DIGEST = 8
_Row = TypeVar("_Row")
_Place = TypeVar("_Place", bound=tuple[Any, ...])

# What places are made of, as databases bear them.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Number = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class InvalidCursor(DomainError):
    """The cursor is damaged, or belongs to a list with other filters."""

    code = "invalid_cursor"
    status = 400
    title = "The cursor does not belong to this list: begin again without it"


def paged(filters: str, found: Sequence[_Row], limit: int, place: Callable[[_Row], tuple[Any, ...]]) -> Page[_Row]:
    """The first `limit` of what was found; whoever looked asked for one more, to know whether more follows.

    `filters` is any text that names the list and how it was asked for, `place` where a row stands in it: strings,
    numbers of 64 bits and moments with a zone.
    """
    data, more = found[:limit], len(found) > limit
    return Page(data=data, has_more=more, next_cursor=encode_cursor(filters, place(data[-1])) if more else None)


def encode_cursor(filters: str, place: tuple[Any, ...]) -> str:
    """The cursor that leads on after `place`."""
    body = msgspec.json.encode(place)
    return base64.urlsafe_b64encode(_digest(filters, body) + body).rstrip(b"=").decode()


def decode_cursor(filters: str, cursor: str | None, shape: type[_Place]) -> _Place | None:
    """The place in a cursor, such as a `tuple[Moment, str]`, moments in UTC; None at the beginning.

    Raises InvalidCursor. The digest is a checksum, not a signature: a cursor opens nothing that its list does not show.
    """
    if cursor is None:
        return None
    if len(cursor) > MAX_LENGTH:
        raise InvalidCursor()
    try:
        raw = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, body = raw[:_DIGEST], raw[_DIGEST:]
        # PostgreSQL's texts bear no NUL.
        if digest != _digest(filters, body) or b"\\u0000" in body:
            raise InvalidCursor()
        place = _decoder(shape).decode(body)
        return cast(_Place, tuple(each.astimezone(UTC) if isinstance(each, datetime) else each for each in place))
    except (binascii.Error, ValueError, OverflowError, msgspec.DecodeError) as error:
        raise InvalidCursor() from error


def id_in(filters: str, cursor: str | None) -> str | None:
    """The id in a cursor of a list that is sorted by id. Raises InvalidCursor."""
    place = decode_cursor(filters, cursor, tuple[str])
    return place[0] if place else None


@lru_cache(maxsize=32)
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


def _digest(filters: str, body: bytes) -> bytes:
    return hashlib.blake2b(filters.encode() + b"\n" + body, digest_size=_DIGEST).digest()
