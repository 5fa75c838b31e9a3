"""The experiments of tests/faults: each is a function of a lab and a seed, and answers with its figures and faults."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

from haat.services.checkout.service import INLINE_SECONDS
from tests.faults.lab import CLOCKS, LEASE_SECONDS, REST_SECONDS, Deaths, Lab

Numbers = dict[str, Any]
# A checkout, and the answer that the shopper had at last.
Bought = tuple[str, int, Any]
# How a shopper buys, so that every point lies on somebody's way.
WAYS = ("card", "coupon", "card", "declined", "phone", "coupon")
STALL_SECONDS, SAID_SECONDS = 4, 0.5
LATE_SECONDS = 1.5
LATE_WRITES_SECONDS, MOST_SLEEPS = 5.0, 5
RAN_OUT = """
SELECT count(*) FROM inventory.reservations r JOIN checkout.attempts a USING (attempt_id)
WHERE a.checkout_id = ANY($1) AND r.state = 'expired'
"""
OPEN = "state NOT IN ('placed', 'failed', 'waiting')"
HELD = f"SELECT attempt_id, version FROM checkout.attempts WHERE {OPEN} ORDER BY 1"
ROWS = "SELECT attempt_id, state, version, saga::text FROM checkout.attempts WHERE attempt_id = ANY($1) ORDER BY 1"


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
        # Some points lie after the order: a death there is noticed by no shopper.
        deadline = time.monotonic() + REST_SECONDS
        while deaths.left() and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        wrong = [f"{point} was never passed" for point in deaths.left()]
        watch.cancel()
    await deaths.settle()
    deaths.disarm()
    rest, tired = await _rest(lab, deaths.last)
    return {
        "points": list(points), "deaths": deaths.died, "bought": bought, "goods": [(sku, code)], "rest_seconds": rest,
        "wrong": wrong + tired,
    }  # fmt: skip


async def _rest(lab: Lab, since: float) -> tuple[float | None, list[str]]:
    """Seconds from `since`, which is when the last process died, until nothing was under way; what is wrong."""
    rest = await lab.at_rest(since)
    return (None, [f"not at rest after {REST_SECONDS:.0f} s"]) if rest is None else (round(rest, 1), [])


def told(found: Numbers) -> Numbers:
    return {each: found[each] for each in ("points", "deaths", "rest_seconds")}


async def ended(lab: Lab, runs: Sequence[Numbers]) -> Numbers:
    """The reckoning after some runs: everybody has an order, all came to rest within two minutes, all books agree."""
    wrong = [fault for run in runs for fault in run["wrong"]]
    found = await _reckoned(lab, [each for run in runs for each in run["bought"]])
    for run in runs:
        for sku, code in run["goods"]:
            left = await lab.value("SELECT sum(available) FROM inventory.stock WHERE sku = $1", sku)
            used = await lab.value("SELECT used FROM promotions.coupons WHERE code = $1", code)
            if (left, used) != (100 - len(WAYS), WAYS.count("coupon")):
                wrong.append(f"{run['points']}: {left} units left, the coupon used {used} times")
    return {**found, "wrong": wrong + found["wrong"]}


async def _buy(lab: Lab, variant: str, way: str, code: str, after: float = 0.0) -> Bought:
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


async def _ended(lab: Lab, since: float, bought: Sequence[Bought]) -> Numbers:
    """Everything is at rest two minutes after `since`, everybody has an order, audit and bank agree."""
    rest, tired = await _rest(lab, since)
    found = await _reckoned(lab, bought)
    return {**found, "rest_seconds": rest, "wrong": tired + found["wrong"]}


async def _reckoned(lab: Lab, bought: Sequence[Bought]) -> Numbers:
    wrong = [f"{checkout}: {status} {answer}" for checkout, status, answer in bought if answer["status"] != "completed"]
    return {"buyers": len(bought), "wrong": wrong + await lab.faults([checkout for checkout, _, _ in bought])}


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
        deaths.last = time.monotonic()
        await asyncio.to_thread(lab.shop.kill_database)
        await asyncio.sleep(rng.random())
        await asyncio.to_thread(lab.shop.start_database)
    elif victim == "backend":
        backends = await lab.rows(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        os.kill(rng.choice(backends)["pid"], signal.SIGKILL)
        deaths.last = time.monotonic()
    else:
        await deaths.fell(victim)


async def zombie(lab: Lab, seed: int, buyers: int = 12) -> Numbers:
    """T-CRASH-03: the gateway stands still past its leases in the middle of checkouts, others end them, it wakes up.

    With an odd seed it sleeps longer than a shopper waits as well: what it drives then, nobody waits for. A sleeper who
    only wakes up to calls that ran out of time tries no late write: then it sleeps once more.
    """
    rng, longer = Random(seed), seed % 2 * INLINE_SECONDS
    for _ in range(MOST_SLEEPS):
        found = await _slept(lab, rng, longer, buyers)
        if found["wrong"] or found["refused"]:
            return found
    return {**found, "wrong": [f"in {MOST_SLEEPS} sleeps no late write was tried"]}


async def _slept(lab: Lab, rng: Random, longer: float, buyers: int) -> Numbers:
    """One sleep. The bank answers its first calls late, so that some checkouts are always in the middle."""
    variant, _ = await lab.shelve(100)
    fenced, gateway = _fenced(lab), lab.shop.processes["gateway"].pid
    await lab.fault("authorize", "stall", times=2, seconds=STALL_SECONDS)
    async with asyncio.TaskGroup() as group:
        buying = [group.create_task(_buy(lab, variant, "card", "")) for _ in range(buyers)]
        await _under_way(lab)
        await asyncio.sleep(rng.random() * 0.1)
        os.killpg(gateway, signal.SIGSTOP)
        held = await _held(lab)
        ended = await _ended_by_others(lab, held)
        await asyncio.sleep(longer)
        asleep = await lab.rows(ROWS, held)
        os.killpg(gateway, signal.SIGCONT)
        bought = await asyncio.gather(*buying)
    found = await _ended(lab, time.monotonic(), bought)
    # Its shoppers may have their answers while it still asks again for what it was asking for when it fell asleep.
    deadline = time.monotonic() + LATE_WRITES_SECONDS
    while (refused := _fenced(lab) - fenced) < len(held) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    written = set(await lab.rows(ROWS, held)) - set(asleep)
    if not ended or written:
        found["wrong"].append(
            f"{len(held)} were held, others {'' if ended else 'never '}ended them, {len(written)} written"
        )
    return {**found, "held": len(held), "refused": refused}


async def _held(lab: Lab) -> list[str]:
    """The open attempts, once all is done that a process that stands still had said: it believes to drive these."""
    seen, before = await lab.rows(HELD), None
    while seen != before:
        await asyncio.sleep(SAID_SECONDS)
        before, seen = seen, await lab.rows(HELD)
    return [row["attempt_id"] for row in seen]


async def _under_way(lab: Lab) -> None:
    """Until an attempt is in the middle of its way."""
    while not await lab.value("SELECT count(*) FROM checkout.attempts WHERE state = 'claimed'"):
        await asyncio.sleep(0.005)


async def _ended_by_others(lab: Lab, held: Sequence[str]) -> bool:
    """Whether others have taken over and ended each of these attempts in time."""
    deadline = time.monotonic() + LEASE_SECONDS + REST_SECONDS
    left = f"SELECT count(*) FROM checkout.attempts WHERE attempt_id = ANY($1) AND {OPEN}"
    while open_ := await lab.value(left, held):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    return not open_


def _fenced(lab: Lab) -> int:
    """How many writes the gateway was refused by the version fence so far."""
    return (lab.shop.data / "gateway.log").read_text().count("attempt is driven elsewhere")


async def jump(lab: Lab, seconds: int, seed: int, whose: str = "all", buyers: int = 8) -> Numbers:
    """T-CRASH-05: the clocks of all processes, or of one, jump in the middle of checkouts and stay wrong for a while.

    Half of the shoppers are members. The gateway, which judges their tokens, must not know those of the other time.
    """
    rng = Random(seed)
    variant, _ = await lab.shelve(100)
    jumping, wrong = CLOCKS if whose == "all" else (whose,), list[str]()
    async with lab.shopper() as member, asyncio.TaskGroup() as group:
        await member.register()
        buying = [group.create_task(_buy_on(lab, variant, nth, 0.1 + rng.random())) for nth in range(buyers)]
        await asyncio.sleep(0.3 + rng.random())
        lab.shift(seconds, *jumping)
        status, _ = await member.client.call("GET", "/v1/users/me")
        if status != (401 if "gateway" in jumping else 200):
            wrong.append(f"a token of another time: {status}")
        bought = await asyncio.gather(*buying)
        await asyncio.sleep(1.0)
        lab.shift(0, *jumping)
    lost = await lab.value(RAN_OUT, [checkout for checkout, _, _ in bought])
    found = await _ended(lab, time.monotonic(), bought)
    if lost:
        wrong.append(f"{lost} paid reservations ran out early")
    return {**found, "seconds": seconds, "whose": whose, "wrong": wrong + found["wrong"]}


async def _buy_on(lab: Lab, variant: str, nth: int, after: float) -> Bought:
    """A member or a guest, by card or by a phone that is answered late."""
    async with lab.shopper() as shopper:
        if nth % 2:
            await shopper.register()
        await asyncio.sleep(after)
        checkout = await shopper.begin(variant)
        return (checkout, *(await shopper.pay() if nth % 4 < 2 else await shopper.pay_by_phone(LATE_SECONDS)))
