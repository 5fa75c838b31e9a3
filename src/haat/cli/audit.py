"""`haat audit`: do money, stock and orders agree? Reads only."""

from __future__ import annotations

import asyncio
import http.client
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import msgspec

from haat.cli.options import Patience

BOOKS_SECONDS = 30
AGAIN_SECONDS = 1.0
SHOWN = 3
AWAY = (502, 503, 504)
BOOKS = ("id", "reference", "amount", "currency", "state", "captured", "refunded")


class Finding(msgspec.Struct, frozen=True):
    """One invariant, how often it is broken, and some culprits. `checked` is false when it could not be looked at."""

    invariant: str
    promise: str
    violations: int
    examples: list[str] = []
    checked: bool = True


def audit(*, patience: Patience = 0.0, json: bool = False) -> None:
    """Hold ledger, payments, orders and stock against each other and against the provider's books. Reads only.

    Exit status 1 when a promise is broken. A shop at work has things in motion for seconds: see `patience`.

    Parameters
    ----------
    patience
        Seconds in which to look again until nothing is found, and to wait for a provider or a database that is away.
    json
        Print one JSON list instead of a table.
    """
    from rich.console import Console
    from rich.table import Table

    from haat.cli.database import database_for
    from haat.cli.environment import read_settings

    deadline = time.monotonic() + patience
    with database_for(read_settings(), deadline) as settings:
        assert settings.database_url is not None
        books_url = _books_url(settings.provider_url, settings.data)
        findings = asyncio.run(patiently(settings.database_url, books_url, deadline))
    if json:
        print(msgspec.json.encode(findings).decode())
    else:
        table = Table("", "promise", "broken", "such as")
        for each in findings:
            mark = "✗" if each.violations else "ok" if each.checked else "–"
            table.add_row(f"{mark} {each.invariant}", each.promise, str(each.violations), "\n".join(each.examples))
        Console().print(table)
    sys.exit(1 if any(each.violations for each in findings) else 0)


async def patiently(database_url: str, books_url: str | None, deadline: float) -> list[Finding]:
    """What is found, looked at again until nothing is or it is `deadline` (monotonic).

    A database that goes away amid is waited for like one that is not there yet. Raises StartupFault.
    """
    from haat.cli.database import unreachable
    from haat.engines.database.pool import LOST

    while True:
        try:
            findings = await _look(database_url, books_url, deadline)
            if not any(each.violations for each in findings) or time.monotonic() >= deadline:
                return findings
        except LOST as error:
            if time.monotonic() >= deadline:
                raise unreachable(error) from None
        await asyncio.sleep(AGAIN_SECONDS)


async def _look(database_url: str, books_url: str | None, deadline: float) -> list[Finding]:
    """Every invariant at one moment of the database; the books are read before it, and waited for until `deadline`."""
    import asyncpg

    from haat.cli.audit_questions import AGAINST_THE_BOOKS, BOOKS_TABLE, QUESTIONS

    rows = None if books_url is None else await asyncio.to_thread(books, books_url, deadline)
    connection = await asyncpg.connect(database_url)
    try:
        # The books are the only thing written, into a table that goes with this session.
        await connection.execute(BOOKS_TABLE)
        await connection.copy_records_to_table("books", records=[] if rows is None else rows)
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = []
        for invariant, promise, sql in QUESTIONS:
            if rows is None and invariant in AGAINST_THE_BOOKS:
                found.append(Finding(invariant, promise, 0, ["the provider's books cannot be read"], checked=False))
                continue
            broken = [row[0] for row in await connection.fetch(sql)]
            found.append(Finding(invariant, promise, len(broken), broken[:SHOWN]))
        return found
    finally:
        await connection.close()


def _books_url(provider_url: str | None, data: Path) -> str | None:
    from haat.cli.instance import running_instance

    running = running_instance(data)
    url = provider_url or (running.url if running else None)
    return f"{url}/sandbox/books" if url else None


def books(url: str, deadline: float) -> list[tuple[object, ...]] | None:
    """The provider's rows; None when it keeps no books that we may read.

    A provider that is away, as after a crash, is asked again until `deadline` (of the monotonic clock).
    """
    while True:
        try:
            with urllib.request.urlopen(url, timeout=BOOKS_SECONDS) as answer:  # noqa: S310 - an address from the settings
                rows = msgspec.json.decode(answer.read())["data"]
            return [tuple(row[name] for name in BOOKS) for row in rows]
        except (msgspec.DecodeError, KeyError, TypeError):
            return None
        except (OSError, http.client.HTTPException) as error:
            # A shop between us and the provider says so when it is away; one that dies amid sends a part of its books.
            away = not isinstance(error, urllib.error.HTTPError) or error.code in AWAY
            if not away or time.monotonic() >= deadline:
                return None
            time.sleep(AGAIN_SECONDS)
