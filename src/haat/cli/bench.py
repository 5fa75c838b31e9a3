"""`haat bench`: measure a running shop from outside."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

SETTLE_SECONDS = 2.0
OPERATIONS = ("list", "product", "search", "add_to_cart", "journey")


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


def bench(
    *,
    url: str | None = None,
    data: Path | None = None,
    seconds: float = 8.0,
    users: int = 16,
    only: str | None = None,
    json: bool = False,
) -> None:
    """Drive a shop that is running here with shoppers, and print rates, times and CPU per operation.

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
        One of list, product, search, add_to_cart, journey.
    json
        Print one JSON list instead of a table.
    """
    import uvloop

    from haat.settings import Settings

    settings = Settings()
    where = url or f"http://{settings.host}:{settings.port}"
    chosen = [only] if only else list(OPERATIONS)
    figures = uvloop.run(_bench(where, (data or settings.data).absolute(), seconds, users, chosen))
    if json:
        print(msgspec.json.encode(figures).decode())
    else:
        _print(figures)
    sys.exit(1 if any(figure.failed for figure in figures) else 0)


async def _bench(url: str, data: Path, seconds: float, users: int, chosen: list[str]) -> list[Figure]:
    from haat.cli.load.cpu import used
    from haat.cli.load.generators import closed, open_loop
    from haat.cli.load.scenarios import Scenarios

    shop = _shop(url)
    config = msgspec.json.decode((await shop.ask("GET", "/v1/config")).body)
    scenarios = Scenarios(shop, _shop(config["vault_url"]))
    await scenarios.prepare(2_000)
    steps = {
        "list": scenarios.list_products,
        "product": scenarios.product,
        "search": scenarios.search,
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
        figures.append(_figure(name, f"{users} users", report, used(data).since(before)))
        before = used(data)
        half = max(1.0, report.rate / 2)
        report = await open_loop(step, rate=half, seconds=seconds)
        figures.append(_figure(name, f"{half:.0f}/s open", report, used(data).since(before)))
    return figures


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

    columns = (
        "operation",
        "load",
        "per second",
        "p50 ms",
        "p95",
        "p99",
        "failed",
        "services ms",
        "PostgreSQL ms",
        "sandbox ms",
    )
    table = Table(*columns)
    for f in figures:
        cells = (f.operation, f.load, f"{f.rate:,.0f}", f.p50_ms, f.p95_ms, f.p99_ms, f.failed)
        table.add_row(*map(str, (*cells, f.services_ms, f.postgres_ms, f.sandboxes_ms)))
    Console().print(table)
