"""Words: how they are cut, joined, stemmed, and what they say about each other."""

import pytest

from haat.engines.text_search.analysis import (
    head_word,
    negated_word,
    normalised,
    with_words_replaced,
    words_of,
)
from haat.engines.text_search.spelling import edits, nearest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16 GB", "16gb"),
        ("16-GB", "16gb"),
        ("2 Litres", "2l"),
        ('15.6" screen', "15.6inch  screen"),
        ("1,00,000 hours", "100000 hours"),
        ("Men’s", "men"),
        ("dogs' bowl", "dogs bowl"),
        ("2 in 1", "2 in 1"),
        ("5 golden", "5 golden"),
    ],
)
def test_one_spelling_of_what_can_be_written_in_several(text, expected):
    assert normalised(text) == expected


def test_words_come_with_their_stems_in_order():
    assert words_of("Running Cafés, 16 GB") == [("running", "run"), ("cafes", "cafe"), ("16gb", "16gb")]


def test_a_word_too_long_to_be_one_is_left_out():
    assert words_of(f"red {'x' * 50}") == [("red", "red")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("belt without a buckle", "buckle"), ("no lid", "lid"), ("belt without", None), ("belt", None)],
)
def test_what_is_not_wanted(text, expected):
    assert negated_word(text.split()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("oak desk for kids", "desk"), ("chair without wheels", "chair"), ("red shoe", "shoe"), ("for kids", None)],
)
def test_what_is_looked_for(text, expected):
    assert head_word(text.split()) == expected


def test_only_the_misspelt_word_is_replaced():
    assert with_words_replaced("Red labtop, new", {"labtop": "laptop"}) == "Red laptop, new"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("laptop", "laptop", 0),
        ("labtop", "laptop", 1),
        ("lpatop", "laptop", 1),
        ("lptop", "laptop", 1),
        ("lapptop", "laptop", 1),
        ("lbtop", "laptop", 2),
        ("phone", "laptop", None),
        ("", "ab", 2),
    ],
)
def test_edits_between_words(left, right, expected):
    assert edits(left, right, most=2) == expected


def test_the_nearest_word_comes_first_and_of_equally_near_ones_the_most_frequent():
    dictionary = [("laptops", 9), ("laptop", 1), ("lapdog", 50), ("labtops", 2)]
    assert [term for _, _, term in nearest("labtop", dictionary, most=2)] == ["labtops", "laptop", "laptops"]
