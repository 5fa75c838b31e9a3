"""The trained model as neighbour tables: pure answers in memory, and its bytes (msgpack, never code)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np

from haat.engines.training.histories import Floats, Indices
from haat.engines.training.tables import StoredTable, Table, best, load_table
from haat.ports.training import Reason, Recommended

FORMAT = "haat-neighbours-1"


class StoredModel(msgspec.Struct, frozen=True):
    format: str
    name: str
    trained_at: datetime
    items: list[str]
    similar: StoredTable
    by_content: bytes
    together: StoredTable
    taste: list[tuple[float, float, StoredTable]]
    popular: bytes
    trending: list[tuple[int, float]]
    histories: dict[str, list[int]]
    history_kept: int


@dataclass(frozen=True)
class TastePart:
    """One part of the for-you blend; `decay` in steps of history, 0 for none."""

    weight: float
    decay: float
    table: Table


@dataclass(frozen=True)
class NeighbourModel:
    """Implements TrainedModel. `by_content` marks the cells of `similar` that content decided."""

    name: str
    trained_at: datetime
    items: tuple[str, ...]
    index: dict[str, int]
    similar_table: Table
    by_content: Indices
    together_table: Table
    taste: tuple[TastePart, ...]
    popular: Floats
    trending_items: tuple[tuple[int, float], ...]
    histories: dict[str, list[int]]
    history_kept: int

    def similar(self, item: str, limit: int, exclude: Sequence[str] = ()) -> list[Recommended]:
        """See TrainedModel."""
        if item not in self.index:
            return []
        row = self.index[item]
        banned = set(self._known([*exclude, item]))
        targets, scores = self.similar_table.neighbours(row)
        answers = [
            Recommended(self.items[target], float(score), "content" if worded else "behaviour")
            for target, score, worded in zip(targets, scores, self.by_content[row], strict=False)
            if target not in banned
        ]
        return answers[: max(0, limit)]

    def bought_together(self, items: Sequence[str], limit: int) -> list[Recommended]:
        """See TrainedModel."""
        sources = self._known(items)
        scores = self.together_table.add_up(np.array(sources, np.int32), np.ones(len(sources), np.float32))
        return self._answer(best(scores, limit, sources), "bought_together")

    def for_you(
        self, user: str | None, recent: Sequence[str], limit: int, exclude: Sequence[str] = ()
    ) -> list[Recommended]:
        """See TrainedModel."""
        learned = self.histories.get(user, []) if user is not None else []
        latest_last = list(dict.fromkeys(reversed([*learned, *self._known(recent)])))[: self.history_kept][::-1]
        if not latest_last:
            return self.trending(limit, exclude)
        banned = [*latest_last, *self._known(exclude)]
        scores = self._taste_scores(np.array(latest_last, np.int32))
        scores[banned] = 0.0
        answers = self._answer(best(scores, limit, banned), "for_you" if learned else "session")
        missing = limit - len(answers)
        if missing > 0:
            told = [answer.item for answer in answers]
            answers += self.trending(missing, [*exclude, *told, *(self.items[item] for item in latest_last)])
        return answers

    def _taste_scores(self, history: Indices) -> Floats:
        total = np.zeros(len(self.items), np.float32)
        age = np.arange(len(history))[::-1]
        for part in self.taste:
            weights = np.exp(-age / part.decay) if part.decay else np.ones(len(history))
            scores = part.table.add_up(history, weights.astype(np.float32))
            top = np.max(scores, initial=0.0)
            if top > 0:
                total += part.weight * scores / top
        # Popularity only orders what taste has found: alone it would be trending under another name.
        return np.where(total > 0, total + self.popular, 0.0).astype(np.float32)

    def trending(self, limit: int, exclude: Sequence[str] = ()) -> list[Recommended]:
        """See TrainedModel."""
        banned = set(self._known(exclude))
        allowed = [(item, score) for item, score in self.trending_items if item not in banned]
        return self._answer(allowed[: max(0, limit)], "trending")

    def _known(self, items: Iterable[str]) -> list[int]:
        return [self.index[item] for item in items if item in self.index]

    def _answer(self, found: Iterable[tuple[int, float]], reason: Reason) -> list[Recommended]:
        return [Recommended(self.items[item], float(score), reason) for item, score in found]

    def to_bytes(self) -> bytes:
        """See TrainedModel."""
        stored = StoredModel(
            format=FORMAT,
            name=self.name,
            trained_at=self.trained_at,
            items=list(self.items),
            similar=self.similar_table.stored(),
            by_content=self.by_content.astype("<i4").tobytes(),
            together=self.together_table.stored(),
            taste=[(part.weight, part.decay, part.table.stored()) for part in self.taste],
            popular=self.popular.astype("<f4").tobytes(),
            trending=list(self.trending_items),
            histories=self.histories,
            history_kept=self.history_kept,
        )
        return msgspec.msgpack.encode(stored)


def load_model(data: bytes) -> NeighbourModel:
    """ValueError when the bytes are no model, of another format, or damaged."""
    try:
        stored = msgspec.msgpack.decode(data, type=StoredModel)
    except msgspec.DecodeError as broken:
        raise ValueError(f"not a trained model: {broken}") from broken
    if stored.format != FORMAT:
        raise ValueError(f"trained model of format {stored.format!r}, not {FORMAT!r}")
    items = len(stored.items)
    indices = [item for history in stored.histories.values() for item in history]
    indices += [item for item, _ in stored.trending]
    if indices and not 0 <= min(indices) <= max(indices) < items:
        raise ValueError("not a trained model: item outside of the items")
    return NeighbourModel(
        name=stored.name,
        trained_at=stored.trained_at,
        items=tuple(stored.items),
        index={item: row for row, item in enumerate(stored.items)},
        similar_table=load_table(stored.similar, items),
        by_content=np.frombuffer(stored.by_content, "<i4").reshape(items, stored.similar.width).astype(np.int32),
        together_table=load_table(stored.together, items),
        taste=tuple(TastePart(weight, decay, load_table(table, items)) for weight, decay, table in stored.taste),
        popular=np.frombuffer(stored.popular, "<f4").reshape(items).astype(np.float32),
        trending_items=tuple(stored.trending),
        histories=stored.histories,
        history_kept=stored.history_kept,
    )
