"""Records out of files: CSV, JSON lines, JSON arrays and YAML, one by one with their lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from importlib import import_module
from typing import IO, Any

import msgspec

FORMATS = ("csv", "jsonl", "json", "yaml")
LONGEST_FIELD = 1_000_000
NOT_UTF_8 = "not UTF-8: spreadsheets have a format named CSV UTF-8"
NO_COMMAS = "its columns are parted by semicolons or tabs: spreadsheets can save them parted by commas"
# What is nested too deeply is none either.
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Record(msgspec.Struct, frozen=True):
    """One record and the line it begins on (the number of the item in a JSON or YAML list)."""

    line: int
    fields: dict[str, Any]


class BadRecord(msgspec.Struct, frozen=True):
    """A record that cannot be read, and why."""

    line: int
    detail: str


class UnreadableFile(ValueError):
    """The file as a whole is not what it should be."""


def read_records(stream: IO[bytes], format: str) -> Iterator[Record | BadRecord]:
    """Every record of a file in one of FORMATS; fractions come as Decimal. Raises UnreadableFile, also in between."""
    if format == "csv":
        return _csv(stream)
    if format == "jsonl":
        return _json_lines(stream)
    if format == "json":
        return _json(stream)
    if format == "yaml":
        return _items(_yaml(stream))
    raise UnreadableFile(f"{format} is not one of {', '.join(FORMATS)}")


def _csv(stream: IO[bytes]) -> Iterator[Record | BadRecord]:
    csv.field_size_limit(LONGEST_FIELD)
    # Other bytes come as surrogates, so that their row can be told: as "�" they would go unseen.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _csv_rows(csv.reader(text))
    finally:
        # It would take the caller's stream along when it goes.
        if not text.closed:
            text.detach()


def _csv_rows(reader: Any) -> Iterator[Record | BadRecord]:
    names: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRecord(line, str(error))
            continue
        if not row:
            continue
        if names is None:
            if not _is_utf_8(row):
                raise UnreadableFile(NOT_UTF_8)
            names = [name.strip() for name in row]
            if len(names) == 1 and {";", "\t"} & {*names[0]}:
                raise UnreadableFile(NO_COMMAS)
        elif not _is_utf_8(row):
            yield BadRecord(line, NOT_UTF_8)
        elif len(row) > len(names):
            yield BadRecord(line, f"{len(row)} fields, but the header names {len(names)}")
        else:
            yield Record(line, dict(zip(names, row, strict=False)))


def _is_utf_8(row: Iterable[str]) -> bool:
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_lines(stream: Iterable[bytes]) -> Iterator[Record | BadRecord]:
    decoder = msgspec.json.Decoder(float_hook=Decimal)
    for line, text in enumerate(stream, 1):
        if not text.strip():
            continue
        try:
            value = decoder.decode(text)
        except _NOT_JSON as error:
            yield BadRecord(line, f"not JSON: {error}")
            continue
        yield Record(line, value) if isinstance(value, dict) else BadRecord(line, "not a JSON object")


def _json(stream: IO[bytes]) -> Iterator[Record | BadRecord]:
    data = stream.read()
    try:
        return _items(msgspec.json.Decoder(float_hook=Decimal).decode(data))
    except _NOT_JSON as error:
        if data.lstrip()[:1] == b"{" and b"\n" in data.strip():
            # Many call JSON lines .json too.
            return _json_lines(data.splitlines())
        raise UnreadableFile(f"not JSON: {error}") from error


def _yaml(stream: IO[bytes]) -> Any:
    try:
        yaml: Any = import_module("yaml")
    except ImportError as error:
        raise UnreadableFile(
            "reading YAML needs PyYAML: install it next to haat (`uv pip install pyyaml`), or convert the file to JSON"
        ) from error
    try:
        return yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise UnreadableFile(f"not YAML: {error}") from error


def _items(value: Any) -> Iterator[Record | BadRecord]:
    """The items of a list, or of the one list in an object such as `{"products": […], "total": 2}`."""
    if isinstance(value, dict):
        lists = [each for each in value.values() if isinstance(each, list)]
        value = lists[0] if len(lists) == 1 else value
    if not isinstance(value, list):
        raise UnreadableFile("expected a list of objects, or an object that holds one list")
    return (
        Record(number, {str(name): field for name, field in item.items()})
        if isinstance(item, dict)
        else BadRecord(number, "not an object")
        for number, item in enumerate(value, 1)
    )
