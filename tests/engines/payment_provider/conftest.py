"""One sandbox process for the suite, a scripted server for each question put to the others."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from tests.engines.payment_provider.razorpay_server import RazorpayServer
from tests.engines.payment_provider.stripe_server import StripeServer
from tests.engines.payment_provider.worlds import (
    ENGINES,
    RAZORPAY_KEY,
    STRIPE_KEY,
    WORLDS,
    RazorpayWorld,
    SandboxWorld,
    StripeWorld,
    World,
    patience,
)

STARTUP_SECONDS = 120


@pytest.fixture(scope="session")
async def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "haat.sandbox.provider", "--data", str(tmp_path_factory.mktemp("provider"))),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    yield (await asyncio.wait_for(process.stdout.readline(), STARTUP_SECONDS)).decode().removeprefix("ready ").strip()
    process.kill()
    await process.wait()


@pytest.fixture
async def stripe_server() -> AsyncIterator[StripeServer]:
    server = StripeServer(STRIPE_KEY)
    await server.begin()
    yield server
    await server.stop()


@pytest.fixture
async def sandbox_world(sandbox_url: str, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    world = SandboxWorld(sandbox_url, patience(request))
    yield world
    await world.close()


@pytest.fixture
async def stripe_world(stripe_server: StripeServer, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    world = StripeWorld(stripe_server.url, stripe_server, seconds=patience(request))
    yield world
    await world.close()


@pytest.fixture
async def razorpay_server() -> AsyncIterator[RazorpayServer]:
    server = RazorpayServer(*RAZORPAY_KEY)
    await server.begin()
    yield server
    await server.stop()


@pytest.fixture
async def razorpay_world(razorpay_server: RazorpayServer, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    world = RazorpayWorld(razorpay_server.url, razorpay_server, patience(request))
    yield world
    await world.close()


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest) -> World:
    """The provider under question, by its name."""
    chosen: World = request.getfixturevalue(f"{request.param}_world")
    return chosen


@pytest.fixture(params=ENGINES)
async def deaf(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The adapters of a provider that nobody answers for."""
    world = WORLDS[request.param]("http://127.0.0.1:1")
    yield world
    await world.close()
