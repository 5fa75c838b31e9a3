"""The checkout's core in thousands of bad days: every one ends, with money, units and coupons where they belong."""

from __future__ import annotations

import pytest

from haat.services.checkout.saga import Reach, Saga, Write
from tests.faults import simulation
from tests.faults.simulation import Broken, Driver, Row, World, simulate

SEEDS = 2_000


def test_two_thousand_stories_keep_every_promise():
    assert simulate(0, SEEDS) > SEEDS * 20


def test_a_seed_tells_the_same_story_again():
    told: list[list[str]] = [[], []]
    for lines in told:
        World(4, lines.append).run()
    assert told[0] == told[1]
    assert len(told[0]) > 10


class Unfenced(World):
    """Whoever slept past the lease may write all the same."""

    def save(self, driver: Driver, write: Write) -> bool:
        driver.version = driver.row.version
        return super().save(driver, write)


class Trusting(World):
    """Whoever takes an attempt over believes that nothing has happened yet."""

    def begin(self, row: Row, saga: Saga) -> None:
        super().begin(row, simulation.replace(saga, reach=Reach.NOTHING))


class Forgetful(World):
    """An inventory that commits what was released."""

    def commit(self, attempt: int) -> simulation.Outcome:
        self.stock[attempt] = ("held", self.now)
        return super().commit(attempt)


class Hasty(World):
    """A bank that has not decided is taken for one that refused."""

    def paid(self, attempt: int, money: simulation.Money) -> simulation.Outcome:
        return simulation.Paid("pay", "declined" if money.state == "unknown" else money.state, "")


@pytest.mark.parametrize("world", [Unfenced, Trusting, Forgetful, Hasty])
def test_a_world_without_a_promise_is_found_out(monkeypatch: pytest.MonkeyPatch, world: type[World]):
    monkeypatch.setattr(simulation, "World", world)
    with pytest.raises(Broken, match=r"seed \d+: "):
        simulate(0, SEEDS)
