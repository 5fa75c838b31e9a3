"""Buyers at the counter, ready to pay."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import asyncpg
import pytest

from tests.journeys.client import Client, visiting
from tests.journeys.shops import Shop

TIMEOUT = aiohttp.ClientTimeout(total=60)
# A variant of a new product with this many units on the shelf: its id and SKU.
Shelve = Callable[[int], Awaitable[tuple[str, str]]]
# This many buyers, each with a unit of the variant in an open checkout and a card: client, checkout id, payment.
Buyer = tuple[Client, str, dict[str, Any]]
Queue = Callable[[str, int], Awaitable[list[Buyer]]]


@pytest.fixture
async def staff(shop: Shop) -> AsyncIterator[Client]:
    async with visiting(shop, timeout=TIMEOUT) as client:
        await client.sign_in_as_staff()
        yield client


@pytest.fixture
async def shelve(staff: Client) -> Shelve:
    async def made(units: int) -> tuple[str, str]:
        sku = uuid.uuid4().hex
        return (await staff.sell(sku, units))["variants"][0]["id"], sku

    return made


@pytest.fixture
async def queue(shop: Shop) -> AsyncIterator[Queue]:
    async with AsyncExitStack() as stack:

        async def one(variant: str) -> Buyer:
            client = await stack.enter_async_context(visiting(shop, timeout=TIMEOUT))
            assert (await client.add(variant))[0] == 201
            checkout = await client.checkout()
            return client, checkout["id"], {"method": "card", "token": await client.card()}

        async def many(variant: str, how_many: int) -> list[Buyer]:
            return await asyncio.gather(*(one(variant) for _ in range(how_many)))

        yield many


@pytest.fixture
async def value(shop: Shop) -> Callable[..., Awaitable[Any]]:
    """Ask the shop's database for one value."""

    async def ask(sql: str, *values: object) -> Any:
        connection = await asyncpg.connect(shop.database_url)
        try:
            return await connection.fetchval(sql, *values)
        finally:
            await connection.close()

    return ask
