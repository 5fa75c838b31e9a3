"""The best neighbours of every item as two flat arrays: small to store, quick to add up."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from haat.engines.training.histories import Floats, Indices, Sparse

NOBODY = -1


class StoredTable(msgspec.Struct, frozen=True, array_like=True):
    width: int
    targets: bytes
    scores: bytes


@dataclass(frozen=True)
class Table:
    """Row i holds the neighbours of item i, best first: `targets` items x width, NOBODY where there are fewer."""

    targets: Indices
    scores: Floats

    def neighbours(self, item: int) -> tuple[Indices, Floats]:
        known = self.targets[item] != NOBODY
        return self.targets[item][known], self.scores[item][known]

    def add_up(self, sources: Indices, weights: Floats) -> Floats:
        """Weighted sum of the rows of `sources`, one score for every item."""
        items, width = self.targets.shape
        total = np.zeros(items + 1, np.float32)  # the last cell takes what NOBODY would get
        np.add.at(total, self.targets[sources].ravel(), (self.scores[sources] * weights[:, None]).ravel())
        return total[:items] if width else np.zeros(items, np.float32)

    def stored(self) -> StoredTable:
        width = self.targets.shape[1]
        targets = self.targets.astype("<i4").tobytes()
        return StoredTable(width, targets, self.scores.astype("<f4").tobytes())


def load_table(stored: StoredTable, items: int) -> Table:
    """ValueError when the bytes do not fit `items` rows or point outside of them."""
    targets = np.frombuffer(stored.targets, "<i4").astype(np.int32).reshape(items, stored.width)
    scores = np.frombuffer(stored.scores, "<f4").astype(np.float32).reshape(items, stored.width)
    if targets.size and (np.min(targets) < NOBODY or np.max(targets) >= items):
        raise ValueError("neighbour outside of the items")
    return Table(targets, scores)


def best_per_row(matrix: Sparse, width: int) -> Table:
    """The `width` largest positive cells of each row of a sparse or dense square matrix; ties by lower index."""
    items = matrix.shape[0]
    width = min(width, items)
    targets = np.full((items, width), NOBODY, np.int32)
    scores = np.zeros((items, width), np.float32)
    dense = isinstance(matrix, np.ndarray)
    rows = matrix if dense else matrix.tocsr()
    for item in range(items):
        if dense:
            columns, values = np.arange(items), rows[item]
        else:
            cells = slice(rows.indptr[item], rows.indptr[item + 1])
            columns, values = rows.indices[cells], rows.data[cells]
        good = np.flatnonzero((values > 0) & (columns != item))
        order = good[np.lexsort((columns[good], -values[good]))][:width]
        targets[item, : len(order)] = columns[order]
        scores[item, : len(order)] = values[order]
    return Table(targets, scores)


def best(scores: Floats, limit: int, banned: Sequence[int]) -> list[tuple[int, float]]:
    """The `limit` items of positive score not in `banned`, best first."""
    allowed = scores.copy()
    allowed[list(banned)] = 0.0
    # Few items of a large catalogue score at all: only those are sorted.
    found = np.flatnonzero(allowed > 0)
    order = found[np.argsort(-allowed[found], kind="stable")][: max(0, limit)]
    return [(int(item), float(allowed[item])) for item in order]
