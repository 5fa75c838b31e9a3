"""What the fraud service needs from a fraud model: features of a payment out of history, and a probability."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

ModelKind = Literal["lightgbm", "logistic"]


class CardUse(msgspec.Struct, frozen=True):
    """One card transaction. `at` is Unix seconds (UTC); `terminal` is where it was made: a shop, a device, a site."""

    id: str
    at: float
    customer: str
    terminal: str
    amount_minor: int


class FraudHistory(Protocol):
    """Counters of customers and terminals. Knows only what it was told: a label before `confirm_fraud` is unknown."""

    def features(self, use: CardUse) -> tuple[float, ...]:
        """The features of `use`, as if it were observed now; changes nothing. In the order of the feature list."""
        ...

    def observe(self, use: CardUse) -> None:
        """Adds one transaction; ValueError when it is older than the last one of its customer or terminal."""
        ...

    def confirm_fraud(self, use: CardUse) -> None:
        """Marks an observed transaction as fraud, as its feedback arrives."""
        ...


class FraudModel(Protocol):
    """Immutable; scores in tens of microseconds on one thread."""

    @property
    def kind(self) -> ModelKind: ...

    @property
    def features_hash(self) -> str: ...

    def score(self, features: Sequence[float]) -> float:
        """Probability of fraud, 0 to 1; ValueError when the number of features is not the model's."""
        ...

    def to_text(self) -> str:
        """The whole model with the hash of its feature list."""
        ...


class FraudModelEngine(Protocol):
    """Makes histories, trains and loads models; training blocks for seconds: call it in a job."""

    def history(self, feedback_delay_days: int) -> FraudHistory:
        """Empty counters; terminal risk looks at what is at least `feedback_delay_days` old."""
        ...

    def train(
        self, rows: Sequence[Sequence[float]], frauds: Sequence[bool], kind: ModelKind = "lightgbm"
    ) -> FraudModel:
        """ValueError unless both frauds and honest payments are among the rows."""
        ...

    def load(self, text: str) -> FraudModel:
        """ValueError when the text is no model, or was trained on another feature list."""
        ...
