"""The rules of coupons."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.contracts.promotions import DiscountLine, NewCoupon
from haat.kit.message import Invalid
from haat.kit.money import Money
from haat.services.promotions.model import Known, check_coupon, discounts, normal

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TENTH = NewCoupon(code="TENTH", title="10 %", percent_basis_points=1000, combinable=True)
FLAT = NewCoupon(code="FLAT", title="₹500 off", amount_minor=50_000, combinable=True)


def line(amount: int, *path: str) -> DiscountLine:
    return DiscountLine(sku="S", product_id="P", quantity=1, total=Money(amount), category_path=list(path))


def known(coupon: NewCoupon, used: int = 0, used_by_user: int = 0) -> Known:
    return Known(coupon, used, used_by_user, NOW)


def priced(*coupons: NewCoupon, lines: list[DiscountLine], used: int = 0, by_user: int = 0, user: str | None = "usr_1"):
    found = {coupon.code: known(coupon, used, by_user) for coupon in coupons}
    return discounts([coupon.code for coupon in coupons], lines, found, user, NOW)


def changed(coupon: NewCoupon, **fields) -> NewCoupon:
    return msgspec.structs.replace(coupon, **fields)


def reasons(result) -> list[str]:
    return [each.reason for each in result.faults]


def test_a_percentage_is_taken_off_and_spread_over_the_lines():
    (applied,) = priced(TENTH, lines=[line(100_05), line(200_00)]).applied
    assert (applied.discount, applied.per_line) == (Money(3001), [1001, 2000])


def test_half_a_paisa_rounds_up():
    (applied,) = priced(TENTH, lines=[line(105)]).applied
    assert applied.discount == Money(11)


def test_an_amount_never_takes_more_than_there_is_to_pay():
    (applied,) = priced(FLAT, lines=[line(30_000), line(10_000)]).applied
    assert applied.per_line == [30_000, 10_000]


def test_a_refusal_says_which_coupon_it_is_about():
    ended = changed(TENTH, code="ENDED", ends_at=NOW)
    told = discounts(
        [" flat ", "ended", "nope"], [line(90_000)], {"FLAT": known(FLAT), "ENDED": known(ended)}, None, NOW
    )
    assert [each.code for each in told.applied] == ["FLAT"]
    assert [each.detail for each in told.faults] == ["Coupon ended has expired", "There is no coupon nope"]


def test_a_maximum_bounds_a_percentage():
    (applied,) = priced(changed(TENTH, maximum_discount_minor=500), lines=[line(100_000)]).applied
    assert applied.discount == Money(500)


def test_a_category_coupon_leaves_other_lines_alone():
    lines = [line(10_000, "home", "lamps"), line(10_000, "toys")]
    (applied,) = priced(changed(TENTH, category="home"), lines=lines).applied
    assert applied.per_line == [1_000, 0]


def test_a_category_coupon_without_a_matching_line_gives_nothing():
    assert reasons(priced(changed(TENTH, category="home"), lines=[line(10_000, "toys")])) == ["no_matching_items"]


def test_one_paisa_below_the_minimum_gives_nothing():
    least = changed(TENTH, minimum_minor=10_000)
    assert reasons(priced(least, lines=[line(9_999)])) == ["minimum"]
    assert reasons(priced(least, lines=[line(10_000)])) == []


def test_a_minimum_counts_prices_and_not_what_another_coupon_has_left():
    assert reasons(priced(FLAT, changed(TENTH, minimum_minor=100_000), lines=[line(100_000)])) == []


def test_an_unknown_code_is_told_as_it_was_written():
    (fault,) = discounts(["nOpe"], [line(1)], {}, None, NOW).faults
    assert (fault.code, fault.reason) == ("nOpe", "unknown")


def test_a_coupon_counts_from_its_first_moment_to_before_its_last():
    start, end = NOW, NOW + timedelta(seconds=1)
    assert reasons(priced(changed(TENTH, starts_at=start, ends_at=end), lines=[line(100)])) == []
    assert reasons(priced(changed(TENTH, starts_at=end), lines=[line(100)])) == ["not_started"]
    assert reasons(priced(changed(TENTH, ends_at=start), lines=[line(100)])) == ["expired"]


def test_a_used_up_coupon_gives_nothing():
    assert reasons(priced(changed(TENTH, limit_total=3), lines=[line(100)], used=3)) == ["used_up"]


def test_a_coupon_used_by_this_user_gives_nothing():
    assert reasons(priced(changed(TENTH, limit_per_user=1), lines=[line(100)], by_user=1)) == ["used_by_you"]


def test_a_coupon_counted_per_user_needs_a_user():
    assert reasons(priced(changed(TENTH, limit_per_user=1), lines=[line(100)], user=None)) == ["sign_in"]


def test_a_coupon_that_stands_alone_excludes_later_ones():
    assert reasons(priced(changed(TENTH, combinable=False), FLAT, lines=[line(100_000)])) == ["not_combinable"]


def test_a_coupon_that_stands_alone_does_not_join_earlier_ones():
    assert reasons(priced(FLAT, changed(TENTH, combinable=False), lines=[line(100_000)])) == ["not_combinable"]


def test_a_code_given_twice_counts_once():
    result = discounts(["tenth", " TENTH "], [line(100_000)], {"TENTH": known(TENTH)}, None, NOW)
    assert [applied.code for applied in result.applied] == ["TENTH"]


def test_a_second_coupon_discounts_what_the_first_has_left():
    result = priced(FLAT, TENTH, lines=[line(100_000)])
    assert [applied.discount.amount for applied in result.applied] == [50_000, 5_000]


@pytest.mark.parametrize(
    "fields",
    [
        {"percent_basis_points": None},
        {"amount_minor": 5},
        {"starts_at": NOW, "ends_at": NOW},
    ],
)
def test_a_coupon_that_makes_no_sense_is_invalid(fields):
    with pytest.raises(Invalid):
        check_coupon(changed(TENTH, **fields))


@pytest.mark.parametrize(
    "typed", ["diwali-26\u200b", "\ufeffDIWALI-26", "diwali\u00ad-26", "ｄｉｗａｌｉ－２６", "\u00a0Diwali-26 "]
)
def test_a_code_is_known_by_what_is_seen_of_it(typed: str):
    assert normal(typed) == "DIWALI-26"


def test_codes_are_stored_in_capitals():
    assert (check_coupon(changed(TENTH, code="diwali-26")).code, normal(" diwali-26 ")) == ("DIWALI-26", "DIWALI-26")


amounts = st.integers(0, 10**9)
coupons = st.one_of(
    st.builds(lambda percent, cap: changed(TENTH, percent_basis_points=percent, maximum_discount_minor=cap),
              st.integers(1, 10_000), st.none() | st.integers(1, 10**8)),
    st.builds(lambda amount: changed(FLAT, amount_minor=amount), st.integers(1, 10**9)),
)  # fmt: skip


@given(first=coupons, second=coupons, totals=st.lists(amounts, min_size=1, max_size=8))
def test_shares_sum_to_the_discount_and_never_exceed_a_line(first, second, totals):
    given_ = [changed(first, code="A"), changed(second, code="B")]
    result = priced(*given_, lines=[line(total) for total in totals])
    for applied in result.applied:
        assert sum(applied.per_line) == applied.discount.amount > 0 or applied.discount.amount == 0
        assert min(applied.per_line) >= 0
    taken = [sum(shares) for shares in zip(*(applied.per_line for applied in result.applied), strict=True)]
    assert all(part <= total for part, total in zip(taken, totals, strict=False))
