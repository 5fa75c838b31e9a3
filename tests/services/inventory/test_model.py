"""The rules of stock."""

import pytest

from haat.contracts.inventory import Level, Line, OutOfStock
from haat.kit.message import Invalid
from haat.services.inventory.model import by_sku, check_adjustment, out_of_stock, summed


def level(location: str, on_hand: int, reserved: int) -> Level:
    return Level(
        sku="LAMP",
        location=location,
        on_hand=on_hand,
        reserved=reserved,
        available=on_hand - reserved,
        low_stock_at=5,
        version=3,
    )


def test_lines_of_one_sku_add_up_in_the_order_of_skus():
    lines = [Line(sku="B", quantity=2), Line(sku="A", quantity=1), Line(sku="B", quantity=3)]
    assert list(by_sku(lines).items()) == [("A", 1), ("B", 5)]


def test_no_lines_are_invalid():
    with pytest.raises(Invalid):
        by_sku([])


def test_an_adjustment_may_take_everything_that_is_free():
    check_adjustment("LAMP", -6, 6)


def test_an_adjustment_may_not_take_one_unit_more():
    with pytest.raises(OutOfStock) as refused:
        check_adjustment("LAMP", -7, 6)
    assert refused.value.facts["available"] == 6


def test_the_refusal_says_how_many_are_left():
    refusal = out_of_stock([{"sku": "LAMP", "requested": 3, "available": 2}])
    assert str(refusal) == "Only 2 of LAMP left"


def test_the_refusal_says_sold_out_when_none_are_left():
    assert str(out_of_stock([{"sku": "LAMP", "requested": 3, "available": 0}])) == "LAMP is sold out"


def test_levels_of_two_locations_add_up():
    total = summed([level("main", 10, 4), level("annex", 5, 0)])
    assert (total.location, total.on_hand, total.reserved, total.available, total.version) == ("all", 15, 4, 11, 6)


def test_the_level_of_one_location_is_itself():
    assert summed([level("annex", 5, 0)]) == level("annex", 5, 0)
