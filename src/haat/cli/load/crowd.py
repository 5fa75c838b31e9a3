"""A crowd on one SKU, against the inventory service in this process and a PostgreSQL of its own."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from haat.cli.load.cpu import processes_seconds
from haat.cli.load.generators import Report, closed, open_loop
from haat.contracts.inventory import Line, Receive, Reserve, SkuRef
from haat.engines.database import embedded
from haat.engines.database.embedded_processes import processes_of
from haat.engines.database.migrations import migrate
from haat.engines.database.pool import PostgresDatabase
from haat.kit.ids import new_id
from haat.kit.message import DomainError
from haat.services.inventory.service import InventoryService
from haat.services.inventory.store import InventoryStore, TooSlow

UNITS = 1_000_000
OTHERS = 200
CLIENTS = 100
# What a server of a hundred connections leaves to one program.
CONNECTIONS = 90
POOL = 8
TURNS = 5


class Crowd(msgspec.Struct, frozen=True):
    """One load: rates a second, times in ms, CPU in ms per reservation of this process and of PostgreSQL."""

    load: str
    rate: float
    p50_ms: float
    p99_ms: float
    failed: int
    service_ms: float
    postgres_ms: float


async def measure(seconds: float, users: int, rate: float) -> list[Crowd]:
    """Each load in turn, on a fresh server in a temporary folder, durable as a shop's."""
    with tempfile.TemporaryDirectory() as folder, embedded.start(Path(folder) / "postgres", durable=True) as server:
        await asyncio.to_thread(migrate, server.dsn(), ["events", "inventory"])
        dsn = server.dsn(user="haat_app")
        cluster = Path(folder) / "postgres" / "cluster"
        found = [await _plain(dsn, cluster, seconds)]
        pool = PostgresDatabase(dsn, POOL)
        await pool.start()
        try:
            found += await _together(InventoryService(InventoryStore(pool)), cluster, seconds, users, rate)
        finally:
            await pool.stop()
        return found


async def _plain(dsn: str, cluster: Path, seconds: float) -> Crowd:
    """A hundred clients, a connection each as far as the server has them, each with the plain statement."""
    pool = PostgresDatabase(dsn, CONNECTIONS)
    await pool.start()
    store = InventoryStore(pool)
    (sku,) = await _stocked(InventoryService(store), 1)

    async def step(_: int) -> bool:
        async with pool.connection() as connection:
            try:
                granted = await store.reserve(connection, new_id("att"), {sku: 1}, 600, "held")
            except TooSlow:
                return False
        return granted.reservation is not None

    async def load() -> Report:
        return await closed(step, users=CLIENTS, seconds=seconds)

    try:
        return await _counted(f"plain statement, {CLIENTS} clients", cluster, load)
    finally:
        await pool.stop()


async def _together(service: InventoryService, cluster: Path, seconds: float, users: int, rate: float) -> list[Crowd]:
    hot, *others = await _stocked(service, 1 + OTHERS)
    held = dict.fromkeys([hot, *others], 0)

    async def reserve(sku: str) -> bool:
        ask = Reserve(attempt_id=new_id("att"), lines=[Line(sku=sku, quantity=1)])
        try:
            state = (await service.reserve(ask)).state
        except DomainError:
            return False
        held[sku] += 1
        return state == "held"

    async def one_hot(_: int) -> bool:
        return await reserve(hot)

    async def one_calm(number: int) -> bool:
        return await reserve(others[number * 7 % OTHERS])

    async def calm() -> Report:
        return await open_loop(one_calm, rate=rate / 20, seconds=seconds, seed=2)

    async def beside() -> Report:
        crowd = asyncio.create_task(open_loop(one_hot, rate=rate, seconds=seconds))
        report = await calm()
        await crowd
        return report

    await closed(one_hot, users=users, seconds=1.0)
    await closed(one_calm, users=4, seconds=1.0)
    found = [
        await _counted(f"combiner, {users} clients", cluster, lambda: closed(one_hot, users=users, seconds=seconds)),
        await _counted(f"combiner, {rate:.0f}/s open", cluster, lambda: open_loop(one_hot, rate=rate, seconds=seconds)),
    ]
    # In turns, for the machine has moods of its own.
    alone, crowded = [], []
    for _ in range(TURNS):
        alone.append(await _counted(f"other SKUs alone, {rate / 20:.0f}/s open", cluster, calm))
        crowded.append(await _counted(f"other SKUs beside {rate:.0f}/s on the hot one", cluster, beside))
    for sku, count in held.items():
        (level,) = (await service.levels(SkuRef(sku=sku))).data
        if level.reserved != count:
            raise RuntimeError(f"{sku}: {count} were granted, {level.reserved} are reserved")
    return [*found, _median(alone), _median(crowded)]


def _median(turns: list[Crowd]) -> Crowd:
    return sorted(turns, key=lambda each: each.p99_ms)[len(turns) // 2]


async def _stocked(service: InventoryService, count: int) -> list[str]:
    skus = [new_id("sku") for _ in range(count)]
    lines = [Line(sku=sku, quantity=UNITS) for sku in skus]
    await service.receive(Receive(cause_id=new_id("rcv"), lines=lines, actor="bench"))
    return skus


async def _counted(name: str, cluster: Path, load: Callable[[], Awaitable[Report]]) -> Crowd:
    own, theirs = _own_seconds(), processes_seconds(processes_of(cluster))
    report = await load()
    each = 1000 / max(1, report.count)
    return Crowd(
        load=name,
        rate=report.rate,
        p50_ms=report.p50_ms,
        p99_ms=report.p99_ms,
        failed=report.failed,
        service_ms=round((_own_seconds() - own) * each, 3),
        postgres_ms=round((processes_seconds(processes_of(cluster)) - theirs) * each, 3),
    )


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system
