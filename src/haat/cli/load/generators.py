"""Closed-loop and open-loop load: how fast it can go, and how long people wait when they come on their own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import msgspec

Step = Callable[[int], Awaitable[bool]]


class Report(msgspec.Struct, frozen=True):
    """Rates in operations a second, times in milliseconds, `failed` operations out of `count`."""

    count: int
    failed: int
    seconds: float
    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


async def closed(step: Step, *, users: int, seconds: float) -> Report:
    """`users` users, each beginning the next operation when the last has ended."""
    times: list[float] = []
    failed = 0
    number = 0
    started = time.perf_counter()
    until = started + seconds

    async def user() -> None:
        nonlocal number, failed
        while time.perf_counter() < until:
            number += 1
            begun = time.perf_counter()
            failed += not await _done(step, number)
            times.append(time.perf_counter() - begun)

    await asyncio.gather(*(user() for _ in range(users)))
    return _report(times, failed, time.perf_counter() - started)


async def open_loop(step: Step, *, rate: float, seconds: float, seed: int = 1) -> Report:
    """Operations begin at random moments at a mean `rate`, whether or not earlier ones have ended.

    Times count from the moment an operation should have begun, so that a stall is charged to everybody it held up.
    """
    chance = random.Random(seed)  # noqa: S311 - arrivals, not secrets
    times: list[float] = []
    failed = 0
    running: set[asyncio.Task[None]] = set()
    started = due = time.perf_counter()

    async def one(number: int, should: float) -> None:
        nonlocal failed
        failed += not await _done(step, number)
        times.append(time.perf_counter() - should)

    number = 0
    while due < started + seconds:
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        number += 1
        task = asyncio.create_task(one(number, due))
        running.add(task)
        task.add_done_callback(running.discard)
        due += chance.expovariate(rate)
    await asyncio.gather(*running)
    return _report(times, failed, time.perf_counter() - started)


async def _done(step: Step, number: int) -> bool:
    try:
        return await step(number)
    except OSError:
        return False


def _report(times: list[float], failed: int, seconds: float) -> Report:
    ordered = sorted(times) or [0.0]

    def percentile(part: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000, 2)

    return Report(
        count=len(times),
        failed=failed,
        seconds=round(seconds, 2),
        rate=round((len(times) - failed) / seconds, 1),
        p50_ms=percentile(0.5),
        p95_ms=percentile(0.95),
        p99_ms=percentile(0.99),
    )
