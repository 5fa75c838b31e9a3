"""The floor: how many journeys a second the database takes when nothing but its writes is done, by pgbench."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from haat.cli.load.writes import STOCK, script
from haat.engines.database import embedded
from haat.engines.database.embedded_account import wheel_folder
from haat.engines.database.migrations import every_unit, migrate

SCRATCH = "haat_bench"
# As large as those of the shop's last order, so that the same bytes are written.
SAMPLES = {
    "quote": "SELECT quote::text FROM checkout.checkouts WHERE status = 'completed' ORDER BY created_at DESC LIMIT 1",
    "asked": "SELECT complete::text FROM checkout.attempts WHERE state = 'placed' ORDER BY created_at DESC LIMIT 1",
    "saga": "SELECT saga::text FROM checkout.attempts WHERE state = 'placed' ORDER BY created_at DESC LIMIT 1",
    "body": "SELECT body::text FROM orders.orders ORDER BY placed_at DESC LIMIT 1",
    "history": "SELECT history::text FROM payments.payments WHERE state = 'captured' ORDER BY created_at DESC LIMIT 1",
    "answer": "SELECT answer::text FROM vault.charges WHERE answer IS NOT NULL ORDER BY created_at DESC LIMIT 1",
    "event": "SELECT '\\x' || encode(body, 'hex') FROM events.log WHERE name = 'payments.PaymentAuthorized' LIMIT 1",
}


def owner_of(data: Path, url: str | None) -> str | None:
    """The owner's URL of the database that this shop runs on; None when it cannot be known from here."""
    server = None if url else embedded.attach(data / "postgres")
    return url or (server.dsn() if server is not None else None)


def journeys_a_second(owner: str, clients: int, seconds: float) -> float:
    """Run the writes in a scratch database of the same server, which is dropped at the end.

    The shop's own tables would be left with orders that nobody placed. Raises RuntimeError with pgbench's own words.
    """
    with psycopg.connect(owner) as connection:
        samples = {name: _sample(connection, query) for name, query in SAMPLES.items()}
    with scratch(owner) as dsn:
        return run(dsn, samples, "-c", str(clients), "-j", "1", "-T", str(max(1, round(seconds))))


def run(dsn: str, samples: Mapping[str, str], *options: str) -> float:
    """Run the script on a scratch database; transactions a second. `samples` are the documents to write."""
    binary = wheel_folder() / "pginstall18" / "bin" / "pgbench"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "journey.sql"
        file.write_text(script())
        values = [part for name, value in samples.items() for part in ("-D", f"{name}={value}")]
        ended = subprocess.run(  # noqa: S603 - our own binary
            [binary, "-n", "-M", "prepared", *options, "-f", file, *values, dsn],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    rate = re.search(r"^tps = ([\d.]+)", ended.stdout, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: ([1-9]\d*)", ended.stdout, re.MULTILINE)
    if ended.returncode != 0 or rate is None or failed is not None or "ERROR" in ended.stderr:
        raise RuntimeError(f"pgbench: {ended.stderr[-600:] or ended.stdout[-600:]}")
    return float(rate.group(1))


@contextmanager
def scratch(owner: str) -> Iterator[str]:
    """A database of its own on the owner's server, migrated and stocked, gone afterwards."""
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {SCRATCH}")
        try:
            dsn = urlunsplit(urlsplit(owner)._replace(path=f"/{SCRATCH}"))
            migrate(dsn, every_unit())
            with psycopg.connect(dsn, autocommit=True) as scratch:
                scratch.execute(STOCK)
                scratch.execute("ANALYZE")
            yield dsn
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")


def _sample(connection: psycopg.Connection, query: str) -> str:
    row = connection.execute(query).fetchone()
    if row is None:
        raise RuntimeError("the shop has no order yet to take the sizes from: bench the journey first")
    return str(row[0])
