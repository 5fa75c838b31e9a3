"""The database a command works on: the one named, or the embedded one of the data folder, running or not."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from haat.kit.startup import StartupFault
from haat.settings import SERVICES, Settings

CONNECT_SECONDS = 5
AGAIN_SECONDS = 1.0


def reach(url: str, deadline: float = 0.0, setting: str = "HAAT_DATABASE_URL") -> None:
    """Make sure that PostgreSQL lets us in; asked again until `deadline` (monotonic). Raises StartupFault."""
    import psycopg

    while True:
        try:
            psycopg.connect(url, connect_timeout=CONNECT_SECONDS).close()
        except psycopg.Error as error:
            if time.monotonic() >= deadline:
                raise unreachable(error, setting) from None
            time.sleep(AGAIN_SECONDS)
        else:
            return


def standing_alone(settings: Settings, names: Sequence[str]) -> Settings:
    """Settings of these services in a process of their own: the database has their tables, the secret is known.

    Raises StartupFault.
    """
    if settings.database_url is None:
        raise StartupFault("No database is named.", "Set HAAT_DATABASE_URL=postgresql://user@host/name.")
    reach(settings.database_url)
    if settings.replica_url:
        reach(settings.replica_url, setting="HAAT_REPLICA_URL")
    if settings.vault_database_url and "vault" in names:
        reach(settings.vault_database_url, setting="HAAT_VAULT_DATABASE_URL")
    _look_for_tables(settings.database_url, names)
    return settings.model_copy(update={"service_secret": _secret(settings, settings.data)})


def _secret(settings: Settings, data: Path) -> str:
    from haat.kit.secret import secret_in

    try:
        return settings.service_secret or secret_in(data, "service")
    except OSError as error:
        raise StartupFault(
            f"The secret of the services in {data} can be neither read nor made ({error.strerror}).",
            "Run this as the owner of that folder, name another by HAAT_DATA, or set HAAT_SERVICE_SECRET as there.",
        ) from error


def _look_for_tables(url: str, names: Sequence[str], deadline: float = 0.0) -> None:
    import psycopg

    from haat.engines.database.migrations import every_unit, missing
    from haat.engines.database.roles import ALONE

    # Newer ones are welcome: the database is brought up to date first, and then one process after the other.
    units = [unit for unit in every_unit() if unit == "events" or (unit in names and unit not in ALONE)]
    while True:
        try:
            behind = missing(url, units)
            break
        except psycopg.errors.InsufficientPrivilege:
            # The role in the address is not each service's own.
            return
        except psycopg.OperationalError as error:
            if time.monotonic() >= deadline:
                raise unreachable(error) from None
            time.sleep(AGAIN_SECONDS)
    if behind:
        raise StartupFault(
            f"The database lacks tables of this version ({', '.join(behind)}).", "Run `haat migrate` first."
        )


def known(names: Sequence[str], choices: Sequence[str]) -> None:
    """Raises StartupFault for names that are none of the choices."""
    unknown = [name for name in names if name not in choices]
    if unknown:
        raise StartupFault(f"There is no service {', '.join(unknown)}.", f"Choose from {', '.join(choices)}.")


def unreachable(error: Exception, setting: str = "HAAT_DATABASE_URL") -> StartupFault:
    """The fault in words, from what the driver said."""
    way_out = f"See that the server runs and lets this user in, and that {setting} names it."
    return StartupFault(f"The database cannot be reached: {_said(error)}.", way_out)


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0].rstrip(".")


@contextmanager
def database_for(settings: Settings, deadline: float = 0.0, *, fill: bool = False) -> Iterator[Settings]:
    """Settings with a migrated database that can be reached while the context is open. Raises StartupFault.

    One that is named, and away, is waited for until `deadline` (monotonic). An embedded one is made only to `fill` it:
    whoever looks into a shop that is not there has named another folder than they meant.
    """
    from haat.engines.database.migrations import COMMON_ROLE, every_unit, migrate

    data = settings.data.absolute()
    if settings.database_url is not None:
        reach(settings.database_url, deadline)
        _look_for_tables(settings.database_url, SERVICES, deadline)
        with _in_words():
            yield settings.model_copy(update={"data": data, "service_secret": _secret(settings, data)})
        return
    if not fill:
        _look_for_shop(data)
    from haat.engines.database import embedded

    secret = _secret(settings, data)
    with embedded.attach(data / "postgres") or embedded.start(data / "postgres") as server:
        migrate(server.dsn(), every_unit())
        url = server.dsn(user=COMMON_ROLE)
        with _in_words():
            yield settings.model_copy(update={"data": data, "service_secret": secret, "database_url": url})


def _look_for_shop(data: Path) -> None:
    try:
        there = (data / "postgres" / "cluster").is_dir()
    except OSError as error:
        raise StartupFault(
            f"This user may not look into {data} ({error.strerror}).",
            "Run this as its owner, or name another by HAAT_DATA.",
        ) from error
    if not there:
        raise StartupFault(
            f"There is no shop in {data}.", "Name its data folder by HAAT_DATA, or its database by HAAT_DATABASE_URL."
        )


@contextmanager
def _in_words() -> Iterator[None]:
    """What the database, or a part of the shop, refuses in the middle of the work. Raises StartupFault."""
    import asyncpg
    import psycopg

    from haat.engines.database.pool import LOST
    from haat.kit.message import Unavailable

    # A file that is not there is no fault of the database, though both are OSErrors.
    lost = tuple(kind for kind in LOST if kind is not OSError)
    try:
        yield
    except (
        psycopg.errors.InsufficientPrivilege,
        asyncpg.InsufficientPrivilegeError,
        asyncpg.InvalidAuthorizationSpecificationError,
    ) as error:
        raise StartupFault(
            f"The database user may not do this: {_said(error)}.",
            "Name one that may by HAAT_DATABASE_URL: haat_app, or the owner of the tables.",
        ) from error
    except (psycopg.OperationalError, ConnectionError, socket.gaierror, *lost) as error:
        raise StartupFault(
            f"The database broke off: {_said(error)}.", "See that the server runs and has room, and try again."
        ) from error
    except Unavailable as error:
        raise StartupFault(
            f"{_said(error)}.", "See that every part of the shop runs (`haat doctor`), and try again."
        ) from error
