"""`haat inventory`: hold the levels of stock against their events, rebuild them, and measure a crowd."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from haat.cli.options import Clients, Rate, Seconds
from haat.kit.startup import StartupFault

BATCH = 500
SHOWN = 20


def verify() -> None:
    """Fold all events of every SKU from the first on, check their chain of hashes, and compare with the levels.

    Exit status 1 when something differs. Reads only; a shop may be running.
    """
    from haat.services.inventory.model import SHAPE

    with _connected() as connection:
        found, streams, events = [], 0, 0
        for batch in _batches(connection, None):
            rows = connection.execute(
                "SELECT sku, location, fault, version FROM inventory.drifted(%s, true, %s)", [batch, SHAPE]
            ).fetchall()
            streams, events = streams + len(rows), events + sum(row[3] for row in rows)
            found += [row for row in rows if row[2] is not None]
    for sku, location, fault, _ in found[:SHOWN]:
        print(f"{sku} at {location}: {fault}")
    print(f"{streams} levels, {events} events, {len(found)} differ")
    sys.exit(1 if found else 0)


def rebuild(*, sku: str | None = None) -> None:
    """Write levels anew out of their events, some hundred at a time, each batch in one transaction.

    Stops at events whose chain is broken or whose shape is not known; nothing of that batch is changed then.

    Parameters
    ----------
    sku
        Only this one.
    """
    import psycopg

    from haat.services.inventory.model import SHAPE

    changed = streams = 0
    with _connected() as connection:
        for batch in _batches(connection, sku):
            try:
                row = connection.execute("SELECT inventory.rebuild(%s, %s)", [batch, SHAPE]).fetchone()
            except psycopg.errors.RaiseException as fault:
                print(f"stopped: {fault.diag.message_primary}")
                sys.exit(1)
            streams, changed = streams + len(batch), changed + (row[0] if row else 0)
    if sku is not None and not streams:
        raise StartupFault(f"No stock is kept of {sku}.", "Name a SKU as /admin/stock does, or none: then all are.")
    print(f"{streams} levels, {changed} changed")


def bench(*, seconds: Seconds = 6.0, users: Clients = 100, rate: Rate = 1000.0, json: bool = False) -> None:
    """Reservations of one SKU, plain and granted together, and what others feel of it, on a server of its own.

    Parameters
    ----------
    seconds
        How long each load lasts.
    users
        Clients at a time in the closed loop of the combiner.
    rate
        Reservations a second in the open loop.
    json
        Print one JSON list instead of a table.
    """
    import msgspec
    import uvloop
    from rich.console import Console
    from rich.table import Table

    from haat.cli.load.crowd import measure

    found = uvloop.run(measure(seconds, users, rate))
    if json:
        print(msgspec.json.encode(found).decode())
        return
    table = Table("load", "rate/s", "p50 ms", "p99 ms", "failed", "service ms", "PostgreSQL ms")
    for each in found:
        table.add_row(*map(str, msgspec.structs.astuple(each)))
    Console(width=120).print(table)
    print(f"together {found[1].rate / max(1.0, found[0].rate):.1f} times the plain statement")


@contextmanager
def _connected() -> Iterator[Any]:
    import psycopg

    from haat.cli.database import database_for
    from haat.cli.environment import read_settings

    with database_for(read_settings()) as settings:
        assert settings.database_url is not None
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            yield connection


def _batches(connection: Any, sku: str | None) -> Iterator[Sequence[int]]:
    place = 0
    while True:
        rows = connection.execute(
            "SELECT stream FROM inventory.stock WHERE stream > %s AND (%s::text IS NULL OR sku = %s)"
            " ORDER BY stream LIMIT %s",
            [place, sku, sku, BATCH],
        ).fetchall()
        if not rows:
            return
        yield [row[0] for row in rows]
        place = rows[-1][0]
