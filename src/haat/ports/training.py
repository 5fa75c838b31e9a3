"""What recommendations need of a training engine: columns in, a model that answers and travels as bytes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

Reason = Literal["behaviour", "content", "bought_together", "for_you", "session", "trending"]


class Interactions(msgspec.Struct, frozen=True):
    """Parallel columns, one row an interaction, in any order. `times` are Unix seconds (UTC); `weights` are positive
    (a purchase more than a view); `baskets` names the order of a purchase and is "" for everything else."""

    users: Sequence[str]
    items: Sequence[str]
    weights: Sequence[float]
    times: Sequence[float]
    baskets: Sequence[str]

    def __post_init__(self) -> None:
        """ValueError when the columns differ in length."""
        lengths = {len(self.users), len(self.items), len(self.weights), len(self.times), len(self.baskets)}
        if len(lengths) > 1:
            raise ValueError(f"interaction columns differ in length: {sorted(lengths)}")


class ItemText(msgspec.Struct, frozen=True):
    """What the content model reads of one product; `category` is its path from the root."""

    item: str
    title: str
    brand: str = ""
    category: Sequence[str] = ()
    attributes: dict[str, str] = {}


class TrainingPlan(msgspec.Struct, frozen=True):
    """How to train. `minimum_people` is the least number of different users behind any behavioural pair, so that one
    shopper's private taste (or one robot) never shows on a public page."""

    name: str = "default"
    neighbours_kept: int = 50
    history_kept: int = 50
    trending_kept: int = 200
    trending_half_life_days: float = 7.0
    significance: float = 10.0
    minimum_people: int = 2
    linear_items_limit: int = 5_000


class Recommended(msgspec.Struct, frozen=True):
    """One answer: scores order answers of one call and mean nothing across calls."""

    item: str
    score: float
    reason: Reason


class TrainedModel(Protocol):
    """Immutable and safe to share between threads; every call is pure, in memory, and answers [] rather than fail for
    ids it has never seen. No answer contains an item of the question or of `exclude`."""

    @property
    def name(self) -> str: ...

    @property
    def trained_at(self) -> datetime: ...

    def similar(self, item: str, limit: int, exclude: Sequence[str] = ()) -> list[Recommended]:
        """Neighbours by behaviour, filled by content the less behaviour there is."""
        ...

    def bought_together(self, items: Sequence[str], limit: int) -> list[Recommended]:
        """What was bought in the same basket as any of `items`; [] where no pair is significant."""
        ...

    def for_you(
        self, user: str | None, recent: Sequence[str], limit: int, exclude: Sequence[str] = ()
    ) -> list[Recommended]:
        """From the user's learned history followed by `recent` (oldest first); trending where both say nothing."""
        ...

    def trending(self, limit: int, exclude: Sequence[str] = ()) -> list[Recommended]:
        """Most wanted lately, as of `trained_at`."""
        ...

    def to_bytes(self) -> bytes:
        """The whole model; a TrainingEngine of any kind loads it again."""
        ...


class TrainingEngine(Protocol):
    """Trains and loads. `train` computes for seconds to minutes and blocks: call it in a job, not in a request."""

    def train(
        self, interactions: Interactions, texts: Sequence[ItemText], plan: TrainingPlan, now: datetime
    ) -> TrainedModel:
        """Learns from everything up to `now` (timezone-aware); empty input gives a model that answers []."""
        ...

    def load(self, data: bytes) -> TrainedModel:
        """ValueError when the bytes are not a model of this format."""
        ...
