"""The frozen quote: integers that sum, and what is still missing."""

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haat.contracts.cart import CartContents, CartLine, Owner
from haat.contracts.catalog import ForSale
from haat.contracts.checkout import TaxRate
from haat.contracts.identity import Address
from haat.contracts.promotions import Applied, CodeFault, Discounts
from haat.contracts.shipping import ShippingOption
from haat.kit.message import Unauthenticated
from haat.kit.money import Money
from haat.services.checkout.model import (
    Choices,
    Facts,
    Quote,
    Shop,
    frozen,
    owner_key,
    quote,
    requirements,
    same_prices,
)

HOME = Address(name="Asha", line1="1 MG Road", city="Bengaluru", region="Karnataka", postal_code="560001")
STANDARD = ShippingOption(id="standard", title="Standard", price=Money(4900), delivery_date=date(2026, 1, 5))
EXPRESS = ShippingOption(id="express", title="Express", price=Money(14900), delivery_date=date(2026, 1, 3))


def variant(number: int, price: int) -> ForSale:
    return ForSale(
        variant_id=f"var_{number}",
        product_id=f"prd_{number}",
        sku=f"SKU-{number}",
        title=f"Thing {number}",
        slug=f"thing-{number}",
        options={},
        price=Money(price),
        tax_class="standard-18",
        hsn="8471",
        weight_grams=500,
        category_path=["things"],
    )


def facts(
    *bought: tuple[int, int], discount: list[int] | None = None, stock: int = 99, faults: tuple[CodeFault, ...] = ()
) -> Facts:
    """(price, quantity) per line; `discount` per line."""
    lines = [
        CartLine(item_id=f"itm_{i}", product_id=f"prd_{i}", variant_id=f"var_{i}", quantity=quantity)
        for i, (_, quantity) in enumerate(bought)
    ]
    applied = (
        [Applied(code="X", title="X", discount=Money(sum(discount)), per_line=discount)] if discount is not None else []
    )
    return Facts(
        contents=CartContents(cart_id="crt_1", version=1, lines=lines),
        variants=[variant(i, price) for i, (price, _) in enumerate(bought)],
        stock={f"SKU-{i}": stock for i in range(len(bought))},
        discounts=Discounts(applied=applied, faults=list(faults)),
        options=[STANDARD, EXPRESS],
        rates=[],
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def quoted(made: Facts, **choices: object) -> Quote:
    return quote(made, Choices(shipping_address=HOME, email="a@example.com", **choices), Shop())


def test_totals_of_two_lines_with_the_cheapest_shipping():
    totals = quoted(facts((11_800, 2), (5_900, 1))).totals
    assert (totals.subtotal, totals.shipping, totals.total) == (Money(29_500), Money(4_900), Money(34_400))


def test_tax_is_inside_the_total_of_goods_and_shipping():
    assert quoted(facts((11_800, 1))).totals.tax == Money(1_800 + 747)


@pytest.mark.parametrize(("minute", "rate"), [(29, 1_800), (30, 500)])
def test_a_new_rate_holds_from_midnight_in_india(minute: int, rate: int):
    rates = [
        TaxRate(tax_class="standard-18", from_date=day, price_from_minor=0, rate_basis_points=points)
        for day, points in ((date(2026, 1, 1), 1_800), (date(2026, 2, 1), 500))
    ]
    moment = datetime(2026, 1, 31, 18, minute, tzinfo=UTC)
    made = quoted(msgspec.structs.replace(facts((11_800, 1)), rates=rates, at=moment))
    assert made.items[0].tax_basis_points == rate


def test_a_discount_lowers_the_lines_and_their_tax():
    made = quoted(facts((11_800, 1), (11_800, 1), discount=[1_180, 0]))
    assert [(line.total.amount, line.tax.amount) for line in made.items] == [(10_620, 1_620), (11_800, 1_800)]


def test_the_way_of_delivery_asked_for_is_taken():
    assert quoted(facts((100, 1)), shipping_method="express").totals.shipping == Money(14_900)


def test_a_way_of_delivery_that_is_not_offered_is_a_requirement():
    made = quoted(facts((100, 1)), shipping_method="drone")
    assert [each.code for each in requirements(made)] == ["not_offered"]


def test_everything_missing_is_told_at_once():
    made = quote(facts((100, 1)), Choices(), Shop())
    assert [each.pointer for each in requirements(made)] == ["/email", "/shipping_address"]


def test_too_little_stock_is_a_message_with_its_line():
    assert [(m.code, m.pointer) for m in quoted(facts((100, 2), stock=1)).messages] == [("out_of_stock", "/items/0")]


def test_a_coupon_that_gives_nothing_says_why():
    made = quoted(facts((100, 1), faults=(CodeFault(code="X", reason="expired", detail="X has ended"),)))
    assert [(m.code, m.detail) for m in made.messages] == [("coupon_expired", "X has ended")]


def test_another_price_is_not_the_same_quote():
    assert not same_prices(quoted(facts((100, 1))), quoted(facts((101, 1))))


def test_what_a_quote_has_frozen_makes_the_same_quote_again():
    rate = TaxRate(tax_class="standard-18", from_date=date(2026, 1, 1), price_from_minor=0, rate_basis_points=500)
    known = msgspec.structs.replace(facts((11_800, 2), (5_900, 1), discount=[100, 0]), rates=[rate])
    before = quoted(known)
    contents, variants = frozen(before, "crt_1", 1)
    assert quoted(msgspec.structs.replace(known, contents=contents, variants=variants)) == before


def test_nobody_has_no_checkout():
    with pytest.raises(Unauthenticated):
        owner_key(Owner())


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10_000), st.integers(0, 100)), min_size=1, max_size=30))
def test_the_parts_sum_to_the_whole(lines: list[tuple[int, int, int]]):
    discounts = [price * quantity * percent // 100 for price, quantity, percent in lines]
    made = quoted(facts(*((price, quantity) for price, quantity, _ in lines), discount=discounts))
    totals = made.totals
    assert sum(line.total.amount for line in made.items) + totals.shipping.amount == totals.total.amount
    assert totals.subtotal.amount - totals.discount.amount + totals.shipping.amount == totals.total.amount
    assert sum(line.amount.amount for line in totals.tax_lines) == totals.tax.amount
