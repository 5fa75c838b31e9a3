"""Reading the event log: reactions are delivered at least once, act once, and are parked when they keep failing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

import msgspec
import structlog

from haat.kit.crashpoints import crashpoint
from haat.kit.database import Batch
from haat.kit.message import Event, Unavailable, event_name
from haat.kit.telemetry import EVENTS
from haat.kit.tracing import traced

log = structlog.get_logger("haat.events")

# The handlers of one service: `{OrderPlaced: on_orders_placed}`; a handler takes the service and a batch of one kind.
Reactions = Mapping[type[Event], Callable[[Any, Batch[Any]], Awaitable[None]]]

ATTEMPTS = 6
BACKOFF_SECONDS = 0.2
BATCH = 200
IDLE_SECONDS = 1.0


class Sweep(msgspec.Struct, frozen=True):
    """Periodic work of a service: `run(service)` every so many seconds, safe to run in several workers at once."""

    name: str
    every_seconds: float
    run: Callable[[Any], Awaitable[object]]


class Kept(msgspec.Struct, frozen=True):
    """A table of a service whose rows are dropped some days after `column`, where `only` (SQL) holds."""

    table: str
    column: str
    days: int
    only: str = "true"


class LoggedEvent(msgspec.Struct, frozen=True):
    """An event as the log holds it; `place` is the log's own position, opaque to readers."""

    place: Any
    id: str
    name: str
    body: bytes


class EventLog(Protocol):
    """The port of the event log: the PostgreSQL table of the embedded default, or Kafka."""

    async def read(self, reader: str, names: Sequence[str], limit: int) -> list[LoggedEvent]:
        """The next events for this reader, after what it has acknowledged; order kept per key."""
        ...

    async def acknowledge(self, reader: str, last: LoggedEvent) -> None:
        """Everything up to `last` has been acted on or parked."""
        ...

    async def wait(self, seconds: float) -> None:
        """Until there is news, or `seconds` have passed."""
        ...

    async def park(self, reader: str, event: LoggedEvent, error: str) -> None:
        """Put an event aside that keeps failing; the back office shows it and can replay it."""
        ...


class Reader:
    """One service's reading of the log. `run` goes on until it is cancelled."""

    def __init__(self, name: str, service: object, reactions: Reactions, log_: EventLog) -> None:
        self._name = name
        self._service = service
        self._log = log_
        self._kinds = {
            event_name(kind): (kind, traced(f"{name} {event_name(kind)}", "CONSUMER", handler))
            for kind, handler in reactions.items()
        }

    async def run(self) -> None:
        """Read and act until cancelled; a failing log is retried."""
        while True:
            try:
                busy = await self.step()
            except Exception:
                log.exception("reading failed", reader=self._name)
                busy = False
            if not busy:
                await self._log.wait(IDLE_SECONDS)

    async def step(self) -> bool:
        """Act on the next batch; False when there was nothing to do."""
        logged = await self._log.read(self._name, sorted(self._kinds), BATCH)
        if not logged:
            return False
        for name, run in groupby(logged, key=lambda each: each.name):
            await self._act(name, list(run))
        crashpoint("outbox.published_unmarked")
        await self._log.acknowledge(self._name, logged[-1])
        return True

    async def replay(self, logged: LoggedEvent) -> str | None:
        """Act on an event that was parked, once; what is wrong with it this time, or None. Raises Unavailable."""
        if logged.name not in self._kinds:
            return f"{self._name} does not react to {logged.name} any more"
        kind, handler = self._kinds[logged.name]
        try:
            await handler(self._service, Batch([msgspec.json.decode(logged.body, type=kind)]))
        except Unavailable:
            raise
        except Exception as error:
            return repr(error)
        EVENTS.labels(self._name, logged.name, "replayed").inc()
        return None

    async def _act(self, name: str, logged: list[LoggedEvent]) -> None:
        kind, handler = self._kinds[name]
        try:
            await handler(self._service, Batch([msgspec.json.decode(each.body, type=kind) for each in logged]))
            EVENTS.labels(self._name, name, "done").inc(len(logged))
        except Exception as error:
            if len(logged) > 1:
                # One bad event must not hold the others: act on each alone.
                for each in logged:
                    await self._act(name, [each])
                return
            await self._retry(name, logged[0], kind, handler, error)

    async def _retry(self, name: str, logged: LoggedEvent, kind: Any, handler: Any, error: Exception) -> None:
        for attempt in range(1, ATTEMPTS):
            await asyncio.sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))
            try:
                await handler(self._service, Batch([msgspec.json.decode(logged.body, type=kind)]))
                EVENTS.labels(self._name, name, "done").inc()
                return
            except Exception as again:
                error = again
        if isinstance(error, Unavailable):
            # An outage is nobody's poison: the reader stops here and comes back to the event when it is over.
            raise error
        log.error("event parked", reader=self._name, kind=name, event_id=logged.id, error=repr(error))
        EVENTS.labels(self._name, name, "parked").inc()
        await self._log.park(self._name, logged, repr(error))
