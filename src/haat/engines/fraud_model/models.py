"""Fraud models: gradient-boosted trees and a logistic baseline, kept as text with the hash of their feature list."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from haat.engines.fraud_model.features import FEATURES, FEATURES_HASH
from haat.ports.fraud_model import FraudModel, ModelKind

FORMAT = "haat-fraud-1"
ROUNDS = 150
TREES: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.04,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "lambda_l2": 5.0,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "seed": 1,
    "deterministic": True,
    "num_threads": 2,
    "verbose": -1,
}


class StoredModel(msgspec.Struct, frozen=True):
    format: str
    kind: ModelKind
    features_hash: str
    model: str


class Coefficients(msgspec.Struct, frozen=True):
    """Logistic regression over (x - mean) / scale."""

    mean: list[float]
    scale: list[float]
    weight: list[float]
    intercept: float


def _checked(features: Sequence[float]) -> Sequence[float]:
    if len(features) != len(FEATURES):
        raise ValueError(f"{len(features)} features, the model has {len(FEATURES)}")
    return features


def _text(kind: ModelKind, model: str) -> str:
    return msgspec.json.encode(StoredModel(FORMAT, kind, FEATURES_HASH, model)).decode()


@dataclass(frozen=True)
class TreeModel:
    """Implements FraudModel over a LightGBM booster."""

    booster: Any
    kind: ModelKind = "lightgbm"
    features_hash: str = FEATURES_HASH

    def score(self, features: Sequence[float]) -> float:
        """See FraudModel."""
        row = np.array([_checked(features)])
        # One thread: waking a pool costs more than one row.
        return float(self.booster.predict(row, num_threads=1)[0])

    def to_text(self) -> str:
        """See FraudModel."""
        return _text(self.kind, self.booster.model_to_string())


@dataclass(frozen=True)
class LogisticModel:
    """Implements FraudModel without any library."""

    coefficients: Coefficients
    kind: ModelKind = "logistic"
    features_hash: str = FEATURES_HASH

    def score(self, features: Sequence[float]) -> float:
        """See FraudModel."""
        known = self.coefficients
        terms = zip(_checked(features), known.mean, known.scale, known.weight, strict=True)
        logit = known.intercept + sum((x - mean) / scale * weight for x, mean, scale, weight in terms)
        return 1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, logit))))

    def to_text(self) -> str:
        """See FraudModel."""
        return _text(self.kind, msgspec.json.encode(self.coefficients).decode())


def train_model(rows: Sequence[Sequence[float]], frauds: Sequence[bool], kind: ModelKind) -> FraudModel:
    """See FraudModelEngine.train; the same rows give the same model."""
    if len(set(map(bool, frauds))) < 2:
        raise ValueError("training needs both frauds and honest payments")
    table, labels = np.asarray(rows, dtype=np.float64), np.asarray(frauds, dtype=np.int8)
    return _train_trees(table, labels) if kind == "lightgbm" else _train_logistic(table, labels)


def _train_trees(table: Any, labels: Any) -> TreeModel:
    import lightgbm  # noqa: PLC0415

    data = lightgbm.Dataset(table, labels, feature_name=list(FEATURES))
    return TreeModel(lightgbm.train(TREES, data, num_boost_round=ROUNDS))


def _train_logistic(table: Any, labels: Any) -> LogisticModel:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    mean, spread = table.mean(axis=0), table.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    fitted = LogisticRegression(max_iter=1000).fit((table - mean) / scale, labels)
    return LogisticModel(
        Coefficients(mean.tolist(), scale.tolist(), fitted.coef_[0].tolist(), float(fitted.intercept_[0]))
    )


def load_model(text: str) -> FraudModel:
    """See FraudModelEngine.load."""
    try:
        stored = msgspec.json.decode(text, type=StoredModel)
    except msgspec.DecodeError as broken:
        raise ValueError(f"not a fraud model: {broken}") from broken
    if stored.format != FORMAT:
        raise ValueError(f"fraud model of format {stored.format!r}, not {FORMAT!r}")
    if stored.features_hash != FEATURES_HASH:
        raise ValueError("fraud model was trained on another feature list: train it again")
    if stored.kind == "logistic":
        return LogisticModel(msgspec.json.decode(stored.model, type=Coefficients))
    import lightgbm  # noqa: PLC0415

    return TreeModel(lightgbm.Booster(model_str=stored.model))
