"""Opaque places in a list of results, bound to the search that made them."""

import base64
import hashlib
import math
from typing import Final

import msgspec

from haat.engines.text_search.breadth import DEEPEST_LEVEL
from haat.ports.text_search import BadCursor, SearchQuery

REMEMBERED: Final = 5
_FURTHEST_KEY: Final = (1 << 63) - 1


class Place(msgspec.Struct, frozen=True, array_like=True):
    """After which hit to go on: its key in the sort, how many came up to it, in which state of the index.

    `ids` are its own and those of a few before it, the last one last: it may be gone when the next page is asked for.
    `level` is that of the champions who came first.
    """

    ask: str
    key: float | int
    ids: tuple[str, ...]
    seen: int
    state: str
    level: int


def fingerprint(ask: SearchQuery) -> str:
    """The same for every page of one search."""
    same = msgspec.structs.replace(ask, cursor=None, offset=0, limit=0, facets=True)
    return hashlib.blake2b(msgspec.msgpack.encode(same), digest_size=8).hexdigest()


def encode(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).rstrip(b"=").decode()


def decode(cursor: str, ask: SearchQuery) -> Place:
    """Raises BadCursor for anything that `encode` did not make for this very search."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        place = msgspec.msgpack.decode(raw, type=Place)
    except (ValueError, msgspec.DecodeError) as error:
        raise BadCursor("the cursor cannot be read") from error
    if place.ask != fingerprint(ask):
        raise BadCursor("the cursor belongs to another search")
    if (
        place.seen < 0
        or not 0 <= place.level <= DEEPEST_LEVEL
        or not math.isfinite(place.key)
        or abs(place.key) > _FURTHEST_KEY
    ):
        raise BadCursor("the cursor cannot be read")
    return place
