"""The fraud evaluation: the windows, the compromised cards, card precision, and a whole small market."""

from datetime import UTC, date, datetime

import pytest

from haat.engines.fraud_model.evaluation import Sample, Window, card_precision, evaluate, split
from haat.engines.fraud_model.features import DAY_SECONDS
from haat.engines.fraud_model.lightgbm_engine import LightGbmFraudEngine
from haat.engines.fraud_model.transactions import Labelled
from haat.ports.fraud_model import CardUse

START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
WINDOW = Window(date(2026, 1, 5), train_days=2, delay_days=2, test_days=2)


def sample(day: float, customer: str = "c", fraud: bool = False) -> Sample:
    use = CardUse(f"{customer}{day}", START + day * DAY_SECONDS, customer, "t", 100)
    return Sample(Labelled(use, fraud), ())


def test_training_waiting_and_test_days_do_not_touch():
    train, test = split([sample(day, customer=str(day)) for day in (-0.1, 0, 1.9, 2, 3.9, 4, 5.9, 6)], WINDOW)
    assert [s.labelled.use.customer for s in train] == ["0", "1.9"]
    assert [s.labelled.use.customer for s in test] == ["4", "5.9"]


def test_cards_defrauded_in_training_are_not_tested():
    test = split([sample(1, "a", True), sample(4, "a"), sample(4, "b")], WINDOW)[1]
    assert [s.labelled.use.customer for s in test] == ["b"]


def test_a_card_defrauded_in_the_wait_leaves_when_its_feedback_is_in():
    """Defrauded on day 2, known after two days: still tested on day 4, no longer on day 5."""
    test = split([sample(2, "a", True), sample(4, "a"), sample(5, "a"), sample(5, "b")], WINDOW)[1]
    assert [s.labelled.use.id for s in test] == ["a4", "b5"]


def test_card_precision_takes_the_worst_of_a_card_and_the_top_cards_of_a_day():
    samples = [sample(4, "a"), sample(4.1, "a", True), sample(4, "b"), sample(4, "c", True), sample(5, "b", True)]
    days = card_precision(samples, [0.1, 0.9, 0.8, 0.2, 0.7], WINDOW, top=2)
    # Day one asks after a (found) and b; c is missed. Day two asks after b alone, found, of two possible.
    assert [(day.defrauded_cards, day.card_precision) for day in days] == [(2, 0.5), (1, 0.5)]


def test_a_card_once_found_is_not_looked_at_again():
    samples = [sample(4, "a", True), sample(5, "a", True), sample(5, "b", True)]
    days = card_precision(samples, [0.9, 0.9, 0.1], WINDOW, top=1)
    assert [day.card_precision for day in days] == [1.0, 1.0]


def test_test_days_are_named_by_their_date():
    assert [day.day for day in card_precision([], [], WINDOW)] == [date(2026, 1, 9), date(2026, 1, 10)]


@pytest.mark.parametrize("kind", ["lightgbm", "logistic"])
def test_a_small_market_is_seen_through(simulated_market, kind):
    """Chance would be 0.5 and the share of frauds, about 0.03."""
    market = simulated_market(customers=150, terminals=100, days=50, new_terminals=0.2, new_customers=0.3)
    report = evaluate(LightGbmFraudEngine(), market, Window(date(2026, 2, 2), 7, 7, 7), kind)
    assert report.roc_auc > 0.75
    assert report.average_precision > 0.4
    assert len(report.days) == 7


def test_days_outside_of_the_file_are_refused(simulated_market):
    market = simulated_market(customers=20, terminals=10, days=10)
    with pytest.raises(ValueError, match="training days hold 0 transactions"):
        evaluate(LightGbmFraudEngine(), market, Window(date(2027, 1, 1), 7, 7, 7), "lightgbm")
