"""Leave-one-out evaluation of recommenders: the file, the split, the models by name, the figures."""

import gzip
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from haat.engines.training import item_models
from haat.engines.training.blend import (
    Blend,
    ItemToItem,
    Popularity,
    Scorer,
    hit_rate,
    mask_seen,
    ndcg,
    ranks,
    train_blend,
)
from haat.engines.training.factors import Factors, learn_factors
from haat.engines.training.histories import Indices, popularity

Fit = Literal["train", "train+validation"]
FITS: tuple[Fit, ...] = ("train", "train+validation")
LINEAR_LIMIT = 20_000
BATCH_CELLS = 20_000_000


class InteractionsInvalid(ValueError):
    """The file cannot be evaluated; `problems` holds every fault with its line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Histories:
    """Users' items in time order, as indices into `items`."""

    users: list[str]
    items: list[str]
    sequences: list[Indices]


@dataclass(frozen=True)
class Split:
    """What a model may learn from, what each tested user is known to have seen, and the item to be found."""

    learn: list[Indices]
    seen: list[Indices]
    targets: Indices


class Report(msgspec.Struct, frozen=True):
    """Figures of one run. `tested` users are those with at least two items; training time is wall clock."""

    model: str
    fit: str
    users: int
    items: int
    interactions: int
    tested: int
    hr_at_5: float = msgspec.field(name="HR@5")
    hr_at_10: float = msgspec.field(name="HR@10")
    ndcg_at_5: float = msgspec.field(name="NDCG@5")
    ndcg_at_10: float = msgspec.field(name="NDCG@10")
    training_seconds: float


def read_histories(path: Path) -> Histories:
    """One user a line, plain or .gz; InteractionsInvalid names every bad line, OSError passes."""
    raw = path.read_bytes()
    try:
        content = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (EOFError, OSError, zlib.error) as broken:
        raise InteractionsInvalid([f"not a readable gzip file: {broken}"]) from broken
    return parse_histories(content.split(b"\n"))


def parse_histories(lines: Iterable[bytes]) -> Histories:
    """`user item item …` separated by white space, oldest first; blank lines are passed over."""
    problems: list[str] = []
    first_line: dict[str, int] = {}
    index: dict[str, int] = {}
    sequences: list[Indices] = []
    for number, line in enumerate(lines, start=1):
        try:
            fields = line.decode("utf-8-sig" if number == 1 else "utf-8").split()
        except UnicodeDecodeError as broken:
            problems.append(f"line {number}: not UTF-8 at byte {broken.start}")
            continue
        if not fields:
            continue
        user, *items = fields
        if not items:
            problems.append(f"line {number}: user {user} has no items")
        elif user in first_line:
            problems.append(f"line {number}: user {user} is already on line {first_line[user]}")
        else:
            first_line[user] = number
            codes = [index.setdefault(item, len(index)) for item in items]
            sequences.append(np.array(codes, dtype=np.int32))
    if not problems and not any(len(sequence) > 1 for sequence in sequences):
        problems.append("no user with two items or more: nothing to test")
    if problems:
        raise InteractionsInvalid(problems)
    return Histories(list(first_line), list(index), sequences)


def leave_one_out(sequences: Sequence[Indices], fit: Fit) -> Split:
    """Learns from all but the last two items (or last one); at the test everything but the last item is known."""
    held = 2 if fit == "train" else 1
    tested = [sequence for sequence in sequences if len(sequence) > 1]
    return Split(
        learn=[sequence[:-held] for sequence in sequences],
        seen=[sequence[:-1] for sequence in tested],
        targets=np.array([sequence[-1] for sequence in tested], dtype=np.int32),
    )


def _item_to_item(matrix: Callable[[Sequence[Indices], int], object]) -> Callable[..., Scorer]:
    return lambda learn, items: ItemToItem(matrix(learn, items), None)


def _popularity(learn: Sequence[Indices], items: int) -> Popularity:
    return Popularity(popularity(learn, items))


def _als(learn: Sequence[Indices], items: int) -> Factors:
    return learn_factors(learn, items)


def _window(learn: Sequence[Indices], items: int) -> ItemToItem:
    return ItemToItem(item_models.sequence_window(learn, items, 2, 6, 1), 2)


def _next_item(learn: Sequence[Indices], items: int) -> ItemToItem:
    return ItemToItem(item_models.next_item(learn, items, 1.0, 30.0), 1.0)


def _blend(learn: Sequence[Indices], items: int) -> Blend:
    return train_blend(learn, items, LINEAR_LIMIT)


MODELS: dict[str, Callable[[Sequence[Indices], int], Scorer]] = {
    "default": _blend,
    "popularity": _popularity,
    "itemknn": _item_to_item(lambda learn, items: item_models.cosine(learn, items, 1000)),
    "bm25": _item_to_item(lambda learn, items: item_models.bm25(learn, items, 1000)),
    "als": _als,
    "ease": _item_to_item(lambda learn, items: item_models.ease(learn, items, 200.0)),
    "sequence": _window,
    "next": _next_item,
}
DENSE_MODELS = ("ease", "next")


def evaluate(histories: Histories, model: str, fit: Fit) -> Report:
    """Trains `model` (a key of MODELS) on the split and ranks all items for every tested user. ValueError when the
    model's dense matrix would not fit: more than LINEAR_LIMIT items."""
    items = len(histories.items)
    if model in DENSE_MODELS and items > LINEAR_LIMIT:
        raise ValueError(f"{model} holds items x items in memory: {items} items, at most {LINEAR_LIMIT}")
    split = leave_one_out(histories.sequences, fit)
    started = time.perf_counter()
    scorer = MODELS[model](split.learn, items)
    seconds = time.perf_counter() - started
    positions = target_ranks(scorer, split, items)
    return Report(
        model=model,
        fit=fit,
        users=len(histories.users),
        items=items,
        interactions=sum(len(sequence) for sequence in histories.sequences),
        tested=len(split.targets),
        hr_at_5=hit_rate(positions, 5),
        hr_at_10=hit_rate(positions, 10),
        ndcg_at_5=ndcg(positions, 5),
        ndcg_at_10=ndcg(positions, 10),
        training_seconds=seconds,
    )


def target_ranks(scorer: Scorer, split: Split, items: int) -> Indices:
    """Rank of each target among all unseen items, in batches that bound the memory."""
    batch = max(1, BATCH_CELLS // max(1, items))
    found = []
    for start in range(0, len(split.targets), batch):
        seen = split.seen[start : start + batch]
        found.append(ranks(mask_seen(scorer.scores(seen), seen), split.targets[start : start + batch]))
    return np.concatenate(found)
