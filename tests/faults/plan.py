"""What `make faults` does, in order: short things first, each experiment with an id that names its seed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from random import Random

import msgspec

from haat.kit.crashpoints import POINTS
from tests.faults import ending_races, experiments, money_races, mutation, races, simulation
from tests.faults.experiments import Numbers
from tests.faults.lab import CLOCKS, Lab
from tests.faults.mutants import MUTANTS, Mutant

SIMULATED, CHUNK = 1_000_000, 50_000
TIMES = 20
VICTIMS = (
    "gateway", "worker", "inventory", "inventory-work", "payments", "payments-work", "vault", "vault-work", "provider",
    "postmaster", "backend",
)  # fmt: skip
JUMPS = (3600, -3600, -300)
PAIRS = 500
PAYMENTS = "tests/services/payments"
WIRE, AFTER = f"{PAYMENTS}/test_broken_wire.py", f"{PAYMENTS}/test_after_capture.py"
HTTP, CREDIT = f"{PAYMENTS}/test_http.py", f"{PAYMENTS}/test_credit.py"
KEPT = f"{PAYMENTS}/test_kept_notices.py"
EDGES = "tests/services/checkout/test_edges.py"
LATE = (
    f"{PAYMENTS}/test_service.py",
    "tests/services/checkout/test_service.py",
    "tests/services/notifications/test_service.py",
)
# Most of their time is waiting for the wire.
ABREAST = ("-n", "4")


def _times(number: int) -> dict[str, str]:
    """The environment in which each test is run so many times."""
    return {"HAAT_TIMES": str(number)}


# Tests of the services' own that take longer when asked to: what they are called, the tests, how long.
SUITES: tuple[tuple[str, tuple[str, ...], Mapping[str, str]], ...] = (
    ("T-OUT-01", ("tests/kit/test_events.py",), {"HAAT_EVENTS_WRITTEN": "2500"}),
    ("T-INV-01/inside", ("tests/services/inventory/test_crowds.py",), {"HAAT_STOCK_ROUNDS": "200"}),
    ("T-INV-02", ("tests/services/inventory/test_races.py", "-k", "abandoned"), {"HAAT_STOCK_RACES": "5000"}),
    ("T-INV-03", ("tests/services/inventory/test_stateful.py",), {"HAAT_STOCK_STEPS": "200000"}),
    ("T-INV-04", ("tests/services/inventory/test_races.py", "-k", "opposite"), {"HAAT_STOCK_SECONDS": "60"}),
    ("T-LED-01", (f"{PAYMENTS}/test_ledger_machine.py",), {"HAAT_LEDGER_STEPS": "100000"}),
    ("T-LED-02", ("tests/services/checkout/test_totals.py",), {"HAAT_TOTALS_EXAMPLES": "20000"}),
    ("T-LED-03", (f"{PAYMENTS}/test_ledger_guards.py",), _times(20)),
    ("T-LED-04", (EDGES, HTTP, CREDIT, "-k", "edge or impossible or highest_price"), _times(20)),
    # Each call, lost in each way, a thousand times.
    *(
        (f"T-PAY-01/{op}", (WIRE, *ABREAST, "-k", f"lost_call and {op}-"), _times(500))
        for op in ("authorize", "capture", "void", "refund")
    ),
    ("T-PAY-02", (WIRE, *ABREAST, "-k", "return_webhook_and_poller"), _times(500)),
    ("T-PAY-03", (WIRE, *ABREAST, "-k", "any_order_and_number"), {"HAAT_NOTICE_SHUFFLES": "500"}),
    ("T-PAY-04", (f"{PAYMENTS}/test_webhooks.py", KEPT, HTTP, *ABREAST, "-k", "webhooks or notice"), _times(50)),
    ("T-PAY-05", (AFTER, *LATE, *ABREAST, "-k", "late_money or without_an_order or money_that"), _times(100)),
    ("T-PAY-06", (WIRE, *ABREAST, "-k", "challenge"), _times(100)),
    ("T-PAY-07", (AFTER, *ABREAST, "-k", "dispute or refund"), _times(100)),
    ("T-PAY-08", (f"{PAYMENTS}/test_reconciliation.py",), {}),
    ("T-PAY-09", (AFTER, *ABREAST, "-k", "a_hold"), _times(100)),
    ("T-PAY-10", (AFTER, f"{PAYMENTS}/test_service.py", *ABREAST, "-k", "parts or over_capture"), _times(100)),
    ("T-VAULT-01", ("tests/faults/test_canaries.py",), _times(3)),
)


class Experiment(msgspec.Struct, frozen=True):
    """One line of the record. `run` answers with figures; `wrong` among them lists what did not hold."""

    id: str
    seed: int
    run: Callable[[Lab | None], Awaitable[Numbers]]
    # Of the gateway of the shop that it needs; 0 for no shop at all.
    workers: int = 1


def plan() -> Iterator[Experiment]:
    """Everything, in order."""
    return chain(_simulated(), _mutants(), _suites(), _races(), _crashes())


def _simulated() -> Iterator[Experiment]:
    for first in range(0, SIMULATED, CHUNK):
        yield Experiment(f"T-SIM-01/{first}", first, partial(_simulate, first), workers=0)


async def _simulate(first: int, _: Lab | None) -> Numbers:
    try:
        return {"seeds": CHUNK, "steps": await asyncio.to_thread(simulation.simulate, first, CHUNK)}
    except simulation.Broken as fault:
        return {"wrong": [str(fault)]}


def _mutants() -> Iterator[Experiment]:
    for mutant in MUTANTS:
        yield Experiment(f"T-META-01/{mutant.name}", 0, partial(_mutate, mutant), workers=0)


async def _mutate(mutant: Mutant, _: Lab | None) -> Numbers:
    with mutation.scratch() as tree:
        dead = await asyncio.to_thread(mutation.killed, mutant, tree)
    return {"killed": dead, "lives": mutant.lives, "wrong": [] if dead or mutant.lives else ["its tests stayed green"]}


def _suites() -> Iterator[Experiment]:
    for name, tests, environment in SUITES:
        if (mutation.ROOT / tests[0]).exists():
            yield Experiment(name, 0, partial(_suite, name, tests, environment), workers=0)


async def _suite(name: str, tests: Sequence[str], environment: Mapping[str, str], _: Lab | None) -> Numbers:
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests),
        cwd=mutation.ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _error = await done.communicate()
    lines = output.decode().splitlines()
    wrong = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    if done.returncode and not wrong:
        wrong = lines[-5:]
    if wrong:
        # An example that took hours to find is told in full.
        story = Path("artefacts") / f"{name.replace('/', '-')}.log"
        story.parent.mkdir(exist_ok=True)
        story.write_bytes(output)
        wrong.append(f"see {story}")
    return {"said": lines[-1] if lines else "", **environment, "wrong": wrong}


def _races() -> Iterator[Experiment]:
    for name, race, told, times in (*races.FULL, *money_races.FULL, *ending_races.FULL):
        for seed in range(times):
            yield Experiment(f"{name}/{seed}", seed, _call(race, seed, *told), workers=8)


def _crashes() -> Iterator[Experiment]:
    pairs = Random(2)
    for seed in range(TIMES):
        for point in POINTS:
            yield _of(f"T-CRASH-01/{point}/{seed}", seed, experiments.crash, [point], seed)
        for nth in range(PAIRS // TIMES):
            points = pairs.sample(POINTS, 2)
            yield _of(f"T-CRASH-02/{'+'.join(points)}/{seed}.{nth}", seed, experiments.crash, points, seed * 100 + nth)
        yield _of(f"T-CRASH-03/{seed}", seed, experiments.zombie, seed)
        for seconds in JUMPS:
            alone = CLOCKS[seed % len(CLOCKS)]
            yield _of(f"T-CRASH-05/{seconds}/{seed}", seed, experiments.jump, seconds, seed)
            yield _of(f"T-CRASH-05/{alone} {seconds}/{seed}", seed, experiments.jump, seconds, seed, alone)
        for victim in VICTIMS:
            yield _of(f"T-KILL/{victim}/{seed}", seed, experiments.killed, victim, seed)


def _of(id_: str, seed: int, run: Callable[..., Awaitable[Numbers]], *told: object) -> Experiment:
    return Experiment(id_, seed, _call(run, *told))


def _call(run: Callable[..., Awaitable[Numbers]], *told: object) -> Callable[[Lab | None], Awaitable[Numbers]]:
    return lambda shop: run(shop, *told)
