"""Matrix factorisation by alternating least squares; a history is folded in, so new users need no retraining."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from haat.engines.training.histories import Floats, Indices, Sparse, history_matrix


@dataclass(frozen=True)
class Factors:
    """A trained ALS model of the library, asked by history rather than by user."""

    model: Sparse
    items: int

    def scores(self, histories: Sequence[Indices]) -> Floats:
        rows = history_matrix(histories, self.items, None)
        with threadpool_limits(1, "blas"):
            people = self.model.recalculate_user(np.arange(len(histories)), rows)
        result: Floats = np.asarray(people @ self.model.item_factors.T, dtype=np.float32)
        return result


def learn_factors(sequences: Sequence[Indices], items: int, factors: int = 64, passes: int = 20) -> Factors:
    """Fixed seed: the same histories give the same factors."""
    from implicit.als import AlternatingLeastSquares  # noqa: PLC0415

    # The library runs its own threads: with BLAS threads under them it is many times slower.
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=factors, regularization=0.05, alpha=2.0, iterations=passes, random_state=0, num_threads=2
        )
        model.fit(history_matrix(sequences, items, None), show_progress=False)
    return Factors(model, items)
