"""Money arithmetic loses nothing."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.kit.money import CurrencyMismatch, Money, allocate, divide_half_up, exponent, format_money, ungrouped

totals = st.integers(-(10**15), 10**15)
weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=20)


@given(total=totals, weights=weights)
def test_the_parts_sum_to_the_whole(total, weights):
    assert sum(allocate(total, weights)) == total


@given(total=totals, weights=weights)
def test_a_part_is_less_than_one_unit_from_its_fair_share(total, weights):
    fair = weights if any(weights) else [1] * len(weights)
    exact = [Fraction(total * weight, sum(fair)) for weight in fair]
    parts = allocate(total, weights)
    assert all(abs(part - share) < 1 for part, share in zip(parts, exact, strict=True))


@given(total=st.integers(0, 10**12), weights=weights)
def test_no_part_exceeds_its_weight_when_the_total_does_not_exceed_all_weights(total, weights):
    parts = allocate(min(total, sum(weights)), weights)
    assert all(part <= weight for part, weight in zip(parts, weights, strict=True))


def test_the_largest_remainder_gets_the_odd_unit():
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(5, [3, 7]) == [2, 3]


def test_weights_of_nothing_share_equally():
    assert allocate(7, [0, 0]) == [4, 3]


def test_nothing_to_allocate_to_needs_nothing_to_allocate():
    assert allocate(0, []) == []
    with pytest.raises(ValueError, match="nothing to allocate"):
        allocate(1, [])


@given(numerator=st.integers(-(10**18), 10**18), denominator=st.integers(1, 10**9))
def test_the_quotient_is_never_more_than_half_a_unit_off(numerator, denominator):
    assert abs(Fraction(numerator, denominator) - divide_half_up(numerator, denominator)) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [(1, 2, 1), (-1, 2, -1), (3, 2, 2), (1, 3, 0), (2, 3, 1), (5, -2, -3), (0, 7, 0)],
)
def test_halves_go_away_from_zero(numerator, denominator, quotient):
    assert divide_half_up(numerator, denominator) == quotient


def test_two_currencies_never_meet():
    with pytest.raises(CurrencyMismatch):
        Money(1, "INR") + Money(1, "USD")


def test_amounts_add_subtract_and_multiply():
    assert (Money(250) + Money(50) - Money(100)).times(3) == Money(600)


@pytest.mark.parametrize(("currency", "digits"), [("INR", 2), ("JPY", 0), ("KWD", 3)])
def test_each_currency_has_its_own_digits(currency, digits):
    assert exponent(currency) == digits


@pytest.mark.parametrize(
    ("money", "text"),
    [(Money(123456750), "₹12,34,567.50"), (Money(4900), "₹49"), (Money(-4900), "-₹49")],
)
def test_money_is_written_as_people_write_it(money, text):
    assert format_money(money) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [("1,299.50", "1299.50"), ("-1,29,900", "-129900"), ("1,234,567", "1234567"), ("12", "12"), ("12,50", "12,50"),
     ("1.299,00", "1.299,00"), ("1,5", "1,5"), ("1234,567", "1234,567"), (",100", ",100"), ("", "")],
)  # fmt: skip
def test_commas_part_thousands_and_nothing_else(text, plain):
    assert ungrouped(text) == plain
