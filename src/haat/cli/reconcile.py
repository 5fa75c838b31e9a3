"""`haat reconcile`: the payment provider's report of a day against our ledger."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any


def reconcile(day: date | None = None, *, json: bool = False) -> None:
    """Hold the provider's report of a day (UTC) against the ledger; what differs is kept for the back office.

    Exit status 1 when something is open. Again is safe: what has come right meanwhile is marked as healed.

    Parameters
    ----------
    day
        Such as 2026-11-27; yesterday when left out.
    json
        Print one JSON object instead of a table.
    """
    from haat.cli.database import database_for
    from haat.cli.environment import read_settings
    from haat.cli.instance import running_instance
    from haat.kit.message import Unavailable
    from haat.kit.startup import StartupFault

    today = datetime.now(UTC).date()
    wanted = day or today - timedelta(days=1)
    if wanted > today:
        raise StartupFault(f"{wanted} has not begun.", "Name a day that is over (UTC), or none: then it is yesterday.")
    with database_for(read_settings()) as settings:
        found_at = settings.provider_url or _provider_of(running_instance(settings.data))
        try:
            done, found = asyncio.run(_run(settings.model_copy(update={"provider_url": found_at}), wanted))
        except Unavailable as error:
            raise StartupFault(
                f"The provider's report cannot be read: {error.detail}.",
                "The sandbox runs with `haat run`; say where it is by HAAT_PROVIDER_URL.",
            ) from error
    if json:
        import msgspec

        print(msgspec.json.encode({"providers": done, "breaks": found}).decode())
    else:
        _print(done, found)
    sys.exit(1 if any(each.breaks for each in done) else 0)


def _provider_of(running: Any) -> str | None:
    """Where a running shop keeps its sandbox: on this machine alone, wherever it listens itself."""
    from haat.cli.run import PROVIDER_OFFSET, SANDBOX_HOST

    if running is None or not running.url:
        return None
    return f"http://{SANDBOX_HOST}:{int(running.url.rpartition(':')[2]) + PROVIDER_OFFSET}"


async def _run(settings: Any, day: date) -> tuple[list[Any], list[Any]]:
    from haat.compose import House, reconciliations
    from haat.contracts.payments import ListBreaks
    from haat.services.payments.reconciliation import Books

    house = House(settings, frozenset({"payments"}))
    against, books = reconciliations(house), Books(house.database("payments"))
    async with house.open():
        done = [await each.run(day) for each in against]
        found = (await books.breaks(ListBreaks(state="open", limit=100))).data
    return done, [each for each in found if each.day == day]


def _print(done: list[Any], found: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("break", "kind", "subject", "matter", "ours", "theirs", "currency")
    for each in found:
        table.add_row(
            each.id, each.kind, each.subject, each.matter, str(each.ours_minor), str(each.theirs_minor), each.currency
        )
    if found:
        Console().print(table)
    for each in done:
        print(f"{each.provider} {each.day}: {each.lines} lines, {each.breaks} breaks open")
