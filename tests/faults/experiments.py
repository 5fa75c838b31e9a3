"""The experiments of tests/faults: each is a function of a lab and a seed, and answers with its figures and faults."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

from tests.faults.lab import LEASE_SECONDS, Deaths, Lab

Numbers = dict[str, Any]
# How a shopper buys, so that every point lies on somebody's way.
WAYS = ("card", "coupon", "card", "declined", "phone", "coupon")
# In the seconds after an order stands: noticed there, not by the shopper.
AFTERWARDS_SECONDS = 30.0


async def crash(lab: Lab, points: Sequence[str], seed: int, longest_pause: float = 5.0) -> Numbers:
    """T-CRASH-01, 02: shoppers buy while processes die at these points and come back; then all must be well."""
    found = await crashes(lab, points, seed, longest_pause)
    return {**await ended(lab, [found]), **told(found)}


async def crashes(lab: Lab, points: Sequence[str], seed: int, longest_pause: float) -> Numbers:
    """The part of `crash` before the reckoning: what was bought, who died, and what is wrong already."""
    rng = Random(seed)
    deaths = lab.deaths(rng, longest_pause)
    variant, sku = await lab.shelve(100)
    code = await lab.coupon(limit=len(WAYS))
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(deaths.watch())
        # Shoppers come at different moments, so that it is not always the same one whose way is cut.
        buying = [group.create_task(_buy(lab, variant, way, code, 0.1 + rng.random())) for way in WAYS]
        deaths.arm(*points)
        bought = await asyncio.gather(*buying)
        deadline = time.monotonic() + AFTERWARDS_SECONDS
        while deaths.left() and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        wrong = [f"{point} was never passed" for point in deaths.left()]
        watch.cancel()
    await deaths.settle()
    deaths.disarm()
    goods = [(sku, code)]
    return {"points": list(points), "deaths": deaths.died, "bought": bought, "goods": goods, "wrong": wrong}


def told(found: Numbers) -> Numbers:
    return {"points": found["points"], "deaths": found["deaths"]}


async def ended(lab: Lab, runs: Sequence[Numbers]) -> Numbers:
    """The reckoning after some runs: everybody has an order, all is at rest within two minutes, all books agree."""
    wrong = [fault for run in runs for fault in run["wrong"]]
    found = await _ended(lab, time.monotonic(), [each for run in runs for each in run["bought"]])
    for run in runs:
        for sku, code in run["goods"]:
            left = await lab.value("SELECT sum(available) FROM inventory.stock WHERE sku = $1", sku)
            used = await lab.value("SELECT used FROM promotions.coupons WHERE code = $1", code)
            if (left, used) != (100 - len(WAYS), WAYS.count("coupon")):
                wrong.append(f"{run['points']}: {left} units left, the coupon used {used} times")
    return {**found, "wrong": wrong + found["wrong"]}


async def _buy(lab: Lab, variant: str, way: str, code: str, after: float = 0.0) -> tuple[str, int, Any]:
    await asyncio.sleep(after)
    async with lab.shopper() as shopper:
        checkout = await shopper.begin(variant, coupon_codes=[code] if way == "coupon" else [])
        ways: dict[str, Callable[[], Awaitable[tuple[int, Any]]]] = {
            "declined": shopper.decline_then_pay,
            "phone": shopper.pay_by_phone,
        }
        if way in ways:
            return (checkout, *await ways[way]())
        return (checkout, *await shopper.pay())


async def _ended(lab: Lab, since: float, bought: Sequence[tuple[str, int, Any]]) -> Numbers:
    """Everybody has an order; everything is at rest within two minutes; audit and bank agree."""
    wrong = [f"{checkout}: {status} {answer}" for checkout, status, answer in bought if answer["status"] != "completed"]
    rest = await lab.at_rest(since)
    if rest is None:
        wrong.append("not at rest after 120 s")
    wrong += await lab.faults([checkout for checkout, _, _ in bought])
    return {"buyers": len(bought), "rest_seconds": rest and round(rest, 1), "wrong": wrong}


async def killed(lab: Lab, victim: str, seed: int, buyers: int = 12) -> Numbers:
    """Any process, or PostgreSQL (the postmaster with all of it, or one backend), dies at a random moment."""
    rng = Random(seed)
    deaths = lab.deaths(rng, 1.0)
    variant, _ = await lab.shelve(100)
    async with asyncio.TaskGroup() as group:
        buying = [group.create_task(_buy(lab, variant, "card", "")) for _ in range(buyers)]
        await asyncio.sleep(0.5 + rng.random() * 2.0)
        await _kill(lab, deaths, victim, rng)
        bought = await asyncio.gather(*buying)
    return {**await _ended(lab, deaths.last, bought), "victim": victim}


async def _kill(lab: Lab, deaths: Deaths, victim: str, rng: Random) -> None:
    if victim == "postmaster":
        await asyncio.to_thread(lab.shop.kill_database)
        await asyncio.sleep(rng.random())
        await asyncio.to_thread(lab.shop.start_database)
        deaths.last = time.monotonic()
    elif victim == "backend":
        backends = await lab.rows(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        os.kill(rng.choice(backends)["pid"], signal.SIGKILL)
        deaths.last = time.monotonic()
    else:
        await deaths.fell(victim)


async def zombie(lab: Lab, seed: int, buyers: int = 12) -> Numbers:
    """T-CRASH-03: the gateway stands still past its leases in the middle of checkouts, others go on, it wakes up."""
    rng = Random(seed)
    variant, _ = await lab.shelve(100)
    fenced = _fenced(lab)
    async with asyncio.TaskGroup() as group:
        buying = [group.create_task(_buy(lab, variant, "card", "")) for _ in range(buyers)]
        await _under_way(lab)
        await asyncio.sleep(rng.random() * 0.1)
        os.killpg(lab.shop.processes["gateway"].pid, signal.SIGSTOP)
        held = await lab.value(
            "SELECT count(*) FROM checkout.attempts WHERE state NOT IN ('placed', 'failed', 'waiting')"
        )
        await asyncio.sleep(LEASE_SECONDS + 2.0)
        os.killpg(lab.shop.processes["gateway"].pid, signal.SIGCONT)
        bought = await asyncio.gather(*buying)
    found = await _ended(lab, time.monotonic(), bought)
    return {**found, "held": held, "refused": _fenced(lab) - fenced}


async def _under_way(lab: Lab) -> None:
    """Until an attempt is in the middle of its way."""
    while not await lab.value("SELECT count(*) FROM checkout.attempts WHERE state = 'claimed'"):
        await asyncio.sleep(0.005)


def _fenced(lab: Lab) -> int:
    """How many writes the gateway was refused by the version fence so far."""
    return (lab.shop.data / "gateway.log").read_text().count('"why": "LostLease"')


async def jump(lab: Lab, seconds: int, seed: int, buyers: int = 6) -> Numbers:
    """T-CRASH-05: the clocks of all services jump in the middle of checkouts, and stay wrong for a while."""
    rng = Random(seed)
    variant, _ = await lab.shelve(100)
    async with asyncio.TaskGroup() as group:
        buying = [
            group.create_task(_buy(lab, variant, WAYS[i % len(WAYS)].replace("coupon", "card"), ""))
            for i in range(buyers)
        ]
        await asyncio.sleep(0.3 + rng.random())
        lab.clock.write_text(str(seconds))
        bought = await asyncio.gather(*buying)
        await asyncio.sleep(1.0)
        lab.clock.write_text("0")
    lost = await lab.value("SELECT count(*) FROM inventory.reservations WHERE state = 'expired'")
    found = await _ended(lab, time.monotonic(), bought)
    if lost:
        found["wrong"].append(f"{lost} paid reservations ran out early")
    return {**found, "seconds": seconds}
