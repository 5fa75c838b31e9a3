"""Any process may die in the middle of checkouts: no order is lost, no money is taken without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from tests.faults.conftest import Queue, Shelve
from tests.journeys.client import Client
from tests.journeys.shops import APART, Shop, audited, eventually, running

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kills")]
BUYERS = 30
OPEN = "SELECT count(*) FROM checkout.attempts WHERE state NOT IN ('placed', 'failed')"
ORDERED = "SELECT count(*) FROM orders.orders WHERE checkout_id = ANY($1)"
CHARGED = "SELECT count(*) FROM payments.payments WHERE checkout_id = ANY($1) AND state = 'captured'"
LEFT = "SELECT sum(available) FROM inventory.stock WHERE sku = $1"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running(tmp_path_factory.mktemp("kills"), APART, durable=True) as started:
        yield started


@pytest.mark.parametrize(
    "victim", ["gateway", "worker", "inventory", "payments", "payments-work", "vault", "provider", "database"]
)
async def test_a_kill_in_the_middle_of_checkouts_loses_nothing(
    victim: str, shop: Shop, shelve: Shelve, queue: Queue, value: Callable[..., Awaitable[Any]]
):
    variant, sku = await shelve(100)
    buyers = await queue(variant, BUYERS)
    tasks = [asyncio.create_task(_bought(*buyer)) for buyer in buyers]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(_kill_and_start, shop, victim)
    answers = await asyncio.gather(*tasks)
    assert [(status, answer["status"]) for status, answer in answers] == [(200, "completed")] * BUYERS

    async def at_rest() -> bool:
        return await value(OPEN) == 0

    assert await eventually(at_rest, seconds=60)
    assert await asyncio.to_thread(audited, shop, 100) == []
    checkouts = [checkout for _, checkout, _ in buyers]
    assert (await value(ORDERED, checkouts), await value(CHARGED, checkouts)) == (BUYERS, BUYERS)
    assert await value(LEFT, sku) == 100 - BUYERS


async def _bought(client: Client, checkout: str, card: dict[str, Any]) -> tuple[int, Any]:
    """The order. A vault that died has forgotten the code of a card not yet charged: it is entered again."""
    while True:
        status, answer = await client.complete_surely(checkout, card)
        if answer.get("decline_code") not in ("card_token_unknown", "expired"):
            return status, answer
        card = {"method": "card", "token": await client.card()}


def _kill_and_start(shop: Shop, victim: str) -> None:
    if victim == "database":
        shop.kill_database()
        shop.start_database()
    else:
        shop.kill(victim)
        shop.start(victim)
