"""Many at the same counter at once, over HTTP through a gateway of two processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from tests.faults.conftest import Queue, Shelve
from tests.journeys.client import Client, visiting
from tests.journeys.shops import Shop, audited, running

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("races")]
SOLD = """
SELECT -sum(f.on_hand * e.quantity) FROM inventory.events e JOIN inventory.effects f USING (type)
JOIN inventory.stock s USING (stream) WHERE s.sku = $1 AND e.type = 'committed'
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running(tmp_path_factory.mktemp("races"), workers=2) as started:
        yield started


async def test_two_hundred_buyers_get_fifty_units(
    shop: Shop, shelve: Shelve, queue: Queue, value: Callable[..., Awaitable[Any]]
):
    variant, sku = await shelve(50)
    buyers = await queue(variant, 200)
    answers = await asyncio.gather(*(client.complete_surely(checkout, card) for client, checkout, card in buyers))
    statuses = [status for status, _ in answers]
    assert (statuses.count(200), statuses.count(409)) == (50, 150)
    assert {answer["code"] for status, answer in answers if status == 409} == {"out_of_stock"}
    assert max(status for client, _, _ in buyers for status in client.seen) < 500
    assert await value(SOLD, sku) == 50
    assert await asyncio.to_thread(audited, shop) == []


@pytest.mark.parametrize("keys", ["one key", "a key each"])
async def test_a_checkout_completed_twenty_times_at_once_is_one_order(
    keys: str, shelve: Shelve, queue: Queue, value: Callable[..., Awaitable[Any]]
):
    variant, sku = await shelve(50)
    ((client, checkout, card),) = await queue(variant, 1)
    key = {"one key": "the-same", "a key each": None}[keys]
    answers = await asyncio.gather(*(client.complete(checkout, card, key) for _ in range(20)))
    orders = {answer["order"]["id"] for status, answer in answers if status == 200}
    refusals = {answer["code"] for status, answer in answers if status != 200}
    assert len(orders) == 1
    assert refusals <= {"idempotency_in_flight", "checkout_state"}
    assert await value("SELECT count(*) FROM orders.orders WHERE checkout_id = $1", checkout) == 1
    assert await value("SELECT count(*) FROM payments.payments WHERE checkout_id = $1", checkout) == 1
    assert await value(SOLD, sku) == 1


async def test_one_cart_in_two_tabs_is_ordered_once(queue: Queue, shelve: Shelve, value: Callable[..., Awaitable[Any]]):
    variant, sku = await shelve(50)
    ((client, first, card),) = await queue(variant, 1)
    second = (await client.checkout())["id"]
    other = {"method": "card", "token": await client.card()}
    answers = await asyncio.gather(client.complete(first, card), client.complete(second, other))
    assert sorted(status for status, _ in answers) == [200, 409]
    assert await value(SOLD, sku) == 1


async def test_a_coupon_for_three_is_used_three_times(shop: Shop, staff: Client, shelve: Shelve):
    variant, sku = await shelve(50)
    coupon = {"code": sku, "title": "Ten percent", "percent_basis_points": 1000, "limit_total": 3}
    assert (await staff.call("POST", "/v1/coupons", coupon))[0] == 201

    async def buy(client: Client) -> int:
        await client.add(variant)
        checkout = await client.checkout(coupon_codes=[sku])
        status, _ = await client.complete_surely(checkout["id"], {"method": "cod"})
        return status

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_visit(shop, buy)) for _ in range(12)]
    statuses = [task.result() for task in tasks]
    assert (statuses.count(200), statuses.count(409)) == (3, 9)


async def _visit(shop: Shop, act: Callable[[Client], Awaitable[int]]) -> int:
    async with visiting(shop) as client:
        return await act(client)
