"""From interaction columns and product texts to a NeighbourModel."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from haat.engines.training import item_models
from haat.engines.training.baskets import together
from haat.engines.training.blend import ItemToItem, Popularity, train_blend
from haat.engines.training.content import content_similarity, content_vectors
from haat.engines.training.histories import Floats, Indices, Sparse, history_matrix
from haat.engines.training.neighbour_model import NeighbourModel, TastePart
from haat.engines.training.tables import NOBODY, Table, best_per_row
from haat.ports.training import Interactions, ItemText, TrainingPlan

DAY_SECONDS = 86_400.0


def learn(interactions: Interactions, texts: Sequence[ItemText], plan: TrainingPlan, now: datetime) -> NeighbourModel:
    """See TrainingEngine.train; what is dated after `now` is left out."""
    until = now.timestamp()
    rows = [row for row in np.argsort(interactions.times, kind="stable") if interactions.times[row] <= until]
    names = dict.fromkeys([*(text.item for text in texts), *(interactions.items[row] for row in rows)])
    index = {item: code for code, item in enumerate(names)}
    histories = _histories(interactions, rows, index)
    sequences = [np.array(history, np.int32) for history in histories.values()]
    people = history_matrix(sequences, len(index), None)
    supported = (people.T @ people).tocsr() if sequences else sparse.csr_matrix((len(index), len(index)))
    supported.data = (supported.data >= plan.minimum_people).astype(np.float32)
    similar, by_content = _similar(sequences, texts, index, supported, plan)
    taste, popular = _taste(sequences, len(index), supported, plan)
    baskets, buyers = _baskets(interactions, rows, index)
    pairs = together(baskets, buyers, len(index), plan.significance, plan.minimum_people)
    return NeighbourModel(
        name=plan.name,
        trained_at=now,
        items=tuple(index),
        index=index,
        similar_table=similar,
        by_content=by_content,
        together_table=best_per_row(pairs, plan.neighbours_kept),
        taste=taste,
        popular=popular,
        trending_items=_trending(interactions, rows, index, plan, until),
        histories={user: history[-plan.history_kept :] for user, history in histories.items()},
        history_kept=plan.history_kept,
    )


def _histories(interactions: Interactions, rows: Sequence[int], index: dict[str, int]) -> dict[str, list[int]]:
    # A dict keeps the order of insertion: taking an item out first moves it to where it was last wanted.
    latest: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for row in rows:
        history = latest[interactions.users[row]]
        item = index[interactions.items[row]]
        history.pop(item, None)
        history[item] = None
    return {user: list(history) for user, history in latest.items()}


def _similar(
    sequences: Sequence[Indices],
    texts: Sequence[ItemText],
    index: dict[str, int],
    supported: Sparse,
    plan: TrainingPlan,
) -> tuple[Table, Indices]:
    items, kept = len(index), plan.neighbours_kept
    behaviour = _top_is_one(item_models.bm25(sequences, items, 4 * kept).multiply(supported).tocsr())
    vectors = content_vectors(texts, [index[text.item] for text in texts], items)
    content = content_similarity(vectors, 4 * kept)
    seen = np.bincount(np.concatenate([*sequences, np.zeros(0, np.int32)]), minlength=items)
    trust = (seen / (seen + plan.significance)).astype(np.float32)
    by_behaviour = (sparse.diags(trust) @ behaviour).tocsr()
    by_words = (sparse.diags(1.0 - trust) @ content).tocsr()
    table = best_per_row(by_behaviour + by_words, kept)
    worded = np.zeros(table.targets.shape, np.int32)
    for item in range(items):
        targets = table.targets[item][table.targets[item] != NOBODY]
        more = by_words[item, targets].toarray() > by_behaviour[item, targets].toarray()
        worded[item, : len(targets)] = more.ravel()
    return table, worded


def _top_is_one(matrix: Sparse) -> Sparse:
    if not matrix.nnz:
        return matrix
    top = np.asarray(matrix.max(axis=1).todense()).ravel()
    return (sparse.diags(1.0 / np.where(top > 0, top, 1.0)) @ matrix).tocsr().astype(np.float32)


def _taste(
    sequences: Sequence[Indices], items: int, supported: Sparse, plan: TrainingPlan
) -> tuple[tuple[TastePart, ...], Floats]:
    parts: list[TastePart] = []
    popular = np.zeros(items, np.float32)
    if not sequences:
        return (), popular
    for part in train_blend(sequences, items, plan.linear_items_limit).parts:
        match part.scorer:
            case ItemToItem(matrix=matrix, decay=decay):
                allowed = supported.multiply(matrix).tocsr()
                table = best_per_row(allowed, plan.neighbours_kept)
                parts.append(TastePart(part.weight, decay or 0.0, table))
            case Popularity(counts=counts):
                popular = (part.weight * np.log1p(counts) / np.log1p(np.max(counts))).astype(np.float32)
    return tuple(parts), popular


def _baskets(
    interactions: Interactions, rows: Sequence[int], index: dict[str, int]
) -> tuple[list[Indices], NDArray[np.int64]]:
    contents: defaultdict[str, set[int]] = defaultdict(set)
    buyer: dict[str, int] = {}
    buyers: dict[str, int] = {}
    for row in rows:
        basket = interactions.baskets[row]
        if basket:
            contents[basket].add(index[interactions.items[row]])
            buyer[basket] = buyers.setdefault(interactions.users[row], len(buyers))
    found = [np.array(sorted(items), np.int32) for items in contents.values()]
    return found, np.array([buyer[basket] for basket in contents], np.int64)


def _trending(
    interactions: Interactions, rows: Sequence[int], index: dict[str, int], plan: TrainingPlan, until: float
) -> tuple[tuple[int, float], ...]:
    wanted: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for row in rows:
        age_days = (until - interactions.times[row]) / DAY_SECONDS
        weight = interactions.weights[row] * 0.5 ** (age_days / plan.trending_half_life_days)
        people = wanted[index[interactions.items[row]]]
        user = interactions.users[row]
        # The strongest act of each person, not the sum: reloading a page does not make a trend.
        people[user] = max(people.get(user, 0.0), weight)
    totals = [(item, sum(people.values())) for item, people in wanted.items() if len(people) >= plan.minimum_people]
    return tuple(sorted(totals, key=lambda pair: (-pair[1], pair[0]))[: plan.trending_kept])
