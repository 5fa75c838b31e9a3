"""One shop for the journeys that need no other: nothing is packed unless the staff does it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import pytest

from tests.journeys.client import PRICE, Client, visiting
from tests.journeys.shops import Shop, running

# A new product with this many units on the shelf, at a price: its only variant, and its `sku` and `product_id`.
Shelve = Callable[..., Awaitable[dict[str, Any]]]
Meet = Callable[[], Awaitable[Client]]


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose parcels wait for the staff."""
    with running(tmp_path_factory.mktemp("desk"), HAAT_AUTO_FULFIL="false") as started:
        yield started


@pytest.fixture
async def guest(desk: Shop) -> AsyncIterator[Client]:
    async with visiting(desk) as client:
        yield client


@pytest.fixture
async def stranger(desk: Shop) -> AsyncIterator[Client]:
    async with visiting(desk) as client:
        await client.register()
        yield client


@pytest.fixture
async def member(desk: Shop) -> AsyncIterator[Client]:
    async with visiting(desk) as client:
        await client.register()
        yield client


@pytest.fixture
async def staff(desk: Shop) -> AsyncIterator[Client]:
    async with visiting(desk) as client:
        await client.sign_in_as_staff()
        yield client


@pytest.fixture
async def shelve(staff: Client) -> Shelve:
    async def made(stock: int = 5, amount: int = PRICE) -> dict[str, Any]:
        product = await staff.sell(uuid.uuid4().hex, stock, amount)
        return {**product["variants"][0], "product_id": product["id"]}

    return made


@pytest.fixture
async def execute(desk: Shop) -> Callable[..., Awaitable[None]]:
    """Change what no interface changes: the shop's clock stands in its database."""

    async def run(sql: str, *values: object) -> None:
        connection = await asyncpg.connect(desk.database_url)
        try:
            await connection.execute(sql, *values)
        finally:
            await connection.close()

    return run


@pytest.fixture
async def left(staff: Client) -> Callable[[str, int], Awaitable[int]]:
    """Units of a SKU that can be sold, once there are as many as wanted, or after a while."""

    async def available(sku: str, wanted: int) -> int:
        for _ in range(150):
            found = int((await staff.call("GET", f"/v1/inventory/{sku}"))[1]["available"])
            if found == wanted:
                break
            await asyncio.sleep(0.1)
        return found

    return available
