"""Item-to-item models: cosine, BM25, sequence windows, and the closed-form linear ones (EASE, next-item ridge)."""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from haat.engines.training.histories import Floats, Indices, Sparse, followers, history_matrix, prefixes

SUPPORT = 5.0  # pseudo-counts of a source item: what was seen twice must not look certain


def cosine(sequences: Sequence[Indices], items: int, neighbours: int) -> Sparse:
    """Cosine of the sets of users, the `neighbours` best per item; the textbook baseline."""
    from implicit.nearest_neighbours import CosineRecommender  # noqa: PLC0415

    return _nearest(CosineRecommender(K=neighbours + 1, num_threads=1), sequences, items)


def bm25(sequences: Sequence[Indices], items: int, neighbours: int) -> Sparse:
    """Item-item BM25: popular items and long histories count less than in the cosine."""
    from implicit.nearest_neighbours import BM25Recommender  # noqa: PLC0415

    return _nearest(BM25Recommender(K=neighbours + 1, K1=1.2, B=0.75, num_threads=1), sequences, items)


def _nearest(model: Sparse, sequences: Sequence[Indices], items: int) -> Sparse:
    if not any(len(sequence) for sequence in sequences):
        return sparse.csr_matrix((items, items), dtype=np.float32)
    with warnings.catch_warnings():
        # The library converts its own intermediate matrix and complains about it.
        warnings.simplefilter("ignore")
        model.fit(history_matrix(sequences, items, None).astype(np.float64), show_progress=False)
    matrix = model.similarity.astype(np.float32)
    return (matrix - sparse.diags(matrix.diagonal())).tocsr()


def sequence_window(sequences: Sequence[Indices], items: int, reach: float, window: int, backward: float) -> Sparse:
    """P(near in time | item), shrunk for rare items; what came before counts `backward` as much as what came after."""
    after = followers(sequences, items, reach, window)
    counts = np.bincount(np.concatenate([*sequences, np.zeros(0, np.int32)]), minlength=items)
    near = after + backward * after.T
    return (sparse.diags((1.0 / (counts + SUPPORT)).astype(np.float32)) @ near).tocsr()


def _inverse(gram: Floats) -> Floats:
    """Inverse of a symmetric positive definite matrix, in place: at 20,000 items a copy is 1.6 GB."""
    # On cores shared with other work, waiting BLAS threads spin: two were ten times slower than one.
    with threadpool_limits(1, "blas"):
        factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1)
        if failed:
            raise ValueError("matrix is not positive definite: raise the regularisation")
        inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
        if failed:
            raise ValueError("matrix is singular: raise the regularisation")
    lower: Floats = np.tril(inverse)
    lower += np.tril(inverse, -1).T
    return lower


def ease(sequences: Sequence[Indices], items: int, regularisation: float) -> Floats:
    """EASE^R (Steck 2019): the ridge regression of every item on all others, in closed form. Dense items x items."""
    users = history_matrix(sequences, items, None)
    gram = np.asfortranarray((users.T @ users).toarray(), dtype=np.float32)
    gram[np.diag_indices(items)] += regularisation
    weights = _inverse(gram)
    weights /= -np.diag(weights).copy()[None, :]
    weights[np.diag_indices(items)] = 0.0
    return weights


def next_item(sequences: Sequence[Indices], items: int, decay: float, regularisation: float) -> Floats:
    """Ridge regression of the next item on the decayed past, no item predicting itself. Dense items x items."""
    past, following = prefixes(sequences, items, decay, max(2, round(3 * decay)))
    ones = np.ones(len(following), np.float32)
    targets = sparse.csr_matrix((ones, (np.arange(len(following)), following)), shape=(len(following), items))
    gram = np.asfortranarray((past.T @ past).toarray(), dtype=np.float32)
    gram[np.diag_indices(items)] += regularisation
    inverse = _inverse(gram)
    # Lagrange multipliers take the diagonal to zero, as in EASE.
    transitions: Sparse = past.T @ targets
    weights: Floats = np.ascontiguousarray((transitions.T @ inverse).T, dtype=np.float32)
    ratio: Floats = weights.diagonal() / inverse.diagonal()
    return weights - inverse * ratio[None, :]
