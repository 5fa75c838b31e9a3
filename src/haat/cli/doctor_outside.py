"""What an installation needs of other machines: databases, services in processes of their own, mail, traces."""

from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from haat.cli.database import CONNECT_SECONDS, reach
from haat.cli.findings import Finding
from haat.kit.startup import StartupFault

__all__ = ["PROBE_SECONDS", "Elsewhere", "database", "elsewhere", "most_connections"]

PROBE_SECONDS = 3.0
# Leases, tokens and quotes end by the clocks of both.
CLOCKS_APART_SECONDS = 5.0
PORTS = {"smtp": 25, "smtps": 465, "http": 80, "https": 443}


@dataclass(frozen=True)
class Elsewhere:
    """Addresses by the setting that names them."""

    databases: Mapping[str, str] = field(default_factory=dict)
    # Each answers /healthz.
    services: Mapping[str, str] = field(default_factory=dict)
    # Each takes connections: what it is asked is not for a check.
    servers: Mapping[str, str] = field(default_factory=dict)


def elsewhere(named: Elsewhere) -> Iterator[Finding]:
    """One finding for each address."""
    for setting, url in named.databases.items():
        yield _reached(setting, url)
    for setting, url in named.services.items():
        yield _healthy(setting, url)
    for setting, url in named.servers.items():
        yield _listening(setting, url)


def database(url: str) -> Iterator[Finding]:
    """Whether the shop's own lets us in, goes by our clock, and has the tables of this version."""
    import psycopg

    try:
        reach(url)
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            ours = datetime.now(UTC)
            row = connection.execute("SELECT clock_timestamp()").fetchone()
    except StartupFault as fault:
        yield Finding("database", False, fault.what, fault.what_to_do)
        return
    except psycopg.Error as error:
        yield Finding("database", False, f"it does not answer ({error})", "Look into the log of the server.")
        return
    yield Finding("database", True, "the one of HAAT_DATABASE_URL lets us in")
    yield _clocks(ours, row[0] if row else ours)
    yield _tables(url)


def most_connections(url: str) -> int | None:
    """How many the server takes at once; None when it does not say."""
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            row = connection.execute("SELECT current_setting('max_connections')::int").fetchone()
    except psycopg.Error:
        return None
    return row[0] if row else None


def _clocks(ours: datetime, theirs: datetime) -> Finding:
    apart = abs((theirs - ours).total_seconds())
    if apart <= CLOCKS_APART_SECONDS:
        return Finding("database clock", True, "as ours")
    way_out = "Let both machines keep the time by NTP: timedatectl set-ntp true"
    return Finding("database clock", False, f"{apart:.0f} s from ours", way_out)


def _tables(url: str) -> Finding:
    import psycopg

    from haat.engines.database.migrations import every_unit, missing, newer
    from haat.engines.database.roles import ALONE

    units = [unit for unit in every_unit() if unit not in ALONE]
    try:
        behind, ahead = missing(url, units), newer(url, units)
    except StartupFault as fault:
        return Finding("tables", False, fault.what, fault.what_to_do)
    except psycopg.errors.InsufficientPrivilege:
        return Finding("tables", True, "not for this user to see")
    if behind:
        # `haat run` takes the steps by itself, where its user may.
        return Finding("tables", False, f"behind this version: {', '.join(behind)}", "Run `haat migrate`.")
    if ahead:
        way_out = "Install that version, unless you are about to."
        return Finding("tables", False, f"of a newer version: {', '.join(ahead)}", way_out)
    return Finding("tables", True, "of this version")


def _reached(setting: str, url: str) -> Finding:
    try:
        reach(url, setting=setting)
    except StartupFault as fault:
        return Finding(setting, False, fault.what, fault.what_to_do)
    return Finding(setting, True, "it lets us in")


def _healthy(setting: str, url: str) -> Finding:
    way_out = f"Start it there, or correct {setting}."
    request = urllib.request.Request(f"{url.rstrip('/')}/healthz")  # noqa: S310 - an address from the settings
    try:
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS):  # noqa: S310
            return Finding(setting, True, "it answers")
    except urllib.error.HTTPError as error:
        return Finding(setting, False, f"what is there answers {error.code}", way_out)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Finding(setting, False, f"it does not answer ({error})", way_out)


def _listening(setting: str, url: str) -> Finding:
    """Named by host and port alone: the address may hold a password."""
    try:
        parts = urlsplit(url)
        where = (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0))
    except ValueError:
        return Finding(setting, False, "it names no host and port", f"Look at it, and correct {setting}.")
    told = f"{where[0]}:{where[1]}"
    try:
        with socket.create_connection(where, PROBE_SECONDS):
            return Finding(setting, True, f"{told} takes connections")
    except (OSError, UnicodeError) as error:
        way_out = f"See that it runs and that the way there is open, or correct {setting}."
        return Finding(setting, False, f"{told} takes none ({error})", way_out)
