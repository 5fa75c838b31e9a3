"""With its order the cart is empty: who goes on shopping at once orders the next thing only."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.journeys.client import Client, visiting
from tests.journeys.shops import Shop, eventually, running

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]
TIMES = 20
CASH = {"method": "cod"}


@pytest.fixture(scope="module", params=[(), ("cart",)], ids=["one process", "cart apart"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    # One guest is many people here: nobody buys too fast.
    with running(tmp_path_factory.mktemp("shop"), request.param, HAAT_FRAUD_ATTEMPTS_PER_HOUR="0") as started:
        yield started


@pytest.fixture
async def guest(shop: Shop) -> AsyncIterator[Client]:
    async with visiting(shop) as client:
        yield client


@pytest.fixture
async def shelf(shop: Shop) -> list[dict[str, str]]:
    """Two variants of two products, units enough of both."""
    async with visiting(shop) as staff:
        await staff.sign_in_as_staff()
        return [(await staff.sell(uuid.uuid4().hex, 2 * TIMES))["variants"][0] for _ in range(2)]


@pytest.mark.parametrize("method", ["card", "cod"])
async def test_each_order_holds_only_what_was_added_since_the_last(
    guest: Client, shelf: list[dict[str, str]], method: str
):
    orders = []
    for _ in range(TIMES):
        for variant in shelf:
            payment = {"card": None, "cod": CASH}[method]
            done = await guest.buy(variant["id"], payment=payment)
            orders.append([(line["sku"], line["quantity"]) for line in done["items"]])
    assert orders == [[(variant["sku"], 1)] for variant in shelf] * TIMES
    assert (await guest.call("GET", "/v1/cart"))[1]["items"] == []


@pytest.mark.parametrize("shop", [("cart",)], indirect=True, ids=["cart apart"])
async def test_an_order_does_not_wait_for_a_cart_that_hangs_and_the_cart_is_empty_later(
    shop: Shop, guest: Client, shelf: list[dict[str, str]]
):
    first, second = shelf
    await guest.add(first["id"], 2)
    checkout = await guest.checkout()
    os.killpg(shop.processes["cart"].pid, signal.SIGSTOP)
    status, done = await guest.complete(checkout["id"], CASH)
    os.killpg(shop.processes["cart"].pid, signal.SIGCONT)

    async def emptied() -> bool:
        return (await guest.call("GET", "/v1/cart"))[1]["items"] == []

    assert (status, done["status"], await eventually(emptied)) == (200, "completed", True)
    again = await guest.buy(second["id"], payment=CASH)
    assert [(line["sku"], line["quantity"]) for line in again["items"]] == [(second["sku"], 1)]
