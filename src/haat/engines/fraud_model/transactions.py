"""Transaction files for the fraud evaluation: CSV (plain or .gz) or parquet, every bad row told."""

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from haat.ports.fraud_model import CardUse

COLUMNS = ("id", "at", "customer", "terminal", "amount", "fraud")
TRUTH = {"0": False, "1": True, "false": False, "true": True, "0.0": False, "1.0": True}


class TransactionsInvalid(ValueError):
    """The file cannot be evaluated; `problems` holds every fault with its row."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Labelled(msgspec.Struct, frozen=True):
    """A transaction and what it turned out to be."""

    use: CardUse
    fraud: bool


def read_transactions(path: Path) -> list[Labelled]:
    """In order of time. Times without a zone are UTC, amounts are in major units. TransactionsInvalid names every bad
    row; OSError passes."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PAR1":
        return parse_rows(_parquet_rows(path), "row")
    try:
        with gzip.open(path, "rt", newline="") if start[:2] == b"\x1f\x8b" else path.open(newline="") as text:
            return parse_rows(csv.DictReader(text), "line", first=2)
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError, csv.Error) as broken:
        raise TransactionsInvalid([f"not a readable CSV file: {broken}"]) from broken


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    from pyarrow import ArrowInvalid, parquet  # noqa: PLC0415

    try:
        file = parquet.ParquetFile(path)
        present = [name for name in COLUMNS if name in file.schema_arrow.names]
        for batch in file.iter_batches(columns=present):
            yield from batch.to_pylist()
    except ArrowInvalid as broken:
        raise TransactionsInvalid([f"not a readable parquet file: {broken}"]) from broken


def parse_rows(rows: Iterable[dict[str, Any]], place: str, first: int = 1) -> list[Labelled]:
    """Every fault of every row at once, `place` and number before it."""
    problems: list[str] = []
    found: list[Labelled] = []
    ids: set[str] = set()
    for number, row in enumerate(rows, start=first):
        missing = [name for name in COLUMNS if row.get(name) in (None, "")]
        if missing:
            problems.append(f"{place} {number}: no {', '.join(missing)}")
            continue
        try:
            labelled = _parse(row)
        except ValueError as fault:
            problems.append(f"{place} {number}: {fault}")
            continue
        if labelled.use.id in ids:
            problems.append(f"{place} {number}: id {labelled.use.id} occurs twice")
        ids.add(labelled.use.id)
        found.append(labelled)
    if not found and not problems:
        problems.append("no transactions")
    if problems:
        raise TransactionsInvalid(problems)
    return sorted(found, key=lambda labelled: labelled.use.at)


def _parse(row: dict[str, Any]) -> Labelled:
    faults = []
    at = amount_minor = fraud = None
    try:
        at = _moment(row["at"])
    except ValueError:
        faults.append(f"at {row['at']!r} is no time")
    try:
        amount_minor = round(Decimal(str(row["amount"])) * 100)
    except (InvalidOperation, OverflowError, ValueError):
        faults.append(f"amount {row['amount']!r} is no number")
    if amount_minor is not None and amount_minor < 0:
        faults.append(f"amount {row['amount']!r} is negative")
    fraud = TRUTH.get(str(row["fraud"]).strip().lower())
    if fraud is None:
        faults.append(f"fraud {row['fraud']!r} is neither 0 nor 1")
    if faults or at is None or amount_minor is None or fraud is None:
        raise ValueError("; ".join(faults))
    return Labelled(CardUse(str(row["id"]), at, str(row["customer"]), str(row["terminal"]), amount_minor), fraud)


def _moment(value: Any) -> float:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
