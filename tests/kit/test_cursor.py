"""Cursors come back as they went, and only to the list they came from."""

import pytest

from haat.kit.cursor import InvalidCursor, decode_cursor, encode_cursor

CURSOR = encode_cursor("products?category=shoes", [1_764_000_000_000, "prd_1"])


def test_a_cursor_gives_its_position_back():
    assert decode_cursor("products?category=shoes", CURSOR) == [1_764_000_000_000, "prd_1"]


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        ("products?category=hats", CURSOR),
        ("products?category=shoes", CURSOR[:-2]),
        ("products?category=shoes", "x" + CURSOR[1:]),
        ("products?category=shoes", ""),
        ("products?category=shoes", "no cursor at all"),
        ("products?category=shoes", "₹₹₹"),
        ("products?category=shoes", "A" * 5_000),
    ],
    ids=["other filters", "cut", "changed", "empty", "not base64", "not ascii", "too long"],
)
def test_a_foreign_or_damaged_cursor_is_refused(filters, text):
    with pytest.raises(InvalidCursor):
        decode_cursor(filters, text)
