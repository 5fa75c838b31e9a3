"""A seeded market of card holders and terminals, with three kinds of fraud as in the fraud-detection handbook."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from haat.engines.fraud_model.transactions import Labelled
from haat.ports.fraud_model import CardUse

FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)
LARGE_MINOR = 22_000


def simulate(
    customers: int, terminals: int, days: int, seed: int = 1, new_terminals: float = 2, new_customers: float = 3
) -> list[Labelled]:
    """In order of time. Frauds: amounts above 220.00; terminals that skim every card for 28 days; customers whose
    stolen card is used for five times the amount, one purchase in three, for 14 days."""
    choose = random.Random(seed)
    uses = _purchases(choose, customers, terminals, days)
    bad_terminals: dict[str, int] = {}
    bad_customers: dict[str, int] = {}
    labelled: list[Labelled] = []
    today = -1
    for index, (at, customer, terminal, amount) in enumerate(uses):
        day = int((at - FIRST_DAY.timestamp()) // 86_400)
        if day > today:
            today = day
            for _ in range(_whole(choose, new_terminals)):
                bad_terminals[f"t{choose.randrange(terminals)}"] = day + 28
            for _ in range(_whole(choose, new_customers)):
                bad_customers[f"c{choose.randrange(customers)}"] = day + 14
        stolen = bad_customers.get(customer, -1) >= day and choose.random() < 1 / 3
        fraud = stolen or amount > LARGE_MINOR or bad_terminals.get(terminal, -1) >= day
        paid = amount * 5 if stolen else amount
        labelled.append(Labelled(CardUse(f"x{index}", at, customer, terminal, paid), fraud))
    return labelled


def _whole(choose: random.Random, number: float) -> int:
    return int(number) + (choose.random() < number % 1)


def _purchases(choose: random.Random, customers: int, terminals: int, days: int) -> list[tuple[float, str, str, int]]:
    found = []
    for customer in range(customers):
        near = [f"t{choose.randrange(terminals)}" for _ in range(min(terminals, 40))]
        mean, often = choose.uniform(500, 10_000), choose.uniform(0, 4)
        for day in range(days):
            for _ in range(_whole(choose, often * choose.uniform(0.5, 1.5))):
                second = choose.gauss(43_200, 20_000)
                amount = round(choose.gauss(mean, mean / 2))
                if 0 < second < 86_400:
                    at = FIRST_DAY + timedelta(days=day, seconds=int(second))
                    amount = amount if amount > 0 else round(choose.uniform(1, 2 * mean))
                    found.append((at.timestamp(), f"c{customer}", choose.choice(near), amount))
    return sorted(found)


@pytest.fixture
def simulated_market() -> Callable[..., list[Labelled]]:
    return simulate
