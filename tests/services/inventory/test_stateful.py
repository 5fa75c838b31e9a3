"""Whatever happens, in whatever order, way and repetition: the level is the fold of its events, nothing is below zero.

`HAAT_STOCK_STEPS` says how many steps the slow run takes (20,000 by default, 200,000 for a night).
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from haat.contracts.inventory import Adjust, Damage, ExtendHold, Transfer
from haat.engines.database.pool import PostgresDatabase
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import DomainError
from tests.services.inventory.conftest import Depot

STEPS_EACH = 25
SLOW_STEPS = int(os.environ.get("HAAT_STOCK_STEPS", "20000"))
LOCATIONS = ("main", "annex")
SOUND = """
WITH ours AS (SELECT * FROM inventory.stock WHERE sku = ANY($1))
SELECT sku || ' at ' || location || ': ' || fault FROM inventory.drifted(ARRAY(SELECT stream FROM ours), true, 2)
WHERE fault IS NOT NULL
UNION ALL
SELECT sku || ' below zero' FROM ours WHERE least(on_hand, reserved, available) < 0 OR available <> on_hand - reserved
UNION ALL
SELECT sku || ': reserved is not what is held' FROM ours s LEFT JOIN (
    SELECT l.stream, sum(l.quantity) AS held FROM inventory.reservations r
    CROSS JOIN unnest(r.streams, r.quantities) AS l (stream, quantity)
    WHERE r.state IN ('held', 'filling') GROUP BY 1) h USING (stream)
WHERE s.reserved <> coalesce(h.held, 0)
UNION ALL
SELECT cause_id || ' twice' FROM inventory.events e JOIN ours USING (stream)
WHERE type = 'committed' GROUP BY cause_id, stream HAVING count(*) > 1
"""

attempts = st.integers(0, 3)
causes = st.integers(0, 2)
units = st.integers(1, 6)
times = st.integers(0, 3)
skus = st.integers(0, 1)
places = st.sampled_from(LOCATIONS)


class Stock(RuleBasedStateMachine):
    """Two SKUs at two locations; attempts and causes are few, so that steps meet. Any step happens 0 to 3 times."""

    depot: Depot
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.play = new_id("play")
        self.skus = sorted(self.run(self.depot.sku(10)) for _ in range(2))

    def run(self, work):
        return self.runner.run(work)

    def repeat(self, count, act) -> None:
        for _ in range(count):
            with suppress(DomainError):
                self.run(act())

    def attempt(self, number: int) -> str:
        return f"{self.play}_{number}"

    @rule(sku=skus, place=places, cause=causes, quantity=units, count=times)
    def receive(self, sku, place, cause, quantity, count):
        self.repeat(count, lambda: self.depot.receive(self.skus[sku], quantity, place, f"{self.play}_in{cause}"))

    @rule(number=attempts, first=st.integers(0, 6), second=st.integers(0, 6), hot=st.sets(skus), count=times)
    def reserve(self, number, first, second, hot, count):
        wanted = {sku: quantity for sku, quantity in zip(self.skus, (first, second), strict=True) if quantity}
        crowds = self.depot.service._reserving.crowds
        crowds._hot_until.clear()
        crowds.heat(self.skus[each] for each in hot)
        self.repeat(count, lambda: self.depot.reserve(self.attempt(number), wanted))

    @rule(number=attempts, sku=skus, quantity=units)
    def leave_half_filled(self, number, sku, quantity):
        async def half() -> None:
            async with self.depot.database.connection() as connection:
                await self.depot.store.reserve(
                    connection, self.attempt(number), {self.skus[sku]: quantity}, 60, "filling"
                )

        with suppress(Exception):
            self.run(half())

    @rule(number=attempts, seconds=units, count=times)
    def extend(self, number, seconds, count):
        ask = ExtendHold(attempt_id=self.attempt(number), hold_seconds=seconds)
        self.repeat(count, lambda: self.depot.service.extend(ask))

    @rule(number=attempts, count=times)
    def commit(self, number, count):
        self.repeat(count, lambda: self.depot.commit(self.attempt(number)))

    @rule(number=attempts, count=times)
    def release(self, number, count):
        self.repeat(count, lambda: self.depot.release(self.attempt(number)))

    @rule(number=attempts, count=times)
    def expire(self, number, count):
        self.repeat(count, lambda: self.depot.expire(self.attempt(number)))

    @rule(sku=skus, number=attempts, quantity=units, count=times)
    def put_back_what_was_sold(self, sku, number, quantity, count):
        cause = f"{self.attempt(number)}_back"
        self.repeat(count, lambda: self.depot.put_back(cause, {self.skus[sku]: quantity}))

    @rule(sku=skus, place=places, cause=causes, quantity=st.integers(-6, 6), count=times)
    def adjust(self, sku, place, cause, quantity, count):
        ask = Adjust(
            sku=self.skus[sku], quantity=quantity, reason="counted", actor="u", location=place,
            cause_id=f"{self.play}_adj{cause}",
        )  # fmt: skip
        self.repeat(count, lambda: self.depot.service.adjust(ask))

    @rule(sku=skus, place=places, cause=causes, quantity=units, count=times)
    def damage(self, sku, place, cause, quantity, count):
        ask = Damage(
            sku=self.skus[sku], quantity=quantity, reason="wet", actor="u", location=place,
            cause_id=f"{self.play}_dmg{cause}",
        )  # fmt: skip
        self.repeat(count, lambda: self.depot.service.damage(ask))

    @rule(sku=skus, there=st.booleans(), cause=causes, quantity=units, count=times)
    def transfer(self, sku, there, cause, quantity, count):
        source, target = LOCATIONS if there else LOCATIONS[::-1]
        once = Idempotency("usr_staff", f"{self.play}_trf{cause}", f"{quantity} of {sku} to {target}")
        ask = Transfer(
            sku=self.skus[sku], quantity=quantity, source=source, target=target, reason="near", actor="u",
            idempotency=once,
        )  # fmt: skip
        self.repeat(count, lambda: self.depot.service.transfer(ask))

    @rule()
    def audit(self):
        assert self.run(self.depot.service.audit()) == []

    @invariant()
    def level_is_the_fold_of_an_unbroken_chain(self):
        async def look() -> list[str]:
            async with self.depot.database.connection() as connection:
                return [row[0] for row in await connection.fetch(SOUND, self.skus)]

        assert self.run(look()) == []


def play(database_url: str, steps: int) -> None:
    with asyncio.Runner() as runner:
        pool = PostgresDatabase(database_url, 4)
        runner.run(pool.start())
        Stock.runner, Stock.depot = runner, Depot(pool)
        try:
            run_state_machine_as_test(
                Stock,
                settings=settings(
                    max_examples=max(1, steps // STEPS_EACH),
                    stateful_step_count=STEPS_EACH,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(pool.stop())


def test_stock_stays_sound_whatever_happens(database_url: str):
    play(database_url, 400)


@pytest.mark.slow
def test_stock_stays_sound_for_long(database_url: str):
    play(database_url, SLOW_STEPS)
