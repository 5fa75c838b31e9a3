"""`haat import`: products out of a file of another shop, good rows kept, the others told one by one."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, cast

import msgspec

from haat.contracts.catalog import LEFT_OUT, Catalog, ImportOptions, ImportRaw, RawRow, RowFault
from haat.kit.records import FORMATS, BadRecord, Record, UnreadableFile, read_records

if TYPE_CHECKING:
    from haat.settings import Settings

SUFFIXES = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
}
CHUNK = 250
FAULTS_SHOWN = 20


class Report(msgspec.Struct):
    """What became of a file's rows."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    refused: int = 0
    seconds: float = 0.0
    faults: list[RowFault] = []


def import_file(
    file: Path,
    *,
    format: str | None = None,
    default_price: str | None = None,
    invent_prices: bool = False,
    exchange_rate: str = "1",
    default_stock: int = 0,
    default_category: str = "Imported",
    json: bool = False,
) -> None:
    """Load products from CSV, JSON lines, JSON or YAML (plain or .gz). Common field names are understood.

    May be repeated: a row whose SKU or slug is known changes that product. Ends with 1 when rows were refused.

    Example: `haat import products.csv --default-stock 20`

    Parameters
    ----------
    file
        Fields such as id or sku, title or name, description, brand, category ("A > B > C" or a list), price, stock,
        images, rating, weight; what is left becomes attributes.
    format
        csv, jsonl, json or yaml; told by the file's name when absent.
    default_price
        For rows without a price, in major units (299.00 is 299 rupees).
    invent_prices
        Rows without a price get an invented one, always the same: for demonstrations.
    exchange_rate
        Prices times this are in the shop's currency.
    default_stock
        Units of rows that tell no stock.
    default_category
        For rows that tell no category.
    json
        Print one JSON object instead of words.
    """
    from decimal import Decimal, InvalidOperation

    import uvloop

    from haat.cli.database import database_for
    from haat.cli.environment import read_settings

    chosen = format or format_of(file)
    if chosen not in FORMATS:
        _refuse(f"{file}: say --format csv, jsonl, json or yaml")
    for name, given in (("--default-price", default_price), ("--exchange-rate", exchange_rate)):
        try:
            sensible = given is None or 0 <= Decimal(given) < 10**9
        except InvalidOperation:
            sensible = False
        if not sensible:
            _refuse(f"{name} {given}: not a number of 0 or more")
    if file.exists() and not file.is_file():
        _refuse(f"{file}: is a folder, or no file with an end")
    try:
        file.open("rb").close()
    except OSError as error:
        _refuse(f"{file}: cannot be read ({error.strerror})")
    _check("default_stock", default_stock)
    _check("default_category", default_category)
    options = ImportOptions(
        default_price=default_price,
        invent_prices=invent_prices,
        exchange_rate=exchange_rate,
        default_stock=default_stock,
        default_category=default_category,
    )
    with database_for(read_settings(), fill=True) as settings:
        report = uvloop.run(load(settings, file, chosen, options))
    print(msgspec.json.encode(report).decode() if json else told(report))
    if report.refused:
        raise SystemExit(1)


def _check(option: str, value: object) -> None:
    try:
        msgspec.convert({option: value}, ImportOptions)
    except msgspec.ValidationError as error:
        _refuse(f"--{option.replace('_', '-')} {value}: {error}")


async def load(settings: Settings, file: Path, format: str, options: ImportOptions) -> Report:
    """Import a file into the shop of these settings."""
    import time

    from haat.compose import House

    house = House(settings)
    catalog = house.ask(Catalog)
    report, started = Report(), time.perf_counter()
    async with house.open():
        with _progress(file) as (stream, advance):
            try:
                records = read_records(stream, format)
                while chunk := list(islice(records, CHUNK)):
                    await _take(catalog, chunk, options, report)
                    advance(report)
            except (UnreadableFile, EOFError, gzip.BadGzipFile, zlib.error) as error:
                report.refused += 1
                report.faults.append(RowFault(line=0, pointer="", code="malformed", detail=str(error)))
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def format_of(file: Path) -> str:
    """The format that a file's name tells, whether packed or not; empty when it tells none."""
    name = file.with_suffix("") if file.suffix == ".gz" else file
    return SUFFIXES.get(name.suffix.lower(), "")


def told(report: Report) -> str:
    """A report in words."""
    lines = [
        f"line {fault.line}: {fault.pointer or 'row'}: {fault.detail} ({fault.code})"
        for fault in report.faults[:FAULTS_SHOWN]
    ]
    if len(report.faults) > FAULTS_SHOWN:
        lines.append(f"… and {len(report.faults) - FAULTS_SHOWN} more faults; --json tells them all")
    rate = round(report.rows / report.seconds) if report.seconds else 0
    lines.append(
        f"{report.rows} rows: {report.created} products created, {report.updated} updated, {report.refused} refused; "
        f"{report.seconds:.1f} s, {rate} rows/s"
    )
    return "\n".join(lines)


async def _take(catalog: Catalog, chunk: list[Record | BadRecord], options: ImportOptions, report: Report) -> None:
    rows = [RawRow(line=each.line, fields=each.fields) for each in chunk if isinstance(each, Record)]
    faults = [
        RowFault(line=each.line, pointer="", code="malformed", detail=each.detail)
        for each in chunk
        if isinstance(each, BadRecord)
    ]
    done = await catalog.import_raw(ImportRaw(rows=rows, actor="import", options=options))
    faults = sorted([*faults, *done.faults], key=lambda fault: fault.line)
    report.rows += len(chunk)
    report.created += done.created
    report.updated += done.updated
    report.refused += len({fault.line for fault in faults if fault.code != LEFT_OUT})
    report.faults += faults


@contextmanager
def _progress(file: Path) -> Iterator[tuple[IO[bytes], Callable[[Report], None]]]:
    """The file unpacked, and what moves the bar: by bytes read, for nobody knows the number of rows."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with file.open("rb") as packed, bars:
        task = bars.add_task(file.name, total=file.stat().st_size, rows=0)

        def advance(report: Report) -> None:
            bars.update(task, completed=packed.tell(), rows=report.rows)

        unpacked = gzip.GzipFile(fileobj=packed) if file.suffix == ".gz" else packed
        yield cast("IO[bytes]", unpacked), advance


def _refuse(problem: str) -> NoReturn:
    print(problem, file=sys.stderr)
    raise SystemExit(2)
