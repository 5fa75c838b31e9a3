"""The database a command works on: the one named, or the embedded one of the data folder, running or not."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from haat.kit.startup import StartupFault
from haat.settings import Settings

CONNECT_SECONDS = 5
AGAIN_SECONDS = 1.0


def reach(url: str, deadline: float = 0.0) -> None:
    """Make sure that PostgreSQL lets us in; asked again until `deadline` (monotonic). Raises StartupFault."""
    import psycopg

    while True:
        try:
            psycopg.connect(url, connect_timeout=CONNECT_SECONDS).close()
        except psycopg.Error as error:
            if time.monotonic() >= deadline:
                raise unreachable(error) from None
            time.sleep(AGAIN_SECONDS)
        else:
            return


def standing_alone(settings: Settings, names: Sequence[str]) -> Settings:
    """Settings of these services in a process of their own: the database has their tables, the secret is known.

    Raises StartupFault.
    """
    from haat.kit.secret import secret_in

    if settings.database_url is None:
        raise StartupFault("No database is named.", "Set HAAT_DATABASE_URL=postgresql://user@host/name.")
    reach(settings.database_url)
    _look_for_tables(settings.database_url, names)
    try:
        secret = settings.service_secret or secret_in(settings.data, "service")
    except OSError as error:
        raise StartupFault(
            f"The secret of the services cannot be kept in {settings.data} ({error.strerror}).",
            "Set HAAT_SERVICE_SECRET to the one that the shop's other processes have.",
        ) from error
    return settings.model_copy(update={"service_secret": secret})


def _look_for_tables(url: str, names: Sequence[str]) -> None:
    import psycopg

    from haat.engines.database.migrations import every_unit, missing
    from haat.engines.database.roles import ALONE

    # Newer ones are welcome: the database is brought up to date first, and then one process after the other.
    units = [unit for unit in every_unit() if unit == "events" or (unit in names and unit not in ALONE)]
    try:
        behind = missing(url, units)
    except psycopg.errors.InsufficientPrivilege:
        # The role in the address is not each service's own.
        return
    if behind:
        raise StartupFault(
            f"The database lacks tables of this version ({', '.join(behind)}).", "Run `haat migrate` first."
        )


def known(names: Sequence[str], choices: Sequence[str]) -> None:
    """Raises StartupFault for names that are none of the choices."""
    unknown = [name for name in names if name not in choices]
    if unknown:
        raise StartupFault(f"There is no service {', '.join(unknown)}.", f"Choose from {', '.join(choices)}.")


def unreachable(error: Exception) -> StartupFault:
    """The fault in words, from what the driver said."""
    said = (str(error) or type(error).__name__).strip().splitlines()[0]
    way_out = "See that the server runs and lets this user in, and that HAAT_DATABASE_URL names it."
    return StartupFault(f"The database cannot be reached: {said}.", way_out)


@contextmanager
def database_for(settings: Settings, deadline: float = 0.0) -> Iterator[Settings]:
    """Settings with a migrated database that can be reached while the context is open. Raises StartupFault.

    One that is named, and away, is waited for until `deadline` (monotonic).
    """
    from haat.engines.database.migrations import COMMON_ROLE, every_unit, migrate
    from haat.kit.secret import secret_in

    data = settings.data.absolute()
    secret = settings.service_secret or secret_in(data, "service")
    if settings.database_url is not None:
        reach(settings.database_url, deadline)
        yield settings.model_copy(update={"data": data, "service_secret": secret})
        return
    from haat.engines.database import embedded

    with embedded.attach(data / "postgres") or embedded.start(data / "postgres") as server:
        migrate(server.dsn(), every_unit())
        url = server.dsn(user=COMMON_ROLE)
        yield settings.model_copy(update={"data": data, "service_secret": secret, "database_url": url})
