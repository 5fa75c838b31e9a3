"""`haat bench`: measure a running shop from outside."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from haat.cli.options import Clients, Seconds
from haat.kit.startup import StartupFault

if TYPE_CHECKING:
    from haat.cli.load.generators import Report

SETTLE_SECONDS = 2.0
COUNT_SECONDS = 3.0
IN_USE = 1_000
Operation = Literal["list", "product", "search", "refined_search", "new_search", "add_to_cart", "journey"]


class Figure(msgspec.Struct, frozen=True):
    """One operation: rates, times in ms, CPU in ms per operation. Background work after a journey is counted in."""

    operation: str
    load: str
    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failed: int
    count: int
    services_ms: float
    postgres_ms: float
    sandboxes_ms: float
    # Only of the journey, where the database's owner can be reached from here.
    statements: float | None = None
    pgbench_rate: float | None = None
    of_pgbench: float | None = None


def bench(
    *,
    url: str | None = None,
    data: Path | None = None,
    seconds: Seconds = 8.0,
    users: Clients = 24,
    only: Operation | None = None,
    json: bool = False,
) -> None:
    """Drive the shop that is running here with shoppers, and print rates, times and CPU per operation.

    When none runs, one is started with its demo catalogue in a folder of its own, and is gone afterwards.

    Next to the journey stand the SQL statements it takes, and pgbench doing only its writes on the same server.
    Closed loop (each shopper begins again at once) and open loop (shoppers come at random, at half that rate).
    The client shares the machine and is part of what it costs.

    Parameters
    ----------
    url
        The shop; HAAT_HOST and HAAT_PORT when left out.
    data
        Its data folder, to read CPU times; HAAT_DATA when left out.
    seconds
        How long each load lasts.
    users
        Shoppers at a time in the closed loop.
    only
        One operation alone.
    json
        Print one JSON list instead of a table.
    """
    import uvloop

    from haat.cli.environment import read_settings
    from haat.cli.load.own_shop import shop_to_drive

    settings = read_settings()
    where = url or settings.own_url
    chosen = [only] if only else list(get_args(Operation))
    given = (data or settings.data).absolute()
    with shop_to_drive(where, given, own=not (url or data or settings.database_url)) as (address, folder):
        figures = uvloop.run(_bench(address, folder, seconds, users, chosen))
        if "journey" in chosen:
            figures = _with_floor(figures, folder, settings.database_url, users, seconds)
    if json:
        print(msgspec.json.encode(figures).decode())
    else:
        _print(figures)
    sys.exit(1 if any(figure.failed for figure in figures) else 0)


def _with_floor(figures: list[Figure], data: Path, url: str | None, users: int, seconds: float) -> list[Figure]:
    import psycopg

    from haat.cli.load.pgbench import journeys_a_second, owner_of

    owner = owner_of(data, url)
    if owner is None:
        print("no database to compare with: its owner is not reachable from here", file=sys.stderr)
        return figures
    try:
        floor = round(journeys_a_second(owner, users, seconds), 1)
    except (RuntimeError, OSError, StartupFault, psycopg.Error) as error:
        print(f"no comparison with pgbench: {error}", file=sys.stderr)
        return figures
    return [
        msgspec.structs.replace(figure, pgbench_rate=floor, of_pgbench=round(figure.rate / floor, 3))
        if figure.operation == "journey" and figure.load.endswith("users")
        else figure
        for figure in figures
    ]


async def _bench(url: str, data: Path, seconds: float, users: int, chosen: list[str]) -> list[Figure]:
    from haat.cli.load.cpu import used
    from haat.cli.load.generators import closed, open_loop
    from haat.cli.load.scenarios import Scenarios

    shop = _shop(url)
    try:
        vault = msgspec.json.decode((await shop.ask("GET", "/v1/config")).body)["vault_url"]
    except (msgspec.DecodeError, LookupError, TypeError) as error:
        raise StartupFault(f"What answers at {url} is no shop of this kind.", "Name one by --url.") from error
    scenarios = Scenarios(shop, _shop(vault))
    # As many in use in a large shop as in a small one.
    if not await scenarios.prepare(IN_USE):
        raise StartupFault(
            "This shop sells nothing yet.", "Fill it first: `haat seed`, or `haat seed --products 1000`."
        )
    steps = {
        "list": scenarios.list_products,
        "product": scenarios.product,
        "search": scenarios.search,
        "refined_search": scenarios.refined_search,
        "new_search": scenarios.new_search,
        "add_to_cart": scenarios.add_to_cart,
        "journey": scenarios.journey,
    }
    figures = []
    for name in chosen:
        step = steps[name]
        if name == "journey":
            await scenarios.prepare_cards(int(seconds * 300))
        await closed(step, users=users, seconds=1.0)
        before = used(data)
        report = await closed(step, users=users, seconds=seconds)
        if name == "journey":
            await asyncio.sleep(SETTLE_SECONDS)
        closed_figure = _figure(name, f"{users} users", report, used(data).since(before))
        if name == "journey":
            counted = await _statements(data, lambda: closed(scenarios.journey, users=users, seconds=COUNT_SECONDS))
            closed_figure = msgspec.structs.replace(closed_figure, statements=counted)
        figures.append(closed_figure)
        before = used(data)
        half = max(1.0, report.rate / 2)
        report = await open_loop(step, rate=half, seconds=seconds)
        figures.append(_figure(name, f"{half:.0f}/s open", report, used(data).since(before)))
    return figures


async def _statements(data: Path, load: Callable[[], Awaitable[Report]]) -> float | None:
    from haat.cli.load.pgbench import owner_of
    from haat.cli.load.statements import statements_each

    log = data / "postgres" / "server.log"
    owner = owner_of(data, None)
    if owner is None or not log.exists():
        return None

    async def count() -> int:
        return (await load()).count

    return await statements_each(owner, log, count)


def _shop(url: str):  # type: ignore[no-untyped-def]
    from haat.cli.load.client import Shop

    parts = urlsplit(url)
    return Shop(parts.hostname or "127.0.0.1", parts.port or 80)


def _figure(name, load, report, cpu) -> Figure:  # type: ignore[no-untyped-def]
    each = 1000 / max(1, report.count)
    return Figure(
        operation=name,
        load=load,
        rate=report.rate,
        p50_ms=report.p50_ms,
        p95_ms=report.p95_ms,
        p99_ms=report.p99_ms,
        failed=report.failed,
        count=report.count,
        services_ms=round(cpu.services * each, 3),
        postgres_ms=round(cpu.postgres * each, 3),
        sandboxes_ms=round(cpu.sandboxes * each, 3),
    )


def _print(figures: list[Figure]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = ["operation", "load", "rate/s", "p50", "p95", "p99", "failed"]
    table = Table(*columns, "services", "PostgreSQL", "sandboxes", caption="times and CPU per operation in ms")
    for f in figures:
        cells = (f.operation, f.load, f"{f.rate:,.0f}", f.p50_ms, f.p95_ms, f.p99_ms, f.failed)
        table.add_row(*map(str, (*cells, f.services_ms, f.postgres_ms, f.sandboxes_ms)))
    # As wide when it is written to a file.
    console = Console(width=max(Console().width, 110))
    console.print(table)
    for f in figures:
        if f.statements is not None:
            console.print(f"SQL statements per journey, background work included: {f.statements:g}")
        if f.pgbench_rate is not None:
            console.print(
                f"pgbench with the journey's writes alone: {f.pgbench_rate:g}/s; the shop: {f.of_pgbench:g} of it"
            )
