"""Whatever happens, in whatever order and however often: the level is the fold of its events, units are conserved."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haat.contracts.inventory import Adjust, ExtendHold
from haat.kit.ids import new_id
from haat.kit.message import DomainError


class Step(msgspec.Struct, frozen=True):
    """One thing that happens, `times` times over; attempts and causes are few, so that steps meet."""

    verb: str
    number: int
    quantity: int
    times: int


class Play:
    """Steps on one SKU of a depot."""

    def __init__(self, depot, sku: str) -> None:
        self.depot, self.sku, self.play = depot, sku, new_id("play")

    async def act(self, step: Step) -> None:
        cause = f"{self.play}_{step.number}"
        for _ in range(step.times):
            with suppress(DomainError):
                await getattr(self, step.verb)(cause, step.quantity)

    async def receive(self, cause: str, quantity: int) -> None:
        await self.depot.receive(self.sku, quantity, cause_id=cause)

    async def reserve(self, cause: str, quantity: int) -> None:
        await self.depot.reserve(cause, {self.sku: quantity})

    async def extend(self, cause: str, quantity: int) -> None:
        await self.depot.service.extend(ExtendHold(attempt_id=cause, hold_seconds=quantity))

    async def commit(self, cause: str, _: int) -> None:
        await self.depot.commit(cause)

    async def release(self, cause: str, _: int) -> None:
        await self.depot.release(cause)

    async def expire(self, cause: str, _: int) -> None:
        await self.depot.expire(cause)

    async def put_back(self, cause: str, quantity: int) -> None:
        await self.depot.put_back(cause, {self.sku: quantity})

    async def add(self, cause: str, quantity: int) -> None:
        await self._adjust(cause + "+", quantity)

    async def take(self, cause: str, quantity: int) -> None:
        await self._adjust(cause + "-", -quantity)

    async def _adjust(self, cause: str, quantity: int) -> None:
        ask = Adjust(sku=self.sku, quantity=quantity, reason="counted", actor="usr_staff", cause_id=cause)
        await self.depot.service.adjust(ask)


VERBS = ["receive", "reserve", "reserve", "extend", "commit", "release", "expire", "put_back", "add", "take"]
STEPS = st.lists(
    st.builds(Step, st.sampled_from(VERBS), st.integers(0, 2), st.integers(1, 6), st.integers(1, 3)),
    min_size=5,
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_the_level_is_the_fold_of_its_events_after_every_step(depot, steps: list[Step]):
    sku = await depot.sku(10)
    play = Play(depot, sku)
    for step in steps:
        await play.act(step)
        events = await depot.events(sku)
        units: Counter[str] = Counter()
        for _, kind, quantity in events:
            units[kind] += quantity
        came = units["received"] + units["adjusted"] + units["returned"]
        reserved = units["reserved"] - units["released"] - units["expired"] - units["committed"]
        level = await depot.level(sku)
        assert (level.on_hand, level.reserved) == (came - units["committed"], reserved)
        assert level.available + level.reserved + units["committed"] == came
        assert min(level.available, level.reserved, level.on_hand) >= 0
        assert [version for version, _, _ in events] == list(range(1, level.version + 1))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_in_the_end_what_is_reserved_is_what_held_attempts_hold(depot, steps: list[Step]):
    sku = await depot.sku(10)
    play = Play(depot, sku)
    for step in steps:
        await play.act(step)
    async with depot.database.connection() as connection:
        held = await connection.fetchval(
            "SELECT coalesce(sum(quantity), 0)::bigint FROM inventory.reservations, unnest(quantities) AS quantity"
            " WHERE state = 'held' AND starts_with(attempt_id, $1)",
            play.play,
        )
    assert (await depot.level(sku)).reserved == held
