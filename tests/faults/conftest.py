"""Staff, and goods on the shelf."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from tests.journeys.client import Client, visiting
from tests.journeys.shops import Shop

TIMEOUT = aiohttp.ClientTimeout(total=60)
# A variant of a new product with this many units on the shelf: its id and SKU.
Shelve = Callable[[int], Awaitable[tuple[str, str]]]


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
