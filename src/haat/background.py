"""The background work of services: relay, reactions and sweeps. Nothing here serves requests or loads a server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import structlog

from haat.compose import SERVICES, House, parts_of
from haat.engines.database.migrations import every_unit
from haat.engines.database.pruning import prune
from haat.engines.database.roles import ALONE
from haat.engines.events.parked import PostgresParked
from haat.engines.events.postgres_log import PostgresLog
from haat.kit.message import Unavailable
from haat.kit.reactions import LoggedEvent, Reader, Sweep
from haat.kit.telemetry import start_logging
from haat.kit.tracing import start_tracing
from haat.settings import Settings

log = structlog.get_logger("haat.process")
RELAY_SECONDS, RELAY_BUSY_SECONDS = 0.1, 0.5
RELAY_BUSY, RELAY_FULL = 40, 2_000
# Not only after hours: a worker that is started anew each day, or each morning, would never come to it.
FIRST_SECONDS = 300.0
FORGET_SECONDS = 3600.0
PRUNE_SECONDS = 6 * 3600.0
REPLAY_SECONDS = 2.0


async def work(settings: Settings, names: Sequence[str] = ()) -> None:
    """The background worker of these services (all by default): relay, reactions and sweeps, until SIGTERM."""
    start_logging(settings.log_level)
    start_tracing("-".join(["worker", *names]), settings.otlp_endpoint)
    inside = list(names) or [name for name in SERVICES if name not in settings.neighbours]
    house = House(settings, frozenset(inside))
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with working(house, inside):
        log.info("working", services=inside)
        await stopping.wait()


@asynccontextmanager
async def opened(house: House, names: Sequence[str]) -> AsyncIterator[None]:
    """The named services, ready to be asked, without their background work."""
    for name in names:
        house.service(name)
    async with house.open():
        yield


@asynccontextmanager
async def working(house: House, names: Sequence[str]) -> AsyncIterator[None]:
    """Run the background work of the named services while the context is open."""
    logs = PostgresLog(house.dsn("events"))
    parked = PostgresParked(house.database("events"))
    readers: dict[str, Reader] = {}
    async with opened(house, names):
        jobs = [_relay(logs, told_by(names)), _forget(logs)]
        # The vault, which is alone with its tables, hears no events and keeps no idempotency records.
        jobs += [_prune(house, told_by(names)), _replay(parked, readers)]
        for name in names:
            service = house.service(name)
            reactions = parts_of(name, "reactions", "REACTIONS", {})
            if reactions:
                readers[name] = Reader(name, service, reactions, logs)
                jobs.append(readers[name].run())
            jobs += [_sweep(service, sweep) for sweep in parts_of(name, "reactions", "SWEEPS", [])]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            yield
        finally:
            await ended(tasks)
            await logs.stop()


async def ended(tasks: Collection[asyncio.Task[None]], patience_seconds: float = 4.0) -> None:
    """Cancel these and wait for their end; once more where a library has turned the cancellation into its own error."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=patience_seconds)


def told_by(names: Sequence[str]) -> list[str]:
    """The services whose outboxes go into the log. Nobody else is let into the vault's, and it tells nothing."""
    kept = set(every_unit())
    return [name for name in names if name in kept and name not in ALONE]


async def _relay(logs: PostgresLog, schemas: list[str]) -> None:
    while schemas:
        try:
            moved = await logs.relay(schemas)
        except Exception:
            log.exception("relay failed")
            moved = 0
        # Gathered for a moment, so that a busy shop moves many events, and acts on them, with few statements.
        if moved < RELAY_FULL:
            await asyncio.sleep(RELAY_SECONDS if moved < RELAY_BUSY else RELAY_BUSY_SECONDS)


async def _forget(logs: PostgresLog) -> None:
    await asyncio.sleep(FIRST_SECONDS)
    while True:
        try:
            while await logs.forget_old():
                pass
        except Exception:
            log.exception("forgetting old events failed")
        await asyncio.sleep(FORGET_SECONDS)


async def _prune(house: House, names: list[str]) -> None:
    await asyncio.sleep(FIRST_SECONDS)
    while True:
        for name in names:
            try:
                dropped = await prune(house.database(name), name, parts_of(name, "reactions", "KEPT", []))
                log.info("pruned", service=name, **dropped)
            except Exception:
                log.exception("pruning failed", service=name)
        await asyncio.sleep(PRUNE_SECONDS)


async def _replay(parked: PostgresParked, readers: dict[str, Reader]) -> None:
    while True:
        try:
            await replay_asked(parked, readers)
        except Exception:
            log.exception("replaying failed")
        await asyncio.sleep(REPLAY_SECONDS)


async def replay_asked(parked: PostgresParked, readers: dict[str, Reader]) -> None:
    """Act on the parked events that somebody has asked for again; during an outage they wait for their next turn."""
    while (event := await parked.claim(list(readers))) is not None:
        try:
            error = await readers[event.reader].replay(LoggedEvent(None, event.event_id, event.name, event.body))
        except Unavailable:
            continue
        log.info("replayed", reader=event.reader, kind=event.name, event_id=event.event_id, error=error)
        await parked.settle(event, error)


async def _sweep(service: object, sweep: Sweep) -> None:
    while True:
        try:
            await sweep.run(service)
        except Exception:
            log.exception("sweep failed", sweep=sweep.name)
        await asyncio.sleep(sweep.every_seconds)
