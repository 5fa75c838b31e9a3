"""Amounts between our minor units and a provider's, without losing any part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.engines.payment_provider.amounts import Decimals, NotRepresentable, from_wire, to_wire
from haat.engines.payment_provider.stripe_facts import DECIMALS, NO_DECIMALS, THREE_DECIMALS
from haat.kit.money import Money

CURRENCIES = sorted(NO_DECIMALS | {"INR", "USD", "EUR", "ISK", "UGX", "HUF", "RSD", "LBP"})


@given(st.integers(0, 10**12), st.sampled_from(CURRENCIES))
def test_what_goes_out_comes_back(amount: int, currency: str):
    money = Money(amount, currency)
    assert from_wire(to_wire(money, DECIMALS), currency.lower(), DECIMALS) == money


@given(st.integers(0, 10**12), st.sampled_from(sorted(THREE_DECIMALS)))
def test_three_decimals_end_in_nought_or_are_refused(amount: int, currency: str):
    exact = Money(amount * 10, currency)
    assert to_wire(exact, DECIMALS) == amount * 10
    with pytest.raises(NotRepresentable):
        to_wire(Money(amount * 10 + 1, currency), DECIMALS)


@pytest.mark.parametrize(("currency", "amount", "wire"), [("ISK", 5, 500), ("UGX", 5, 500), ("JPY", 5, 5)])
def test_currencies_without_decimals_are_sent_as_stripe_wants_them(currency: str, amount: int, wire: int):
    assert to_wire(Money(amount, currency), DECIMALS) == wire


def test_a_part_smaller_than_our_minor_unit_is_not_rounded_away():
    with pytest.raises(NotRepresentable):
        from_wire(501, "isk", DECIMALS)


def test_a_currency_of_unknown_decimals_is_not_guessed():
    with pytest.raises(NotRepresentable):
        to_wire(Money(5, "XYZ"), Decimals({"INR": 2}, usual=None))
