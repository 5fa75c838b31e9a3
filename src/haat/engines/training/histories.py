"""Item sequences as sparse matrices: decayed histories, windows of neighbours in time, prefixes and what came next."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Indices = NDArray[np.int32]
Floats = NDArray[np.float32]
Sparse = Any  # scipy ships no types


def history_matrix(histories: Sequence[Indices], items: int, decay: float | None) -> Sparse:
    """One row a history; the newest item weighs 1, one `decay` steps older weighs 1/e; None weighs all the same."""
    lengths = np.array([len(history) for history in histories], dtype=np.int64)
    rows = np.repeat(np.arange(len(histories)), lengths)
    columns = np.concatenate(histories) if len(histories) else np.zeros(0, np.int32)
    if decay is None:
        weights = np.ones(len(columns), np.float32)
    else:
        ends = np.repeat(np.cumsum(lengths), lengths)
        age = ends - 1 - np.arange(len(columns))
        weights = np.exp(-age / decay).astype(np.float32)
    matrix = sparse.csr_matrix((weights, (rows, columns)), shape=(len(histories), items), dtype=np.float32)
    if decay is None:
        matrix.data[:] = 1.0
    return matrix


def popularity(sequences: Sequence[Indices], items: int) -> Floats:
    """How often each item occurs."""
    if not len(sequences):
        return np.zeros(items, np.float32)
    return np.bincount(np.concatenate(sequences), minlength=items).astype(np.float32)


def followers(sequences: Sequence[Indices], items: int, reach: float, window: int) -> Sparse:
    """Cell (i, j): how often j came at most `window` steps after i, a step further counting 1/e^(1/reach) as much."""
    total = sparse.csr_matrix((items, items), dtype=np.float32)
    for lag in range(1, window + 1):
        long_enough = [sequence for sequence in sequences if len(sequence) > lag]
        if not long_enough:
            break
        before = np.concatenate([sequence[:-lag] for sequence in long_enough])
        after = np.concatenate([sequence[lag:] for sequence in long_enough])
        weights = np.full(len(before), np.exp(-(lag - 1) / reach), np.float32)
        total = total + sparse.csr_matrix((weights, (before, after)), shape=(items, items), dtype=np.float32)
    total.setdiag(0)
    total.eliminate_zeros()
    return total.tocsr()


def prefixes(sequences: Sequence[Indices], items: int, decay: float, window: int) -> tuple[Sparse, Indices]:
    """Every moment of every sequence: its decayed last `window` items as a row, and the item that came next."""
    usable = [sequence for sequence in sequences if len(sequence) > 1]
    if not usable:
        return sparse.csr_matrix((0, items), dtype=np.float32), np.zeros(0, np.int32)
    starts = np.cumsum([0, *(len(sequence) - 1 for sequence in usable)])
    rows: list[NDArray[np.int64]] = []
    columns: list[Indices] = []
    weights: list[Floats] = []
    for lag in range(window):
        for start, sequence in zip(starts, usable, strict=False):
            length = len(sequence) - 1 - lag
            if length > 0:
                rows.append(np.arange(start + lag, start + lag + length))
                columns.append(sequence[:length])
                weights.append(np.full(length, np.exp(-lag / decay), np.float32))
    cells = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    matrix = sparse.csr_matrix(cells, shape=(int(starts[-1]), items), dtype=np.float32)
    return matrix, np.concatenate([sequence[1:] for sequence in usable])
