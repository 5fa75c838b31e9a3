"""What every fraud model engine promises, for every kind of model."""

import json
import random

import pytest

from haat.engines.fraud_model.features import FEATURES
from haat.engines.fraud_model.lightgbm_engine import LightGbmFraudEngine
from haat.ports.fraud_model import CardUse, FraudModel, FraudModelEngine


@pytest.fixture(params=[LightGbmFraudEngine], ids=["lightgbm-engine"])
def engine(request) -> FraudModelEngine:
    return request.param()


@pytest.fixture(params=["lightgbm", "logistic"])
def model(request, engine) -> FraudModel:
    choose = random.Random(3)
    rows = [[choose.random() for _ in FEATURES] for _ in range(400)]
    return engine.train(rows, [row[0] > 0.8 for row in rows], request.param)


HIGH, LOW = [0.95] + [0.5] * (len(FEATURES) - 1), [0.05] + [0.5] * (len(FEATURES) - 1)


def test_a_score_is_a_probability_that_follows_the_evidence(model):
    assert 0 <= model.score(LOW) < 0.2 < 0.5 < model.score(HIGH) <= 1


def test_text_brings_the_same_model_back(engine, model):
    again = engine.load(model.to_text())
    assert (again.kind, again.features_hash) == (model.kind, model.features_hash)
    assert [again.score(HIGH), again.score(LOW)] == [model.score(HIGH), model.score(LOW)]


def test_a_model_of_other_features_is_refused(engine, model):
    stored = json.loads(model.to_text()) | {"features_hash": "0" * 64}
    with pytest.raises(ValueError, match="another feature list"):
        engine.load(json.dumps(stored))


@pytest.mark.parametrize("text", ["", "junk", "{}", "[]"])
def test_foreign_text_is_refused(engine, text):
    with pytest.raises(ValueError, match="not a fraud model"):
        engine.load(text)


def test_the_wrong_number_of_features_is_refused(model):
    with pytest.raises(ValueError, match="features"):
        model.score([1.0])


def test_extreme_features_still_give_a_probability(model):
    assert 0 <= model.score([1e12] * len(FEATURES)) <= 1


def test_training_needs_both_kinds(engine):
    with pytest.raises(ValueError, match="both"):
        engine.train([LOW, HIGH], [False, False])


def test_a_history_of_nothing_has_features_for_anyone(engine):
    features = engine.history(7).features(CardUse("x", 0.0, "nobody", "nowhere", 100))
    assert len(features) == len(FEATURES)
