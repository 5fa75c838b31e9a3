"""Prequential evaluation of fraud models: train, wait for the feedback, test; the figures by day."""

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
import numpy as np

from haat.engines.fraud_model.features import DAY_SECONDS, LONGEST_DAYS
from haat.engines.fraud_model.transactions import Labelled
from haat.ports.fraud_model import CardUse, FraudHistory, FraudModel, FraudModelEngine, ModelKind

CARDS_A_DAY = 100
TIMED_DECISIONS = 2_000


class Window(msgspec.Struct, frozen=True):
    """Days are UTC. Training days, then `delay_days` of waiting for labels, then test days."""

    train_from: date
    train_days: int
    delay_days: int
    test_days: int

    def train_start(self) -> float:
        return datetime(self.train_from.year, self.train_from.month, self.train_from.day, tzinfo=UTC).timestamp()

    def train_end(self) -> float:
        return self.train_start() + self.train_days * DAY_SECONDS

    def test_start(self) -> float:
        return self.train_end() + self.delay_days * DAY_SECONDS

    def test_end(self) -> float:
        return self.test_start() + self.test_days * DAY_SECONDS

    def warm_up_start(self) -> float:
        """Nothing older can reach a feature of the first training day."""
        return self.train_start() - (LONGEST_DAYS + self.delay_days) * DAY_SECONDS


class Sample(msgspec.Struct, frozen=True):
    """A transaction with the features known at its time."""

    labelled: Labelled
    features: tuple[float, ...]


class DayPrecision(msgspec.Struct, frozen=True):
    """Of the `CARDS_A_DAY` most suspect cards of a day, the share that was defrauded that day."""

    day: date
    defrauded_cards: int
    card_precision: float


class Report(msgspec.Struct, frozen=True):
    """Figures of one run. Latency is one decision alone on one thread: features and score, in microseconds."""

    model: str
    train_transactions: int
    train_frauds: int
    test_transactions: int
    test_frauds: int
    roc_auc: float
    average_precision: float
    card_precision_at_100: float
    days: list[DayPrecision]
    decision_p50_us: float
    decision_p99_us: float
    features_seconds: float
    training_seconds: float


def replay(history: FraudHistory, transactions: Sequence[Labelled], delay_days: int) -> list[Sample]:
    """Features of each transaction in order of time; a fraud is confirmed `delay_days` after it, not before."""
    samples: list[Sample] = []
    waiting: list[CardUse] = []
    confirmed = 0
    for labelled in transactions:
        use = labelled.use
        while confirmed < len(waiting) and waiting[confirmed].at + delay_days * DAY_SECONDS <= use.at:
            history.confirm_fraud(waiting[confirmed])
            confirmed += 1
        samples.append(Sample(labelled, history.features(use)))
        history.observe(use)
        if labelled.fraud:
            waiting.append(use)
    return samples


def split(samples: Sequence[Sample], window: Window) -> tuple[list[Sample], list[Sample]]:
    """Training samples, and test samples without the cards already known to be compromised on their day: defrauded
    in training, or in the wait at least `delay_days` before."""
    train = [s for s in samples if window.train_start() <= s.labelled.use.at < window.train_end()]
    compromised = {s.labelled.use.customer for s in train if s.labelled.fraud}
    by_day: defaultdict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_day[int((sample.labelled.use.at - window.train_start()) // DAY_SECONDS)].append(sample)
    test: list[Sample] = []
    for number in range(window.test_days):
        known_day = window.train_days + number - 1
        compromised |= {s.labelled.use.customer for s in by_day[known_day] if s.labelled.fraud}
        day = by_day[window.train_days + window.delay_days + number]
        test += [sample for sample in day if sample.labelled.use.customer not in compromised]
    return train, test


def card_precision(
    samples: Sequence[Sample], scores: Sequence[float], window: Window, top: int = CARDS_A_DAY
) -> list[DayPrecision]:
    """A card is as suspect as its worst transaction of the day; a card once found is not looked at again."""
    found: set[str] = set()
    days = []
    for number in range(window.test_days):
        start = window.test_start() + number * DAY_SECONDS
        worst: dict[str, float] = {}
        defrauded: set[str] = set()
        for sample, score in zip(samples, scores, strict=True):
            use = sample.labelled.use
            if start <= use.at < start + DAY_SECONDS and use.customer not in found:
                worst[use.customer] = max(worst.get(use.customer, 0.0), score)
                if sample.labelled.fraud:
                    defrauded.add(use.customer)
        suspects = sorted(worst, key=lambda card: (-worst[card], card))[:top]
        caught = defrauded.intersection(suspects)
        found |= caught
        day = window.train_from + timedelta(days=window.train_days + window.delay_days + number)
        days.append(DayPrecision(day, len(defrauded), len(caught) / top))
    return days


def evaluate(engine: FraudModelEngine, transactions: Sequence[Labelled], window: Window, kind: ModelKind) -> Report:
    """ValueError when the file has no transactions, or only one kind of them, in the training or the test days."""
    from sklearn.metrics import average_precision_score, roc_auc_score  # noqa: PLC0415

    relevant = [t for t in transactions if window.warm_up_start() <= t.use.at < window.test_end()]
    started = time.perf_counter()
    history = engine.history(window.delay_days)
    samples = replay(history, relevant, window.delay_days)
    featured = time.perf_counter()
    train, test = split(samples, window)
    for name, part in (("training", train), ("test", test)):
        if len({sample.labelled.fraud for sample in part}) < 2:
            raise ValueError(f"the {name} days hold {len(part)} transactions, not both honest and fraudulent ones")
    ready = time.perf_counter()
    model = engine.train([s.features for s in train], [s.labelled.fraud for s in train], kind)
    trained = time.perf_counter()
    scores = [model.score(sample.features) for sample in test]
    labels = [sample.labelled.fraud for sample in test]
    days = card_precision(test, scores, window)
    p50, p99 = decision_latency(history, model, [sample.labelled.use for sample in test[-TIMED_DECISIONS:]])
    return Report(
        model=kind,
        train_transactions=len(train),
        train_frauds=sum(sample.labelled.fraud for sample in train),
        test_transactions=len(test),
        test_frauds=sum(labels),
        roc_auc=float(roc_auc_score(labels, scores)),
        average_precision=float(average_precision_score(labels, scores)),
        card_precision_at_100=float(np.mean([day.card_precision for day in days])),
        days=days,
        decision_p50_us=p50,
        decision_p99_us=p99,
        features_seconds=featured - started,
        training_seconds=trained - ready,
    )


def decision_latency(history: FraudHistory, model: FraudModel, uses: Sequence[CardUse]) -> tuple[float, float]:
    """p50 and p99 in microseconds of features and score, one transaction at a time."""
    taken = []
    for use in uses:
        started = time.perf_counter_ns()
        model.score(history.features(use))
        taken.append((time.perf_counter_ns() - started) / 1_000)
    return float(np.percentile(taken, 50)), float(np.percentile(taken, 99))
