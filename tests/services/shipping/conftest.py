"""Shipping on real PostgreSQL with the real sandbox carrier behind HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from haat.contracts.identity import Address
from haat.contracts.shipping import CarrierNotice, Dispatch, Parcel, Shipment, ShipmentsOf
from haat.engines.carrier.sandbox import SandboxCarrier
from haat.engines.database.pool import PostgresDatabase
from haat.kit.ids import new_id
from haat.sandbox.carrier.assembly import carrier as sandbox_carrier
from haat.sandbox.launch import Options
from haat.services.shipping.service import ShippingService
from haat.services.shipping.store import ShippingStore

SECRET = "whsec_c2hpcHBpbmctdGVzdHMtc2VjcmV0LTAx"
BOUND_SECONDS = 120


class Depot:
    """The carrier's side: its webhooks wait in `notices` until a test hands them on, in the order it likes."""

    def __init__(self) -> None:
        self.url = ""
        self.notices: asyncio.Queue[CarrierNotice] = asyncio.Queue()

    async def receive(self, request: web.Request) -> web.Response:
        await self.notices.put(
            CarrierNotice(carrier="sandbox", body=await request.read(), headers=dict(request.headers))
        )
        return web.Response(status=204)

    async def take(self, number: int) -> list[CarrierNotice]:
        """The next notices as they were posted, in the order of what they tell."""
        found = [await asyncio.wait_for(self.notices.get(), BOUND_SECONDS) for _ in range(number)]
        return sorted(found, key=lambda each: msgspec.json.decode(each.body)["timestamp"])

    async def post(self, path: str, body: dict[str, Any]) -> None:
        async with aiohttp.ClientSession() as session, session.post(self.url + path, json=body) as answer:
            assert answer.status in (200, 201)

    async def advance(self, seconds: int) -> None:
        await self.post("/sandbox/clock", {"advance_seconds": seconds})

    async def disturb(self, op: str, mode: str, times: int = 1) -> None:
        await self.post("/sandbox/faults", {"op": op, "mode": mode, "times": times})


async def _listen(application: web.Application) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.fixture
async def depot(tmp_path: Path) -> AsyncIterator[Depot]:
    """A carrier of one test alone; a parcel's step takes 1000 s of its clock."""
    made = Depot()
    hooks = web.Application()
    hooks.add_routes([web.post("/hook", made.receive)])
    hook_runner, hook_url = await _listen(hooks)
    options = Options(
        data=tmp_path,
        public_url="https://parcels.example",
        webhook_url=f"{hook_url}/hook",
        webhook_secret=SECRET,
        step_seconds=1000,
    )
    async with sandbox_carrier(options) as application:
        runner, made.url = await _listen(application)
        yield made
        await runner.cleanup()
    await hook_runner.cleanup()


@pytest.fixture
async def shipping(database: PostgresDatabase, depot: Depot) -> AsyncIterator[ShippingService]:
    carrier = SandboxCarrier(depot.url, [SECRET])
    yield ShippingService(ShippingStore(database), carrier)
    await carrier.close()


@pytest.fixture
def parcel_for() -> Callable[..., Dispatch]:
    def ask(order_id: str, **changes: Any) -> Dispatch:
        address = Address(name="Asha", line1="2 Road", city="Delhi", region="DL", postal_code="110001")
        items = [Parcel(sku="LAMP", title="Lamp", quantity=2, item_id="itm_1")]
        given = {"request_id": new_id("tsk"), "address": address, "items": items, "weight_grams": 900, **changes}
        return Dispatch(order_id=order_id, **given)

    return ask


@pytest.fixture
def parcels(shipping: ShippingService) -> Callable[[str], Awaitable[list[Shipment]]]:
    async def of(order_id: str) -> list[Shipment]:
        return (await shipping.shipments(ShipmentsOf(order_ids=[order_id]))).data

    return of


@pytest.fixture
def told(database: PostgresDatabase) -> Callable[[str], Awaitable[list[str]]]:
    """The statuses that events told about an order's parcels."""

    async def of(order_id: str) -> list[str]:
        async with database.connection() as connection:
            rows = await connection.fetch("SELECT body FROM shipping.outbox WHERE key = $1 ORDER BY position", order_id)
        return [msgspec.json.decode(row["body"])["status"] for row in rows]

    return of


@pytest.fixture
def due_now(database: PostgresDatabase) -> Callable[[str], Awaitable[None]]:
    """The wait of an order's queued parcels is over."""

    async def past(order_id: str) -> None:
        async with database.connection() as connection:
            await connection.execute("UPDATE shipping.shipments SET next_try_at = now() WHERE order_id = $1", order_id)

    return past
