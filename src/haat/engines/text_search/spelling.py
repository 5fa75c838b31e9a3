"""What a word that no product contains was probably meant to be."""

from collections.abc import Iterable, Sequence
from typing import Final

import tantivy

_SHORTEST: Final = 4
_TWO_EDITS_FROM: Final = 8
_CANDIDATES: Final = 3


def edits(left: str, right: str, most: int) -> int | None:
    """Insertions, deletions, changes and swaps of neighbours from one word to the other; None above `most`."""
    if abs(len(left) - len(right)) > most:
        return None
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        previous, row = row, [i]
        for j, other in enumerate(right, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
        before = previous
    return row[-1] if row[-1] <= most else None


def nearest(word: str, dictionary: Iterable[tuple[str, int]], most: int) -> list[tuple[int, int, str]]:
    """(edits, -frequency, term) of the terms within reach, best first."""
    letters = set(word)
    found = []
    for term, frequency in dictionary:
        # Each edit brings in or takes away at most two letters: most terms are ruled out without counting edits.
        if abs(len(term) - len(word)) > most or len(letters.symmetric_difference(term)) > 2 * most:
            continue
        distance = edits(word, term, most)
        if distance is not None and distance > 0 and not term.isdigit():
            found.append((distance, -frequency, term))
    return sorted(found)


class Speller:
    """Knows the words of titles, brands, categories and attributes of one state of the index."""

    def __init__(self, searcher: tantivy.Searcher) -> None:
        self._searcher = searcher
        self._by_letter: dict[str, list[tuple[str, int]]] = {}

    def candidates(self, word: str) -> Sequence[str]:
        """The terms nearest to a misspelt word, best first; none for short words and for those with digits."""
        if len(word) < _SHORTEST or any(letter.isdigit() for letter in word):
            return ()
        most = 2 if len(word) >= _TWO_EDITS_FROM else 1
        # People seldom get the first letter wrong; the second covers a swap or a forgotten first letter.
        terms = self._terms(word[0])
        found = nearest(word, terms, most)
        if not found:
            found = nearest(word, self._terms(word[1]), most)
        if not found:
            return ()
        best = found[0][0]
        return [term for distance, _, term in found if distance == best][:_CANDIDATES]

    def _terms(self, letter: str) -> list[tuple[str, int]]:
        known = self._by_letter.get(letter)
        if known is None:
            known = self._by_letter[letter] = self._searcher.terms_with_prefix("words", letter)
        return known
