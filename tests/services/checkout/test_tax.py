"""GST inside prices: rates by class, value and date, and the split by place of supply."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haat.contracts.checkout import TaxRate
from haat.contracts.identity import Address
from haat.services.checkout.regions import state_code
from haat.services.checkout.tax import Taxed, rate_of, tax_lines

SINCE_2025 = date(2025, 9, 22)
APPAREL = [
    TaxRate(tax_class="apparel", from_date=date(2017, 7, 1), price_from_minor=0, rate_basis_points=500),
    TaxRate(tax_class="apparel", from_date=date(2017, 7, 1), price_from_minor=100_001, rate_basis_points=1200),
    TaxRate(tax_class="apparel", from_date=SINCE_2025, price_from_minor=0, rate_basis_points=500),
    TaxRate(tax_class="apparel", from_date=SINCE_2025, price_from_minor=250_001, rate_basis_points=1800),
]


def address(region: str, country: str = "IN") -> Address:
    return Address(name="A", line1="1", city="C", region=region, postal_code="560001", country=country)


@pytest.mark.parametrize(
    ("price", "on", "rate"),
    [
        (262_500, date(2026, 1, 1), 500),  # 250,000 without the tax: still in the lower bracket
        (262_502, date(2026, 1, 1), 1800),
        (99_900, date(2025, 9, 21), 500),
        (150_000, date(2025, 9, 21), 1200),
        (150_000, SINCE_2025, 500),
    ],
)
def test_the_bracket_is_chosen_by_the_value_without_tax_and_the_day(price: int, on: date, rate: int):
    assert rate_of(APPAREL, "apparel", price, on) == rate


def test_an_unknown_class_is_taxed_at_the_standard_rate():
    assert rate_of(APPAREL, "mystery", 100, date(2026, 1, 1)) == 1800


def test_a_price_of_118_at_18_percent_contains_18():
    assert Taxed(11_800, 1800).tax == 1800


def test_within_the_state_the_tax_is_split_into_central_and_state():
    lines = tax_lines([Taxed(11_800, 1800)], address("Karnataka"), "KA", "INR")
    assert [(each.title, each.rate_basis_points, each.amount.amount, each.taxable.amount) for each in lines] == [
        ("CGST", 900, 900, 10_000),
        ("SGST", 900, 900, 10_000),
    ]


def test_an_odd_paisa_goes_to_the_central_part():
    lines = tax_lines([Taxed(100, 1800)], address("KA"), "KA", "INR")
    assert [each.amount.amount for each in lines] == [8, 7]


def test_into_another_state_it_is_integrated():
    lines = tax_lines([Taxed(11_800, 1800), Taxed(10_500, 500)], address("Maharashtra"), "KA", "INR")
    assert [(each.title, each.rate_basis_points, each.amount.amount) for each in lines] == [
        ("IGST", 500, 500),
        ("IGST", 1800, 1800),
    ]


def test_within_a_territory_without_legislature_it_is_utgst():
    lines = tax_lines([Taxed(11_800, 1800)], address("Chandigarh"), "CH", "INR")
    assert [each.title for each in lines] == ["CGST", "UTGST"]


def test_exports_carry_no_tax():
    assert tax_lines([Taxed(11_800, 1800)], address("Bavaria", "DE"), "KA", "INR") == []


@pytest.mark.parametrize(
    ("written", "code"),
    [("Karnataka", "KA"), ("IN-KA", "KA"), ("ka", "KA"), ("tamil nadu", "TN"), ("TG", "TS"), ("Orissa", "OD")],
)
def test_states_are_known_by_code_and_name(written: str, code: str):
    assert state_code(written) == code


def test_what_is_not_a_state_has_no_code():
    assert state_code("Bavaria") is None


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from([0, 300, 500, 1200, 1800, 4000])), max_size=20),
    st.sampled_from(["KA", "MH", "CH"]),
)
def test_the_lines_sum_to_the_taxes(amounts: list[tuple[int, int]], region: str):
    taxed = [Taxed(amount, rate) for amount, rate in amounts]
    lines = tax_lines(taxed, address(region), "KA", "INR")
    assert sum(line.amount.amount for line in lines) == sum(each.tax for each in taxed)
