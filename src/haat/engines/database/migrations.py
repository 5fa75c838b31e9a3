"""Migrations: each service's own numbered steps in its own schema, run by Alembic, forward only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import psycopg
from psycopg import sql

from haat.engines.database.roles import ALONE, COMMON_ROLE
from haat.kit.startup import StartupFault

__all__ = ["COMMON_ROLE", "every_unit", "folder_of", "heads", "migrate", "missing", "newer"]

LOCK = 7_262_003
# The first with uuidv7().
LEAST_VERSION = 180_000
# Whoever comes after a step that waits, waits with it.
LOCK_TIMEOUT = "5s"


def folder_of(unit: str) -> Path:
    """Where the steps of a service (or of the event log) lie."""
    package = "haat.engines.events" if unit == "events" else f"haat.services.{unit}"
    return Path(str(files(package))) / "migrations"


def every_unit() -> list[str]:
    """The event log and every service that keeps something in PostgreSQL."""
    services = Path(str(files("haat.services")))
    return ["events", *sorted(path.parent.parent.name for path in services.glob("*/migrations/0001_*.py"))]


def heads(units: Sequence[str]) -> dict[str, str]:
    """The newest step of each unit, read from the file names (`0001_begin.py` is step 0001)."""
    return {unit: max(path.name[:4] for path in folder_of(unit).glob("[0-9]*.py")) for unit in units}


def _steps(dsn: str, units: Sequence[str]) -> dict[str, str]:
    """The step that each unit is at, empty where there is none; one quick look, without Alembic.

    Raises StartupFault for a server that is too old.
    """
    found = {}
    with psycopg.connect(dsn, connect_timeout=10) as connection:
        _check_server(connection.info.server_version)
        for unit in units:
            if connection.execute("SELECT to_regclass(%s)", [f"{unit}.alembic_version"]).fetchone() == (None,):
                continue
            query = sql.SQL("SELECT version_num FROM {}.alembic_version").format(sql.Identifier(unit))
            row = connection.execute(query).fetchone()
            found[unit] = row[0] if row else ""
    return {unit: found.get(unit, "") for unit in units}


def _check_server(version: int) -> None:
    if version < LEAST_VERSION:
        raise StartupFault(
            f"The database server is PostgreSQL {version // 10_000}.{version % 100}: "
            f"haat needs {LEAST_VERSION // 10_000} or later.",
            "Name a newer server by HAAT_DATABASE_URL, or none: then haat starts its own.",
        )


def missing(dsn: str, units: Sequence[str]) -> list[str]:
    """The units whose schema is not yet at the newest step that this code knows."""
    wanted, found = heads(units), _steps(dsn, units)
    return [unit for unit in units if found[unit] < wanted[unit]]


def newer(dsn: str, units: Sequence[str]) -> list[str]:
    """The units whose schema is at a step that this code does not know."""
    wanted, found = heads(units), _steps(dsn, units)
    return [unit for unit in units if found[unit] > wanted[unit]]


def migrate(dsn: str, units: Sequence[str], say: Callable[[str], None] = lambda _: None) -> list[str]:
    """Bring every unit to its newest step, one process at a time; the units that changed. Raises StartupFault."""
    try:
        ahead, todo = newer(dsn, units), missing(dsn, units)
    except psycopg.errors.InsufficientPrivilege as error:
        raise StartupFault(
            f"The database user may not look at every schema ({error.diag.message_primary}).",
            "Name the owner of the tables by HAAT_DATABASE_URL.",
        ) from error
    if ahead:
        raise StartupFault(
            f"The database was brought up to date by a newer haat ({', '.join(ahead)}), and steps are not taken back.",
            "Start that version, or restore the data from before it.",
        )
    if not todo:
        return []
    with psycopg.connect(dsn, autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        _make_roles(lock, todo)
        for unit in missing(dsn, units):
            say(unit)
            with _told(unit):
                _upgrade(dsn, unit)
    return todo


def _make_roles(connection: psycopg.Connection, units: Sequence[str]) -> None:
    try:
        for role in (COMMON_ROLE, *(f"haat_{unit}" for unit in units if unit != "events")):
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        for unit in units:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(unit)))
            _grant(connection, unit)
    except psycopg.errors.InsufficientPrivilege as error:
        raise StartupFault(
            f"The database user may not create schemas and roles ({error.diag.message_primary}).",
            "Run `haat migrate` once with a user that has CREATEROLE and CREATE on the database.",
        ) from error


def _grant(connection: psycopg.Connection, unit: str) -> None:
    own = f"haat_{unit}"
    readers = ["PUBLIC"] if unit == "events" else [own] if unit in ALONE else [COMMON_ROLE, own]
    for role in readers:
        name = sql.SQL("PUBLIC") if role == "PUBLIC" else sql.Identifier(role)
        for statement in (
            "GRANT USAGE ON SCHEMA {} TO {}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT USAGE ON SEQUENCES TO {}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT EXECUTE ON FUNCTIONS TO {}",
        ):
            connection.execute(sql.SQL(statement).format(sql.Identifier(unit), name))


@contextmanager
def _told(unit: str) -> Iterator[None]:
    """Say in words what is no fault of a step. Raises StartupFault."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise StartupFault(
            f"{unit} could not be brought up to date: somebody holds a lock that it needs ({LOCK_TIMEOUT} waited).",
            "Try again when that has ended (a backup, a report, another migration); what was done until now is kept.",
        ) from error
    except psycopg.OperationalError as error:
        said = str(error).strip().splitlines()[0]
        raise StartupFault(
            f"{unit} could not be brought up to date: {said}.",
            "Look into the log of the server; what was done until now is kept, and the next try goes on from there.",
        ) from error


def _upgrade(dsn: str, unit: str) -> None:
    # A second of import: only paid when there is something to migrate.
    from alembic.operations import Operations  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    folder = str(folder_of(unit))
    script = ScriptDirectory(folder, version_locations=[folder])
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            context = MigrationContext.configure(
                connection,
                opts={
                    "fn": lambda revision, _: script._upgrade_revs("head", revision),
                    "version_table_schema": unit,
                },
            )
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            with Operations.context(context):
                context.run_migrations()
    except DBAPIError as error:
        raise error.orig or error from error
    finally:
        engine.dispose()
