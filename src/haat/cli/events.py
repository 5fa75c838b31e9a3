"""`haat events`: what could not be acted on, and once more."""

from __future__ import annotations

from haat.cli.options import Shown


def parked_events(*, limit: Shown = 50) -> None:
    """List events that kept failing and were put aside, the oldest first.

    Parameters
    ----------
    limit
        At most so many.
    """
    import asyncio

    from rich.console import Console
    from rich.table import Column, Table

    from haat.cli.database import database_for
    from haat.cli.environment import read_settings
    from haat.engines.database.pool import PostgresDatabase
    from haat.engines.events.parked import PostgresParked
    from haat.ports.parked_events import ParkedEvent

    async def listed(url: str) -> list[ParkedEvent]:
        pool = PostgresDatabase(url, 1)
        await pool.start()
        try:
            return await PostgresParked(pool).parked(limit)
        finally:
            await pool.stop()

    with database_for(read_settings()) as settings:
        assert settings.database_url is not None
        found = asyncio.run(listed(settings.database_url))
    table = Table("since", "by", "event", Column("id", no_wrap=True), "error")
    for each in found:
        table.add_row(f"{each.at:%Y-%m-%d %H:%M}", each.reader, each.name, each.event_id, each.error[:200])
    Console().print(table if found else "Nothing is put aside.")


def replay_events(event_id: str | None = None, *, reader: str | None = None) -> None:
    """Have a worker act once more on parked events: all of them, those of one reader, or one. Mend the cause first.

    Parameters
    ----------
    event_id
        One event, as `haat events parked` names it.
    reader
        The service that could not act on them, such as `orders`.
    """
    import asyncio

    from haat.cli.database import database_for, known
    from haat.cli.environment import read_settings
    from haat.engines.database.pool import PostgresDatabase
    from haat.engines.events.parked import PostgresParked
    from haat.settings import SERVICES

    known([] if reader is None else [reader], SERVICES)

    async def ask(url: str) -> int:
        pool = PostgresDatabase(url, 1)
        await pool.start()
        try:
            return await PostgresParked(pool).ask_again("haat events", reader, event_id)
        finally:
            await pool.stop()

    with database_for(read_settings()) as settings:
        assert settings.database_url is not None
        count = asyncio.run(ask(settings.database_url))
    if not count:
        print("Nothing of this kind is put aside: `haat events parked` shows what is.")
        return
    print(f"{count} asked for: a running worker acts on them within seconds; `haat events parked` shows what is left")
