"""The default recommender: item models over recency-weighted histories, chosen and weighed on a held-out last item."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from haat.engines.training import item_models
from haat.engines.training.histories import Floats, Indices, Sparse, history_matrix, popularity

STEPS = (0.02, 0.05, 0.15, 0.4, 1.0)
LEAST_GAIN = 0.0005
LEAST_TUNING_USERS = 50
TUNING_CELLS = 24_000_000
TUNING_USERS = 4_000
POOL_DEPTH = 100


class Scorer(Protocol):
    """Scores every item for every history: float32, histories x items; higher is better, seen items not masked."""

    def scores(self, histories: Sequence[Indices]) -> Floats: ...


@dataclass(frozen=True)
class ItemToItem:
    """Adds up the rows of the history's items, the older ones less; `matrix` is sparse or dense, source by row."""

    matrix: Sparse
    decay: float | None

    def scores(self, histories: Sequence[Indices]) -> Floats:
        result = history_matrix(histories, self.matrix.shape[1], self.decay) @ self.matrix
        return np.asarray(result if isinstance(result, np.ndarray) else result.toarray(), dtype=np.float32)


@dataclass(frozen=True)
class Popularity:
    """The same for everyone."""

    counts: Floats

    def scores(self, histories: Sequence[Indices]) -> Floats:
        return np.tile(np.log1p(self.counts), (len(histories), 1))


@dataclass(frozen=True)
class Part:
    name: str
    weight: float
    scorer: Scorer


@dataclass(frozen=True)
class Blend:
    """Sum of parts, each scaled so that its best item for a history scores 1."""

    parts: tuple[Part, ...]

    def scores(self, histories: Sequence[Indices]) -> Floats:
        total: Floats = sum(
            (np.float32(part.weight) * scaled(part.scorer.scores(histories)) for part in self.parts),
            start=np.zeros(1, np.float32),
        )
        return total


Fit = Callable[[Sequence[Indices]], Scorer]


def scaled(scores: Floats) -> Floats:
    top = np.abs(scores).max(axis=1, keepdims=True, initial=0.0)
    return (scores / np.where(top > 0, top, 1.0)).astype(np.float32)


def candidates(items: int, linear_limit: int) -> dict[str, Fit]:
    """Everything the blend may choose from; above `linear_limit` items BM25 neighbours stand for the dense models."""

    def window(reach: float, steps: int, backward: float, decay: float) -> Fit:
        return lambda learn: ItemToItem(item_models.sequence_window(learn, items, reach, steps, backward), decay)

    fits: dict[str, Fit] = {
        "after": window(1, 3, 0.3, 1),
        "near": window(1, 3, 1, 1),
        "near-2": window(2, 6, 1, 2),
        "session": window(8, 24, 1, 8),
        "kin": lambda learn: ItemToItem(item_models.cosine(learn, items, 300), None),
        "popularity": lambda learn: Popularity(popularity(learn, items)),
    }
    if items <= linear_limit:
        fits |= {"next": lambda learn: ItemToItem(item_models.next_item(learn, items, 1.0, 30.0), 1.0)}
    return fits | _long_memory(items, linear_limit)


def _long_memory(items: int, linear_limit: int) -> dict[str, Fit]:
    fitted: list[tuple[int, Sparse]] = []

    def matrix(learn: Sequence[Indices]) -> Sparse:
        # One inversion serves every decay; the key is the learning set itself, fitted twice at most.
        if not fitted or fitted[0][0] != id(learn):
            dense = items <= linear_limit
            fresh = item_models.ease(learn, items, 200.0) if dense else item_models.bm25(learn, items, 200)
            fitted[:] = [(id(learn), fresh)]
        return fitted[0][1]

    def of(decay: float | None) -> Fit:
        return lambda learn: ItemToItem(matrix(learn), decay)

    return {"taste-3": of(3), "taste-15": of(15), "taste": of(None)}


def train_blend(sequences: Sequence[Indices], items: int, linear_limit: int) -> Blend:
    """Holds back the last item of each sequence to choose parts and weights, then learns the chosen ones from all."""
    choice = _tune(sequences, items, linear_limit)
    fits = candidates(items, linear_limit)
    return Blend(tuple(Part(name, weight, fits[name](sequences)) for name, weight in choice.items()))


def _tune(sequences: Sequence[Indices], items: int, linear_limit: int) -> dict[str, float]:
    long_enough = np.array([index for index, sequence in enumerate(sequences) if len(sequence) > 1])
    if len(long_enough) < LEAST_TUNING_USERS:
        return {"near-2": 1.0, "taste-15": 0.4, "popularity": 0.02}
    learn = [sequence[:-1] for sequence in sequences]
    room = max(LEAST_TUNING_USERS, min(TUNING_USERS, TUNING_CELLS // items))
    sample = np.random.default_rng(0).permutation(long_enough)[:room]
    histories = [learn[index] for index in sample]
    targets = np.array([sequences[index][-1] for index in sample])
    scores = {
        name: mask_seen(scaled(fit(learn).scores(histories)), histories)
        for name, fit in candidates(items, linear_limit).items()
    }
    return _greedy(scores, targets)


def _greedy(scores: dict[str, Floats], targets: Indices) -> dict[str, float]:
    """Starts from the best part and keeps adding the step that helps NDCG@10 most, until nothing does."""
    rivals, own = _pool(scores, targets)
    quality = {name: _pooled_ndcg(rivals[name], own[name]) for name in scores}
    first = max(quality, key=lambda name: quality[name])
    chosen, best = {first: 1.0}, quality[first]
    all_rivals, all_own = rivals[first], own[first]
    for _ in range(6):
        steps = [(name, step) for name in scores for step in STEPS]
        gains = [_pooled_ndcg(all_rivals + step * rivals[name], all_own + step * own[name]) for name, step in steps]
        if max(gains) < best + LEAST_GAIN:
            break
        best = max(gains)
        name, step = steps[gains.index(best)]
        chosen[name] = chosen.get(name, 0.0) + step
        all_rivals, all_own = all_rivals + step * rivals[name], all_own + step * own[name]
    # Where no part knows anything, the popular ones are the best guess.
    return chosen | {"popularity": max(chosen.get("popularity", 0.0), 0.001)}


def _pool(scores: dict[str, Floats], targets: Indices) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Scores of every part for the rivals of each target, and for the target. The rivals are the union of the best
    of all parts: what is far down in each will not come up in their sum, and leaving it out is ten times faster."""
    depth = min(POOL_DEPTH, next(iter(scores.values())).shape[1])
    tops = [np.argpartition(-part, depth - 1, axis=1)[:, :depth] for part in scores.values()]
    pool = np.sort(np.concatenate(tops, axis=1), axis=1)
    rival = pool != targets[:, None]
    rival[:, 1:] &= pool[:, 1:] != pool[:, :-1]
    rows = np.arange(len(targets))
    rivals = {
        name: np.where(rival, np.take_along_axis(part, pool, axis=1), np.float32(-np.inf))
        for name, part in scores.items()
    }
    return rivals, {name: part[rows, targets] for name, part in scores.items()}


def _pooled_ndcg(rivals: Floats, own: Floats) -> float:
    return ndcg((rivals >= own[:, None]).sum(axis=1), 10)


def mask_seen(scores: Floats, histories: Sequence[Indices]) -> Floats:
    """The same array with every history's own items at minus infinity."""
    for row, history in enumerate(histories):
        scores[row, history] = -np.inf
    return scores


def ranks(scores: Floats, targets: Indices) -> Indices:
    """Zero-based rank of each row's target; ties count against it, and a masked target is last."""
    own = scores[np.arange(len(targets)), targets][:, None]
    positions: Indices = ((scores >= own).sum(axis=1) - 1).astype(np.int32)
    return positions


def hit_rate(positions: Indices, depth: int) -> float:
    return float((positions < depth).mean()) if len(positions) else 0.0


def ndcg(positions: NDArray[np.integer[Any]], depth: int) -> float:
    """With one relevant item: 1 / log2(rank + 2) inside the depth, 0 below."""
    gains = np.where(positions < depth, 1.0 / np.log2(positions + 2.0), 0.0)
    return float(gains.mean()) if len(positions) else 0.0
