"""Cursors come back as they went, and only to the list they came from."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from haat.kit.cursor import InvalidCursor, Moment, Number, decode_cursor, encode_cursor, id_in, paged

AT = datetime(2026, 11, 30, 8, 15, 0, 123456, tzinfo=UTC)
CURSOR = encode_cursor("products?category=shoes", (AT, 1_764_000_000_000, "prd_1"))
SHAPE = tuple[Moment, Number, str]


def forged(body: str) -> str:
    """The digest is no secret."""
    digest = hashlib.blake2b(b"list\n" + body.encode(), digest_size=8).digest()
    return base64.urlsafe_b64encode(digest + body.encode()).rstrip(b"=").decode()


def test_a_cursor_gives_its_place_back():
    assert decode_cursor("products?category=shoes", CURSOR, SHAPE) == (AT, 1_764_000_000_000, "prd_1")


def test_moments_come_back_in_utc():
    india = timezone(timedelta(hours=5, minutes=30))
    cursor = encode_cursor("list", (AT.astimezone(india),))
    assert str((decode_cursor("list", cursor, tuple[Moment]) or ["none"])[0]) == "2026-11-30 08:15:00.123456+00:00"


def test_no_cursor_is_the_beginning():
    assert (decode_cursor("list", None, SHAPE), id_in("list", None)) == (None, None)


def test_a_page_leads_on_to_what_was_found_beyond_it():
    first = paged("list", ["a", "b", "c"], 2, lambda each: (each,))
    last = paged("list", ["c"], 2, lambda each: (each,))
    assert (first.data, first.has_more, id_in("list", first.next_cursor)) == (["a", "b"], True, "b")
    assert (last.data, last.has_more, last.next_cursor) == (["c"], False, None)


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
        decode_cursor(filters, text, SHAPE)


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '["2026-11-30T08:15:00Z",7]',
        '["2026-11-30T08:15:00Z",7,"a","b"]',
        '["2026-11-30T08:15:00",7,"a"]',
        '["0001-01-01T00:00:00+05:30",7,"a"]',
        '["2026-11-30T08:15:00Z",9223372036854775808,"a"]',
        '["2026-11-30T08:15:00Z",7,"a\\u0000"]',
        '{"a":1}',
        "7",
    ],
)
def test_a_forged_cursor_is_refused_unless_it_is_of_the_shape_that_the_list_bears(body):
    with pytest.raises(InvalidCursor):
        decode_cursor("list", forged(body), SHAPE)


def test_a_forged_cursor_of_the_shape_opens_what_the_list_shows_anyway():
    place = decode_cursor("list", forged('["2026-11-30T08:15:00Z",7,"a"]'), SHAPE)
    assert place == (datetime(2026, 11, 30, 8, 15, tzinfo=UTC), 7, "a")
