"""The rules of stock."""

import pytest

from haat.contracts.inventory import Level, Line
from haat.kit.message import Invalid
from haat.services.inventory.model import SHAPE, UnknownShape, by_sku, lifted, out_of_stock, summed


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


def test_what_is_written_today_is_read_as_it_stands():
    assert lifted(SHAPE, "adjusted", {"reason": "counted", "note": "shelf 4"}) == {
        "reason": "counted",
        "note": "shelf 4",
    }


def test_the_first_shape_is_read_with_its_note_apart():
    assert lifted(1, "adjusted", {"actor": "usr_1", "reason": "damaged: by water"}) == {
        "actor": "usr_1",
        "reason": "damaged",
        "note": "by water",
    }


def test_the_first_shape_without_a_reason_stays_empty():
    assert lifted(1, "reserved", {}) == {}


def test_a_shape_of_newer_code_stops_the_reader():
    with pytest.raises(UnknownShape):
        lifted(SHAPE + 1, "adjusted", {})


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
