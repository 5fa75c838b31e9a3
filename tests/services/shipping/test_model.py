"""Zones, rates, delivery dates, and how a status may move."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.contracts.identity import Address
from haat.contracts.shipping import RatesFor
from haat.kit.money import Money
from haat.services.shipping.model import boxes, delivery_date, expected, forward, options_for, promised, zone_of

WEDNESDAY = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)


def address(postal_code: str = "560001", region: str = "KA", country: str = "IN") -> Address:
    return Address(name="Asha", line1="1 Road", city="C", region=region, postal_code=postal_code, country=country)


def options(
    where: Address, grams: int = 400, subtotal: int = 50_000, moment: datetime = WEDNESDAY
) -> list[tuple[str, int, date]]:
    found = options_for(RatesFor(address=where, weight_grams=grams, subtotal=Money(subtotal)), "KA", moment)
    return [(option.id, option.price.amount, option.delivery_date) for option in found]


@pytest.mark.parametrize(
    ("pin", "region", "zone"),
    [
        ("560001", "Karnataka", "local"),
        ("590010", "IN-KA", "local"),
        ("110001", "DL", "metro"),
        ("400050", "Maharashtra", "metro"),
        ("411001", "MH", "metro"),
        ("302001", "RJ", "rest"),
        ("190001", "JK", "remote"),
        ("781001", "Assam", "remote"),
        ("737101", "SK", "remote"),
        ("744101", "AN", "remote"),
        ("682555", "LD", "remote"),
        ("682001", "KL", "rest"),
        ("110001", "Nagaland", "remote"),
    ],
)
def test_the_zone_follows_pin_and_state(pin: str, region: str, zone: str) -> None:
    assert zone_of(pin, region, "KA") == zone


def test_a_light_parcel_within_the_state() -> None:
    assert options(address()) == [
        ("standard", 4_000, date(2026, 11, 27)),
        ("express", 9_000, date(2026, 11, 26)),
    ]


@pytest.mark.parametrize(
    ("grams", "price"), [(0, 6_000), (500, 6_000), (501, 8_500), (1_000, 8_500), (1_001, 11_000), (10_000, 53_500)]
)
def test_each_half_kilogram_begun_costs_a_step(grams: int, price: int) -> None:
    assert options(address("302001", "RJ"), grams)[0][1] == price


@pytest.mark.parametrize(("subtotal", "prices"), [(99_899, [4_000, 9_000]), (99_900, [0, 9_000])])
def test_standard_is_free_from_999_rupees(subtotal: int, prices: list[int]) -> None:
    assert [price for _, price, _ in options(address(), subtotal=subtotal)] == prices


@pytest.mark.parametrize("pin", ["060001", "56001", "5600011", "56000A", "٥٦٠٠٠١"])
def test_a_pin_that_cannot_exist_gets_no_options(pin: str) -> None:
    assert options(address(pin)) == []


def test_a_pin_may_be_written_with_a_space() -> None:
    assert options(address("560 001")) == options(address("560001"))


def test_nothing_is_sent_abroad() -> None:
    assert options(address("10115", "BE", "DE")) == []


def test_the_date_is_counted_from_indias_day() -> None:
    late = datetime(2026, 11, 25, 19, 0, tzinfo=UTC)
    assert options(address(), moment=late)[1][2] == date(2026, 11, 27)


@pytest.mark.parametrize(
    ("today", "days", "there"),
    [
        (date(2026, 11, 27), 1, date(2026, 11, 28)),
        (date(2026, 11, 28), 1, date(2026, 11, 30)),
        (date(2026, 11, 29), 1, date(2026, 11, 30)),
        (date(2026, 11, 27), 8, date(2026, 12, 7)),
    ],
)
def test_sundays_do_not_count(today: date, days: int, there: date) -> None:
    assert delivery_date(today, days) == there


@given(st.integers(0, 200_000), st.integers(0, 5_000), st.sampled_from(["560001", "110001", "302001", "781001"]))
def test_more_weight_never_costs_less(grams: int, more: int, pin: str) -> None:
    light, heavy = options(address(pin), grams), options(address(pin), grams + more)
    assert all(a[1] <= b[1] for a, b in zip(light, heavy, strict=True))


@given(st.integers(-10, 10_000_000))
def test_boxes_are_what_the_carrier_takes(grams: int) -> None:
    found = boxes(grams)
    assert (sum(found), len(found) <= 50, min(found) >= 1, max(found) <= 100_000) == (
        max(1, min(grams, 5_000_000)),
        True,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("current", "told", "after"),
    [
        ("created", "picked_up", "picked_up"),
        ("created", "delivered", "delivered"),
        ("delivered", "in_transit", "delivered"),
        ("out_for_delivery", "in_transit", "out_for_delivery"),
        ("created", "canceled", "canceled"),
        ("picked_up", "canceled", "picked_up"),
        ("canceled", "picked_up", "canceled"),
        ("created", "created", "created"),
    ],
)
def test_a_status_never_goes_back(current: str, told: str, after: str) -> None:
    assert forward(current, told) == after  # type: ignore[arg-type]


def test_the_expected_day_is_indias() -> None:
    assert expected(None, datetime(2026, 11, 29, 20, 0, tzinfo=UTC)) == date(2026, 11, 30)


def test_a_parcel_is_not_expected_before_the_promised_day() -> None:
    assert expected(date(2026, 12, 2), datetime(2026, 11, 29, 20, 0, tzinfo=UTC)) == date(2026, 12, 2)


def test_a_parcel_that_will_be_late_is_expected_late() -> None:
    assert expected(date(2026, 12, 2), datetime(2026, 12, 3, 20, 0, tzinfo=UTC)) == date(2026, 12, 4)


@pytest.mark.parametrize(("method", "place"), [("standard", 0), ("express", 1)])
def test_a_parcel_is_promised_for_the_day_that_the_checkout_showed(method: str, place: int) -> None:
    assert promised(address(), method, "KA", WEDNESDAY) == options(address())[place][2]


def test_nothing_is_promised_by_terms_that_are_not_offered() -> None:
    assert promised(address("10115", "BE", "DE"), "standard", "KA", WEDNESDAY) is None
