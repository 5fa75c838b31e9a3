"""How much of a broad result is looked at, so that a search costs the same in a large shop.

Every product has a level, by chance of its id: half of them have level 1 or more, a quarter 2 or more, and so on.
What many products match is counted among those of a level (a fair sample), and ranked among those of a level and
the products that people look at and buy (the champions); the others follow them. See decision 0070.
"""

import hashlib
from typing import Final

import tantivy

COUNTED_EXACTLY: Final = 10_000
# A sample of those that match holds half as many up to so many: a share of 5 % is told to within a tenth.
SAMPLED: Final = 4_000
# Fewer of a sample than this say too little: all are counted.
ENOUGH: Final = 1_000
RANKED: Final = 2_000
# Finding those that lack the fewest words beside the champions pays from here on.
RANKED_RELAXED: Final = 4_000
DEEPEST_LEVEL: Final = 16
SAMPLE: Final = "sample"
CHAMPION: Final = "champion"


def sample_level(product_id: str) -> int:
    """0 for half of all ids, 1 for a quarter, …; the same each time."""
    chance = int.from_bytes(hashlib.blake2b(product_id.encode(), digest_size=4).digest()) | 1 << DEEPEST_LEVEL
    return (chance & -chance).bit_length() - 1


def champion_level(product_id: str, popularity: float) -> int:
    """By chance as above, or by popularity: one more each time it doubles."""
    return min(DEEPEST_LEVEL, max(sample_level(product_id), int(1 + max(popularity, 0.0)).bit_length() - 1))


def terms_of(level: int) -> list[str]:
    """What a product of this level is found by."""
    return [str(each) for each in range(1, level + 1)]


def level_for(matches: int, wanted: int) -> int:
    """The level whose sample of so many matches has at most `wanted`; 0 is all of them."""
    level = 0
    while matches >> level > wanted and level < DEEPEST_LEVEL:
        level += 1
    return level


class Champions:
    """How many products of one state of the index each level has."""

    def __init__(self, searcher: tantivy.Searcher) -> None:
        self._searcher = searcher
        self._shares: list[float] = []

    def level_for(self, matches: int, relaxed: bool) -> int:
        """The level among whose champions a result of so many matches is ranked; 0: among all.

        `relaxed`: most of them lack some of the words.
        """
        if matches <= (RANKED_RELAXED if relaxed else RANKED):
            return 0
        if not self._shares:
            everyone = max(1, self._searcher.num_docs)
            self._shares = [self._searcher.doc_freq(CHAMPION, term) / everyone for term in terms_of(DEEPEST_LEVEL)]
        levels = range(1, DEEPEST_LEVEL + 1)
        return next(
            (level for level, share in zip(levels, self._shares, strict=True) if matches * share <= RANKED),
            DEEPEST_LEVEL,
        )
