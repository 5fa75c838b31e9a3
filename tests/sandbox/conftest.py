"""Real sandbox processes on free ports, a shop that receives their webhooks, and a client that talks to them."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec
import pytest
from aiohttp import web
from standardwebhooks import Webhook

SECRET = "whsec_c2FuZGJveC10ZXN0cy1zZWNyZXQ="
BOUND_SECONDS = 120


@dataclass
class Shop:
    """Receives webhooks; answers with the statuses in `statuses` first, then always 204."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        status = self.statuses.pop(0) if self.statuses else 204
        async with self.changed:
            self.received.append(({name.lower(): value for name, value in request.headers.items()}, body))
            self.changed.notify_all()
        return web.Response(status=status)

    async def until(self, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """All verified messages so far, as soon as they are what is wanted."""
        async with asyncio.timeout(BOUND_SECONDS), self.changed:
            await self.changed.wait_for(lambda: wanted(self.messages()))
        return self.messages()

    def messages(self) -> list[dict[str, Any]]:
        return [Webhook(SECRET).verify(body, headers) for headers, body in self.received]

    async def types_of(self, kind: str, subject: str, number: int) -> list[str]:
        """The types of the first `number` messages about one payment or shipment."""

        def about(messages: list[dict[str, Any]]) -> list[str]:
            return [one["type"] for one in messages if one["data"][kind]["id"] == subject]

        return about(await self.until(lambda messages: len(about(messages)) >= number))


@dataclass
class Sandbox:
    url: str
    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession

    async def post(self, path: str, body: Any = None, key: str | None = None, **headers: str) -> tuple[int, Any]:
        headers["Idempotency-Key"] = key or str(uuid4())
        payload = body if isinstance(body, bytes) else msgspec.json.encode(body if body is not None else {})
        async with self.session.post(self.url + path, data=payload, headers=headers) as answer:
            return answer.status, msgspec.json.decode(await answer.read())

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(self.url + path) as answer:
            return answer.status, msgspec.json.decode(await answer.read())

    async def advance(self, seconds: int) -> None:
        assert (await self.post("/sandbox/clock", {"advance_seconds": seconds}))[0] == 200

    async def books_of(self, reference: str) -> list[dict[str, Any]]:
        _, books = await self.get("/sandbox/books")
        return [row for row in books["data"] if row["reference"] == reference]

    async def booked(self, reference: str) -> list[dict[str, Any]]:
        """The rows of a payment whose answer may still be on its way, as soon as there are any."""
        async with asyncio.timeout(BOUND_SECONDS):
            while not (rows := await self.books_of(reference)):
                pass
        return rows

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), BOUND_SECONDS)


Spawn = Callable[..., Coroutine[Any, Any, Sandbox]]


@asynccontextmanager
async def _spawner() -> AsyncIterator[Spawn]:
    async with AsyncExitStack() as stack:

        async def spawn(name: str, data: Path, *options: str) -> Sandbox:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"haat.sandbox.{name}", "--data", str(data), *options),
                stdout=asyncio.subprocess.PIPE,
            )
            stack.push_async_callback(_end, process)
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), BOUND_SECONDS)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Sandbox(line.decode().removeprefix("ready ").strip(), process, session)

        yield spawn


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _open_shop() -> AsyncIterator[Shop]:
    shop = Shop()
    application = web.Application()
    application.add_routes([web.post("/hook", shop.receive)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    shop.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield shop
    await runner.cleanup()


@pytest.fixture
async def spawn() -> AsyncIterator[Spawn]:
    async with _spawner() as spawner:
        yield spawner


@pytest.fixture
async def refused() -> AsyncIterator[Callable[..., Coroutine[Any, Any, tuple[int | None, str]]]]:
    """Starts a sandbox that is expected to give up; its exit status and what it said."""
    async with AsyncExitStack() as stack:

        async def give_up(name: str, data: Path, *options: str) -> tuple[int | None, str]:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"haat.sandbox.{name}", "--data", str(data), *options),
                stderr=asyncio.subprocess.PIPE,
            )
            stack.push_async_callback(_end, process)
            _, said = await asyncio.wait_for(process.communicate(), BOUND_SECONDS)
            return process.returncode, said.decode()

        yield give_up


@pytest.fixture
async def own_shop() -> AsyncIterator[Shop]:
    """A shop of one test alone, for those that make it fail."""
    async with _open_shop() as shop:
        yield shop


@pytest.fixture(scope="module")
async def shop() -> AsyncIterator[Shop]:
    async with _open_shop() as shop:
        yield shop


@pytest.fixture(scope="session")
def secret() -> str:
    return SECRET


@pytest.fixture(scope="module")
async def provider(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> AsyncIterator[Sandbox]:
    """One provider for a module; its tests keep apart by the references of their payments."""
    options = ("--public-url", "https://pay.example", "--webhook-url", shop.url, "--webhook-secret", SECRET)
    async with _spawner() as spawner:
        yield await spawner("provider", tmp_path_factory.mktemp("provider"), *options)


@pytest.fixture(scope="module")
async def carrier(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> AsyncIterator[Sandbox]:
    options = ("--public-url", "https://parcels.example", "--webhook-url", shop.url, "--webhook-secret", SECRET)
    async with _spawner() as spawner:
        yield await spawner("carrier", tmp_path_factory.mktemp("carrier"), *options, "--step-seconds", "1000")


@pytest.fixture(scope="session")
def card_payment() -> Callable[..., dict[str, Any]]:
    def payment(reference: str, number: str = "4242424242424242", **changes: Any) -> dict[str, Any]:
        card = {"type": "card", "number": number, "exp_month": 12, "exp_year": 2090, "cvc": "123", "name": "Asha"}
        return {"reference": reference, "amount": 4599900, "currency": "INR", "method": card, **changes}

    return payment


@pytest.fixture(scope="session")
def shipment() -> Callable[..., dict[str, Any]]:
    def booking(reference: str, **changes: Any) -> dict[str, Any]:
        warehouse = {
            "name": "haat warehouse",
            "line1": "1 Depot Road",
            "city": "Bhiwandi",
            "region": "MH",
            "postal_code": "421302",
            "country": "IN",
        }
        home = {
            "name": "Asha Rao",
            "line1": "12 Lake View",
            "city": "Bengaluru",
            "region": "KA",
            "postal_code": "560001",
            "country": "IN",
        }
        parcels = [{"weight_grams": 1800}]
        return {"reference": reference, "parcels": parcels, "from": warehouse, "to": home, **changes}

    return booking
