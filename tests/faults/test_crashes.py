"""Processes die at each of the named points, and wherever else; nothing is lost, nobody pays twice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from haat.kit.crashpoints import POINTS
from tests.faults.experiments import crashes, ended, jump, killed, zombie
from tests.faults.lab import Lab, lab
from tests.faults.plan import VICTIMS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crashes")]
# Each point once; in a round at most one for each process, so that they die side by side.
ROUNDS = (
    ("cart.frozen", "inv.reserved", "pay.intent_committed"),
    ("idem.claimed", "psp.before_send", "cap.intent_committed"),
    ("inv.reserve_acked", "psp.after_effect", "cap.after_effect"),
    ("promo.redeemed", "psp.response_read", "outbox.claimed"),
    ("fraud.done", "inv.committed", "cap.result_committed"),
    ("inv.commit_sent", "ledger.pending_posted", "outbox.published_unmarked"),
    ("order.inserted", "pay.result_committed"),
    ("order.acked", "hook.received_unacked"),
    ("comp.midway", "hook.inbox_committed"),
)


@pytest.fixture(scope="module")
async def laboratory(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    async with lab(tmp_path_factory.mktemp("crashes")) as opened:
        yield opened


async def test_a_death_at_each_of_the_named_points_loses_nothing(laboratory: Lab):
    runs = [await crashes(laboratory, points, seed, 0.3) for seed, points in enumerate(ROUNDS)]
    found = await ended(laboratory, runs)
    assert found["wrong"] == []
    assert sorted({point for run in runs for point, _ in run["deaths"]}) == sorted(POINTS)


async def test_who_slept_past_the_lease_writes_nothing(laboratory: Lab):
    assert (await zombie(laboratory, 1))["wrong"] == []


@pytest.mark.parametrize("victim", VICTIMS)
async def test_a_death_at_any_moment_loses_nothing(laboratory: Lab, victim: str):
    assert (await killed(laboratory, victim, 1))["wrong"] == []


@pytest.mark.parametrize(
    ("seconds", "whose"),
    [(3600, "all"), (-3600, "all"), (-300, "all"), (3600, "gateway"), (3600, "payments"), (-3600, "inventory")],
)
async def test_clocks_that_jump_lose_nothing(laboratory: Lab, seconds: int, whose: str):
    assert (await jump(laboratory, seconds, 1, whose))["wrong"] == []
