"""The real sandbox carrier in a process of its own, and a door for its webhooks."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from haat.engines.carrier.sandbox import SandboxCarrier

SECRET = "whsec_Y2Fycmllci1jb25mb3JtYW5jZS1zZWNyZXQ="
BOUND_SECONDS = 120


class Sandbox:
    """A running sandbox: its webhooks arrive in `notices` as (body, headers)."""

    def __init__(self) -> None:
        self.url = ""
        self.secret = SECRET
        self.notices: asyncio.Queue[tuple[bytes, dict[str, str]]] = asyncio.Queue()

    async def receive(self, request: web.Request) -> web.Response:
        await self.notices.put((await request.read(), dict(request.headers)))
        return web.Response(status=204)

    async def next_notice(self) -> tuple[bytes, dict[str, str]]:
        return await asyncio.wait_for(self.notices.get(), BOUND_SECONDS)

    async def post(self, path: str, body: dict[str, Any]) -> None:
        async with aiohttp.ClientSession() as session, session.post(self.url + path, json=body) as answer:
            assert answer.status in (200, 201)

    async def read(self, path: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return msgspec.json.decode(await answer.read())


async def _start(sandbox: Sandbox, data: Path) -> tuple[asyncio.subprocess.Process, web.AppRunner]:
    application = web.Application()
    application.add_routes([web.post("/hook", sandbox.receive)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "haat.sandbox.carrier", "--data", str(data), "--step-seconds", "1000"),
        *("--webhook-url", hook, "--webhook-secret", SECRET),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), BOUND_SECONDS)
    sandbox.url = line.decode().removeprefix("ready ").strip()
    return process, runner


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    started = Sandbox()
    process, runner = await _start(started, tmp_path)
    yield started
    process.kill()
    await process.wait()
    await runner.cleanup()


@pytest.fixture(params=[SandboxCarrier], ids=["sandbox"])
async def carrier(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[SandboxCarrier]:
    adapter = request.param(sandbox.url, [SECRET])
    yield adapter
    await adapter.close()
