"""Shops for the journeys that need none of their own, and visitors: of a market that packs by itself, or a desk."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.journeys.client import PRICE, Client, visiting
from tests.journeys.shops import Shop, eventually, running
from tests.journeys.storefront import CHROMIUM, Visit

# What a page must show at last may take a busy machine longer than the five seconds of the default.
expect.set_options(timeout=60_000)
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
        found = 0

        async def there() -> bool:
            nonlocal found
            found = int((await staff.call("GET", f"/v1/inventory/{sku}"))[1]["available"])
            return found == wanted

        await eventually(there)
        return found

    return available


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop that packs by itself."""
    with running(tmp_path_factory.mktemp("market")) as started:
        yield started


@pytest.fixture(scope="module")
async def laptops(market: Shop) -> list[dict[str, Any]]:
    """Three laptops that are like each other, one of them outside the price range that the journeys ask for."""
    async with visiting(market) as staff:
        await staff.sign_in_as_staff()
        made = [await staff.sell(f"TW-{price}", stock=50, amount=price) for price in (4_599_900, 5_299_900, 8_999_900)]

        async def found() -> bool:
            _, page = await staff.call("GET", "/v1/search?q=laptop")
            _, like = await staff.call("GET", f"/v1/recommendations?kind=similar&product_id={made[0]['id']}")
            # A product that is not known yet is like nothing.
            return bool(page["total"] == len(made) and len(like.get("data", [])) == len(made) - 1)

        assert await eventually(found)
        return made


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        await started.close()


@pytest.fixture
async def page(browser: Browser, market: Shop, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A fresh visitor of the market, on a phone unless `request.param` is another Visit."""
    visit: Visit = getattr(request, "param", Visit())
    visitor = await browser.new_context(java_script_enabled=visit.script, viewport=visit.screen, base_url=market.url)
    opened = await visitor.new_page()
    refused: list[str] = []
    opened.on("console", lambda line: refused.append(line.text) if "Content Security Policy" in line.text else None)
    opened.on("pageerror", lambda error: refused.append(str(error)))
    yield opened
    await visitor.close()
    assert refused == []
