"""Records come out of files with the line they begin on."""

import io
from decimal import Decimal

import pytest

from haat.kit.records import NOT_UTF_8, BadRecord, Record, UnreadableFile, read_records


def records(text: str, format: str) -> list[Record | BadRecord]:
    return list(read_records(io.BytesIO(text.encode()), format))


def test_csv_names_its_fields_and_counts_lines_over_quoted_breaks():
    text = '\ufeffsku, title\nA,One\n\nB,"Two\nlines"\nC,Three\n'
    assert records(text, "csv") == [
        Record(2, {"sku": "A", "title": "One"}),
        Record(4, {"sku": "B", "title": "Two\nlines"}),
        Record(6, {"sku": "C", "title": "Three"}),
    ]


def test_a_csv_row_with_too_many_fields_is_told_and_the_next_is_read():
    assert records("sku,title\nA,One,more\nB,Two\n", "csv") == [
        BadRecord(2, "3 fields, but the header names 2"),
        Record(3, {"sku": "B", "title": "Two"}),
    ]


def test_a_csv_row_that_is_not_utf_8_is_told_and_the_next_is_read():
    file = io.BytesIO("sku,title\nA,Café\nB,".encode("latin-1") + "Café\n".encode())
    assert list(read_records(file, "csv")) == [BadRecord(2, NOT_UTF_8), Record(3, {"sku": "B", "title": "Café"})]


def test_a_csv_file_of_another_encoding_is_unreadable():
    with pytest.raises(UnreadableFile, match="not UTF-8"):
        list(read_records(io.BytesIO("sku,title\nA,One\n".encode("utf-16")), "csv"))


@pytest.mark.parametrize("header", ["sku;title", "sku\ttitle"])
def test_a_csv_file_without_commas_is_unreadable(header):
    with pytest.raises(UnreadableFile, match="parted by semicolons or tabs"):
        records(f"{header}\nA;One\n", "csv")


def test_a_csv_file_of_one_column_is_read():
    assert records("sku\nA;B\n", "csv") == [Record(2, {"sku": "A;B"})]


def test_a_short_csv_row_lacks_its_last_fields():
    assert records("sku,title\nA\n", "csv") == [Record(2, {"sku": "A"})]


def test_json_that_is_nested_too_deeply_is_told_and_the_next_line_is_read():
    first, second = records(f'{{"a": {"[" * 100_000}\n{{"sku": "B"}}\n', "jsonl")
    assert (type(first), second) == (BadRecord, Record(2, {"sku": "B"}))


def test_fractions_are_never_floats():
    assert records('{"price": 0.1}\n', "jsonl") == [Record(1, {"price": Decimal("0.1")})]


def test_a_broken_json_line_is_told_and_the_next_is_read():
    first, second, third = records('{"sku": \n[1]\n\n{"sku": "B"}\n', "jsonl")[:3]
    assert (type(first), second, third) == (BadRecord, BadRecord(2, "not a JSON object"), Record(4, {"sku": "B"}))


@pytest.mark.parametrize("text", ['[{"a": 1}, 2]', '{"products": [{"a": 1}, 2], "total": 2}'])
def test_json_may_be_a_list_or_hold_one(text):
    assert records(text, "json") == [Record(1, {"a": 1}), BadRecord(2, "not an object")]


def test_json_lines_under_the_name_of_json_are_read():
    assert records('{"a": 1}\n{"a": 2}\n', "json") == [Record(1, {"a": 1}), Record(2, {"a": 2})]


@pytest.mark.parametrize(
    ("text", "format"), [("[1", "json"), ('"text"', "json"), ("{}", "json"), ("x", "xls"), ("[" * 100_000, "json")]
)
def test_a_file_that_holds_no_list_is_unreadable(text, format):
    with pytest.raises(UnreadableFile):
        records(text, format)


def test_json_that_is_nested_too_deeply_is_unreadable():
    with pytest.raises(UnreadableFile):
        records("[" * 100_000, "json")


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_an_empty_file_has_no_records(format):
    assert records("", format) == []
