"""Bought together: pairs of one basket that meet more often than chance, believed the more the more often seen."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from haat.engines.training.histories import Indices, Sparse

LARGEST_BASKET = 50  # a wholesale order pairs everything with everything and says nothing


def together(
    baskets: Sequence[Indices],
    buyers: NDArray[np.int64],
    items: int,
    significance: float,
    minimum_people: int,
) -> Sparse:
    """Cosine of baskets x n / (n + significance), for pairs of lift above 1 bought by at least `minimum_people`
    different buyers. `baskets` hold distinct items; `buyers[k]` bought `baskets[k]`."""
    usable = [index for index, basket in enumerate(baskets) if 1 < len(basket) <= LARGEST_BASKET]
    if not usable:
        return sparse.csr_matrix((items, items), dtype=np.float32)
    left = np.concatenate([np.repeat(baskets[index], len(baskets[index])) for index in usable]).astype(np.int64)
    right = np.concatenate([np.tile(baskets[index], len(baskets[index])) for index in usable]).astype(np.int64)
    who = np.concatenate([np.full(len(baskets[index]) ** 2, buyers[index]) for index in usable])
    pairs = left * items + right
    keys, met = np.unique(pairs, return_counts=True)
    # One buyer's hundred identical orders are one opinion.
    once = np.unique(np.stack([pairs, who]), axis=1)[0]
    people = np.unique(once, return_counts=True)[1]
    rows, columns = keys // items, keys % items
    bought = np.bincount(np.concatenate(list(baskets)), minlength=items)
    chance = bought[rows] * bought[columns] / len(baskets)
    good = (rows != columns) & (people >= minimum_people) & (met > chance)
    cosine = met / np.sqrt(bought[rows] * bought[columns])
    strength = (cosine * met / (met + significance)).astype(np.float32)
    cells = (strength[good], (rows[good], columns[good]))
    return sparse.csr_matrix(cells, shape=(items, items), dtype=np.float32)
