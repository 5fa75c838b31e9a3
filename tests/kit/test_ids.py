"""Ids: unique, sorted by time, and told apart by their prefix."""

import time

import pytest

from haat.kit.ids import ALPHABET, is_id, new_id


def value_of(new: str) -> int:
    """The 128 bits of an id."""
    value = 0
    for letter in new.rpartition("_")[2]:
        value = value * 32 + ALPHABET.index(letter)
    return value


def test_an_id_is_its_prefix_and_26_letters():
    new = new_id("ord")
    assert (new[:4], len(new)) == ("ord_", 30)
    assert is_id(new, "ord")


def test_an_id_carries_the_version_and_variant_of_a_uuid_7():
    value = value_of(new_id("ord"))
    assert (value >> 76 & 0xF, value >> 62 & 0b11) == (7, 0b10)


def test_an_id_carries_its_millisecond():
    before = time.time_ns() // 1_000_000
    made = value_of(new_id("ord")) >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_ten_thousand_ids_differ():
    assert len({new_id("evt") for _ in range(10_000)}) == 10_000


def test_ids_of_a_later_millisecond_sort_later(monkeypatch):
    first = new_id("ord")
    later = time.time_ns() + 1_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert first < new_id("ord")


def test_ids_of_one_millisecond_sort_as_they_were_made(monkeypatch):
    at = iter([1_790_000_000_000_000_000, 1_790_000_000_000_000_250, 1_790_000_000_000_999_999])
    monkeypatch.setattr(time, "time_ns", lambda: next(at))
    first, second, third = new_id("ord"), new_id("ord"), new_id("ord")
    assert (first < second, second < third) == (True, True)
    assert value_of(third) >> 80 == 1_790_000_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ord",
        "ord_",
        "usr_01jd0000000000000000000000",
        "ord_01jd000000000000000000000",
        "ord_01jd00000000000000000000000",
        "ord_81jd0000000000000000000000",
        "ord_01JD0000000000000000000000",
        "ord_01jdu000000000000000000000",
        "xord_01jd0000000000000000000000",
        "01jd0000000000000000000000",
    ],
)
def test_what_is_not_an_order_id(text):
    assert not is_id(text, "ord")


def test_a_prefix_may_have_an_underscore():
    assert is_id(new_id("rma_line"), "rma_line")
