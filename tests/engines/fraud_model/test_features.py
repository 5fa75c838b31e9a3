"""Features of card transactions, counted by hand; labels are known no earlier than their feedback."""

from datetime import UTC, datetime

import pytest

from haat.engines.fraud_model.evaluation import replay
from haat.engines.fraud_model.features import DAY_SECONDS, FEATURES, StreamingHistory
from haat.engines.fraud_model.transactions import Labelled
from haat.ports.fraud_model import CardUse

MONDAY = datetime(2026, 1, 5, tzinfo=UTC).timestamp()


def use(day: float, amount: int = 1000, customer: str = "c", terminal: str = "t", hour: float = 12) -> CardUse:
    at = MONDAY + day * DAY_SECONDS + hour * 3600
    return CardUse(f"{customer}-{terminal}-{at}", at, customer, terminal, amount)


def named(history: StreamingHistory, asked: CardUse) -> dict[str, float]:
    return dict(zip(FEATURES, history.features(asked), strict=True))


def test_a_first_transaction_knows_only_itself():
    known = named(StreamingHistory(7), use(0, 500))
    assert known == {
        "amount": 500,
        "weekend": 0,
        "night": 0,
        "customer_count_1d": 1,
        "customer_count_7d": 1,
        "customer_count_30d": 1,
        "customer_mean_amount_1d": 500,
        "customer_mean_amount_7d": 500,
        "customer_mean_amount_30d": 500,
        "amount_over_earlier_mean": 1,
        "customer_large_count_7d": 0,
        "terminal_count_1d": 0,
        "terminal_count_7d": 0,
        "terminal_count_30d": 0,
        "terminal_risk_1d": 0,
        "terminal_risk_7d": 0,
        "terminal_risk_30d": 0,
    }


@pytest.mark.parametrize(("day", "weekend"), [(4, 0), (5, 1), (6, 1), (7, 0)])
def test_saturday_and_sunday_are_the_weekend(day, weekend):
    assert named(StreamingHistory(7), use(day))["weekend"] == weekend


@pytest.mark.parametrize(("hour", "night"), [(0, 1), (6.9, 1), (7, 0), (23, 0)])
def test_night_lasts_till_seven(hour, night):
    assert named(StreamingHistory(7), use(0, hour=hour))["night"] == night


def test_customer_windows_count_and_average_with_the_transaction_itself():
    history = StreamingHistory(7)
    for day, amount in ((0, 100), (25, 200), (29.5, 600)):
        history.observe(use(day, amount))
    known = named(history, use(30, 1500))
    counts = [known[f"customer_count_{days}d"] for days in (1, 7, 30)]
    means = [known[f"customer_mean_amount_{days}d"] for days in (1, 7, 30)]
    # What is exactly 30 days old has just left its window.
    assert counts == [2, 3, 3]
    assert means == [1050, pytest.approx(2300 / 3), pytest.approx(2300 / 3)]
    assert known["amount_over_earlier_mean"] == pytest.approx(1500 / 400)


def test_large_purchases_are_measured_by_the_median():
    history = StreamingHistory(7)
    for day, amount in ((0, 100), (1, 110), (2, 100), (8, 351), (9, 386)):
        history.observe(use(day, amount))
    # Median of 100 100 110 351 386 is 110, so large is above 385.
    assert named(history, use(10))["customer_large_count_7d"] == 1


def test_one_customer_says_nothing_of_another():
    history = StreamingHistory(7)
    history.observe(use(0, customer="a"))
    assert named(history, use(0.5, customer="b"))["customer_count_30d"] == 1


def test_terminal_risk_is_of_the_window_before_the_delay():
    history = StreamingHistory(7)
    for day, fraud in ((0, True), (0.2, False), (5, True)):
        seen = use(day, customer=f"c{day}")
        history.observe(seen)
        if fraud:
            history.confirm_fraud(seen)
    # Asked on day 7.5: the window of a day ends at 0.5, and day 5 is not old enough to count.
    known = named(history, use(7.5))
    assert (known["terminal_count_1d"], known["terminal_risk_1d"]) == (2, 0.5)


def test_asking_changes_nothing():
    history = StreamingHistory(7)
    history.observe(use(0))
    assert history.features(use(1)) == history.features(use(1))


def test_time_never_runs_backwards():
    history = StreamingHistory(7)
    history.observe(use(1))
    with pytest.raises(ValueError, match="older"):
        history.observe(use(0))


def test_forgetting_the_old_changes_no_feature():
    """2000 purchases, one an hour: the counters prune, and the windows still hold exactly theirs."""
    history = StreamingHistory(1)
    for hour in range(2000):
        history.observe(use(hour / 24, amount=100, hour=0))
    known = named(history, use(2000 / 24, amount=100, hour=0))
    assert [known[f"customer_count_{days}d"] for days in (1, 7, 30)] == [24, 168, 720]
    assert [known[f"terminal_count_{days}d"] for days in (1, 7, 30)] == [24, 168, 720]
    assert len(history._customers["c"].times) < 1500


def test_a_label_is_not_known_before_its_feedback():
    """Fraud on day 0, feedback after 7 days. With risk windows reaching up to the present (a history that believes
    feedback is instant), only the time of confirmation can keep the label out of day 6."""
    labelled = [Labelled(use(0), True), *(Labelled(use(day, customer="d"), False) for day in (6, 6.9, 7, 8))]
    samples = replay(StreamingHistory(0), labelled, delay_days=7)
    risk = [dict(zip(FEATURES, sample.features, strict=True))["terminal_risk_30d"] for sample in samples]
    assert risk == [0, 0, 0, pytest.approx(1 / 3), pytest.approx(1 / 4)]


def test_no_feature_depends_on_its_own_or_any_later_label():
    base = [Labelled(use(day / 4, customer=f"c{day % 3}"), day % 5 == 0) for day in range(80)]
    flipped = [Labelled(row.use, not row.fraud if index >= 40 else row.fraud) for index, row in enumerate(base)]
    one, other = (replay(StreamingHistory(2), rows, delay_days=2) for rows in (base, flipped))
    # Row 40 is day 10: its label arrives two days, eight rows, later.
    assert [s.features for s in one[:48]] == [s.features for s in other[:48]]
    assert [s.features for s in one[48:]] != [s.features for s in other[48:]]
