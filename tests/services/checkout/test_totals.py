"""T-LED-02: whatever is bought, the parts of a quote sum to its whole, to the smallest coin."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time
from fractions import Fraction
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haat.contracts.cart import CartContents, CartLine
from haat.contracts.catalog import ForSale
from haat.contracts.checkout import TaxRate
from haat.contracts.promotions import Applied, Discounts
from haat.contracts.shipping import ShippingOption
from haat.kit.money import Money, allocate
from haat.services.checkout.model import Choices, Facts, Shop, quote
from haat.services.checkout.tax import GST, Regime, Taxed, taxes
from tests.services.shopfloor import ADDRESS

EXAMPLES = int(os.environ.get("HAAT_TOTALS_EXAMPLES", "60"))
DAY = date(2026, 1, 1)
RATES = [0, 300, 500, 1200, 1800, 4000]
# No digits after the point, two, three.
CURRENCIES = st.sampled_from(["JPY", "INR", "KWD"])
BOUGHT = st.lists(
    st.tuples(st.integers(0, 10**7), st.integers(1, 50), st.sampled_from(RATES)), min_size=1, max_size=200
)
AMOUNTS = st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(RATES)), min_size=1, max_size=200)
REGIMES = [Regime(included, once_a_line) for included in (True, False) for once_a_line in (True, False)]


def facts(bought: list[tuple[int, int, int]], off: int, shipping: int, currency: str) -> Facts:
    """(price, quantity, rate) per line, and `off` minor units off all of it."""
    gross = [price * quantity for price, quantity, _ in bought]
    shares = allocate(min(off, sum(gross)), gross)
    lines = [
        CartLine(item_id=f"itm_{i}", product_id=f"prd_{i}", variant_id=f"var_{i}", quantity=quantity)
        for i, (_, quantity, _) in enumerate(bought)
    ]
    variants = [
        ForSale(
            variant_id=f"var_{i}",
            product_id=f"prd_{i}",
            sku=f"sku_{i}",
            title="Thing",
            slug="thing",
            options={},
            price=Money(price, currency),
            tax_class=f"class-{rate}",
            hsn="8471",
            weight_grams=1,
            category_path=[],
        )
        for i, (price, _, rate) in enumerate(bought)
    ]
    applied = [Applied(code="X", title="X", discount=Money(sum(shares), currency), per_line=shares)]
    return Facts(
        contents=CartContents(cart_id="crt_1", version=1, lines=lines),
        variants=variants,
        stock={},
        discounts=Discounts(applied=applied, faults=[]),
        options=[ShippingOption(id="standard", title="Standard", price=Money(shipping, currency), delivery_date=DAY)],
        rates=[TaxRate(tax_class=f"class-{r}", from_date=DAY, price_from_minor=0, rate_basis_points=r) for r in RATES],
        at=datetime.combine(DAY, time(), UTC),
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(BOUGHT, st.integers(0, 10**9), st.integers(0, 10**6), CURRENCIES)
def test_the_parts_of_a_quote_sum_to_its_whole(
    bought: list[tuple[int, int, int]], off: int, shipping: int, currency: str
):
    made = quote(facts(bought, off, shipping, currency), Choices(shipping_address=ADDRESS), Shop(currency=currency))
    totals, lines = made.totals, made.items
    assert sum(line.unit_price.amount * line.quantity for line in lines) == totals.subtotal.amount
    assert sum(line.discount.amount for line in lines) == totals.discount.amount == min(off, totals.subtotal.amount)
    assert [line.total.amount for line in lines] == [
        line.unit_price.amount * line.quantity - line.discount.amount for line in lines
    ]
    assert sum(line.total.amount for line in lines) + totals.shipping.amount == totals.total.amount
    assert totals.tax.amount == sum(each.amount.amount for each in totals.tax_lines)
    assert sum(line.tax.amount for line in lines) + Taxed(shipping, 1800).tax == totals.tax.amount
    assert min(line.total.amount for line in lines) >= 0
    assert {money.currency for line in lines for money in (line.total, line.tax, line.discount)} == {currency}


@pytest.mark.parametrize("regime", REGIMES)
@settings(max_examples=EXAMPLES, deadline=None)
@given(AMOUNTS)
def test_taxes_of_lines_sum_to_what_is_owed_for_a_rate(regime: Regime, amounts: list[tuple[int, int]]):
    lines = [Taxed(amount, rate) for amount, rate in amounts]
    found = taxes(lines, regime)
    for rate in {line.rate_basis_points for line in lines}:
        here = [(line, tax) for line, tax in zip_longest(lines, found) if line.rate_basis_points == rate]
        base = 10_000 + rate * regime.included
        exact = Fraction(sum(line.amount for line, _ in here) * rate, base)
        roundings = len(here) if regime.once_a_line else 1
        assert abs(sum(tax for _, tax in here) - exact) <= Fraction(roundings, 2)
        assert all(abs(tax - Fraction(line.amount * rate, base)) <= 2 for line, tax in here)


def test_one_rule_rounds_each_line_and_the_other_their_sum():
    lines = [Taxed(10, 500)] * 3
    assert taxes(lines, Regime(included=False, once_a_line=True)) == [1, 1, 1]
    assert taxes(lines, Regime(included=False, once_a_line=False)) == [1, 1, 0]
    assert taxes([Taxed(118, 1800)], GST) == [18]
