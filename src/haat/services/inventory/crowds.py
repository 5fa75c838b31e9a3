"""SKUs that many want at once: their reserves are collected for a moment and granted in one transaction."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context

from haat.services.inventory.store import InventoryStore, Outcome, Request, TooSlow

# So many reserves of a SKU under way at once in this process make it hot; so long without a crowd cools it.
HOT_AT = 4
COOL_SECONDS = 5.0
COLLECT_SECONDS = 0.002
# Of the event loop: so many until an answered caller can have asked again.
TURNS = 4
MOST = 128
TRIES = 5


class Crowds:
    """Knows which SKUs are hot here. Hot or not, the same row decides, so processes and moments may differ in it."""

    def __init__(self, store: InventoryStore) -> None:
        self._store = store
        self._under_way: Counter[str] = Counter()
        self._hot_until: dict[str, float] = {}
        self._lanes: dict[str, _Lane] = {}

    def hot(self, skus: Iterable[str]) -> list[str]:
        """Those of the SKUs that are hot now, in their order."""
        if not self._hot_until:
            return []
        return [sku for sku in skus if self._is_hot(sku)]

    def heat(self, skus: Iterable[str]) -> None:
        """Take these as hot for a while: a crowd was met, or staff expect one."""
        for sku in skus:
            self._hot_until[sku] = time.monotonic() + COOL_SECONDS

    @contextmanager
    def counted(self, skus: Iterable[str]) -> Iterator[None]:
        """Count one reserve of these SKUs as under way."""
        for sku in skus:
            self._under_way[sku] += 1
            if self._under_way[sku] >= HOT_AT:
                self.heat([sku])
        try:
            yield
        finally:
            for sku in skus:
                self._under_way[sku] -= 1
                if not self._under_way[sku]:
                    del self._under_way[sku]

    async def join(self, request: Request) -> Outcome:
        """The outcome of one reserve, after it was granted or refused together with others.

        Raises Unavailable, or TooSlow when others were quicker again and again.
        """
        lane = self._lanes.get(request.sku)
        if lane is None:
            lane = self._lanes[request.sku] = _Lane()
        # The same attempt twice in one transaction would be two events of one cause.
        twin = lane.waiting.get(request.attempt_id)
        if twin is not None:
            return await asyncio.shield(twin)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        lane.waiting[request.attempt_id] = future
        lane.queue.append(request)
        if lane.task is None or lane.task.done():
            # Not in the first one's context: it serves others too.
            lane.task = asyncio.create_task(self._drive(request.sku, lane), context=Context())
        return await asyncio.shield(future)

    async def _drive(self, sku: str, lane: _Lane) -> None:
        try:
            await lane.collect()
            while lane.queue:
                batch, lane.queue = lane.queue[:MOST], lane.queue[MOST:]
                lane.crowd = len(batch)
                if len(batch) > 1:
                    self.heat([sku])
                await self._grant(sku, batch, lane)
                await lane.collect()
        finally:
            del self._lanes[sku]
            # Nobody waits for ever, whatever went wrong here.
            for future in lane.waiting.values():
                future.cancel()

    async def _grant(self, sku: str, batch: list[Request], lane: _Lane) -> None:
        """Every request of the batch gets its answer, whatever happens."""
        answers: Sequence[Outcome | Exception]
        try:
            answers = await self._granted(sku, batch)
        except TooSlow as raced:
            # One of them met its own twin or its release elsewhere; alone it harms nobody else.
            answers = [await self._alone(request, raced) for request in batch]
        except Exception as error:
            answers = [error] * len(batch)
        for request, answer in zip(batch, answers, strict=True):
            future = lane.waiting.pop(request.attempt_id)
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    async def _granted(self, sku: str, batch: list[Request]) -> list[Outcome]:
        outcomes, announced = await self._store.grant(batch)
        if announced:
            self.heat([sku])
        return outcomes

    async def _alone(self, request: Request, raced: Exception) -> Outcome | Exception:
        for _ in range(TRIES):
            try:
                return (await self._granted(request.sku, [request]))[0]
            except TooSlow as again:
                raced = again
                await asyncio.sleep(COLLECT_SECONDS)
            except Exception as error:
                return error
        return raced

    def _is_hot(self, sku: str) -> bool:
        until = self._hot_until.get(sku)
        if until is None:
            return False
        if until < time.monotonic():
            del self._hot_until[sku]
            return False
        return True


class _Lane:
    """The reserves of one SKU that wait here, and the task that grants them, one transaction at a time."""

    def __init__(self) -> None:
        self.queue: list[Request] = []
        self.waiting: dict[str, asyncio.Future[Outcome]] = {}
        self.task: asyncio.Task[None] | None = None
        # How many were granted together last time.
        self.crowd = MOST

    async def collect(self) -> None:
        """Wait a moment for others, unless as many as last time are there: who was just answered may ask again."""
        for _ in range(TURNS):
            if len(self.queue) >= self.crowd:
                return
            await asyncio.sleep(0)
        if self.queue:
            await asyncio.sleep(COLLECT_SECONDS)
