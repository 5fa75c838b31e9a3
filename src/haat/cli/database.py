"""The database a command works on: the one named, or the embedded one of the data folder, running or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from haat.settings import Settings


@contextmanager
def database_for(settings: Settings) -> Iterator[Settings]:
    """Settings with a migrated database that can be reached while the context is open. Raises StartupFault."""
    from haat.engines.database.migrations import COMMON_ROLE, every_unit, migrate
    from haat.kit.secret import secret_in

    data = settings.data.absolute()
    secret = settings.service_secret or secret_in(data, "service")
    if settings.database_url is not None:
        yield settings.model_copy(update={"data": data, "service_secret": secret})
        return
    from haat.engines.database import embedded

    with embedded.attach(data / "postgres") or embedded.start(data / "postgres") as server:
        migrate(server.dsn(), every_unit())
        url = server.dsn(user=COMMON_ROLE)
        yield settings.model_copy(update={"data": data, "service_secret": secret, "database_url": url})
