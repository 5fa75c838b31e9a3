"""Brands and category paths as numbers, which the engine counts many times faster than text."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import tantivy

from haat.ports.text_search import CategoryRef

CODE_BITS: Final = 63
_BETWEEN_PARTS: Final = "\x1f"
_BETWEEN_CATEGORIES: Final = "\x1e"


def code_of(name: str) -> int:
    """Bits of a hash: a number does not depend on what else is in the index."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 64 - CODE_BITS


def path_name(categories: Sequence[CategoryRef]) -> str:
    """A path of categories, from the root, as one name."""
    return _BETWEEN_CATEGORIES.join(_BETWEEN_PARTS.join((each.id, each.slug, each.name)) for each in categories)


# A shop has few paths, and each search counts dozens of them.
@lru_cache(maxsize=10_000)
def path_of(name: str) -> tuple[CategoryRef, ...]:
    return tuple(CategoryRef(*part.split(_BETWEEN_PARTS)) for part in name.split(_BETWEEN_CATEGORIES))


class Names:
    """The names behind the numbers, learnt from the terms of the index when an unknown number is met."""

    def __init__(self) -> None:
        self._by_code: dict[str, dict[int, str]] = {}

    def name_of(self, searcher: tantivy.Searcher, field: str, code: int) -> str:
        """The name in `field` that has this number."""
        known = self._by_code.setdefault(field, {})
        if code not in known:
            known.update({code_of(name): name for name, _ in searcher.terms_with_prefix(field, "")})
        return known[code]
