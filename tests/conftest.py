"""One embedded PostgreSQL and one house of services per test process; tests keep apart by fresh ids."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import hypothesis
import pytest

from haat.compose import SERVICES, House
from haat.engines.database import embedded, pool
from haat.engines.database.migrations import every_unit, migrate
from haat.engines.database.pool import PostgresDatabase
from haat.settings import Settings

SANDBOX_SECONDS = 120
# A crowd of a test waits for its turn however long the machine stands still: nobody is sent away for that.
pool.ACQUIRE_SECONDS = 120.0
# Thousands of collected tests live until the end: searching them for cycles every 700 objects cost a tenth of the run.
gc.set_threshold(100_000, 50, 100)
# An example may take as long as a machine lets it: nothing of ours is promised within a fifth of a second.
hypothesis.settings.register_profile(
    "unhurried",
    parent=hypothesis.settings.get_profile(hypothesis.settings.get_current_profile_name()),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("unhurried")
# `make faults` runs every test of some files many times.
TIMES = int(os.environ.get("HAAT_TIMES", "1"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if TIMES > 1:
        metafunc.fixturenames.append("nth_time")
        metafunc.parametrize("nth_time", range(TIMES), indirect=True)


@pytest.fixture
def nth_time(request: pytest.FixtureRequest) -> int:
    """Which of many runs of a test this is."""
    return int(request.param)


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database of this test process, on a server of its own."""
    with embedded.start(tmp_path_factory.mktemp("postgres") / "server", durable=False) as server:
        migrate(server.dsn(), every_unit())
        yield server.dsn(user="haat_app")


@pytest.fixture(scope="session")
def admin_url(database_url: str) -> str:
    """The same database as its owner."""
    return database_url.replace("haat_app", "haat")


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[PostgresDatabase]:
    """A started pool."""
    started = PostgresDatabase(database_url, 8)
    await started.start()
    yield started
    await started.stop()


@pytest.fixture(scope="session")
async def vault_database(database_url: str) -> AsyncIterator[PostgresDatabase]:
    """The database as the vault's own role sees it; nobody else is let in there."""
    started = PostgresDatabase(database_url.replace("haat_app", "haat_vault"), 8)
    await started.start()
    yield started
    await started.stop()


@pytest.fixture(scope="session")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a house in one process."""
    data: Path = tmp_path_factory.mktemp("data")
    return Settings(
        data=data, database_url=database_url, environment="test", service_secret="only-for-tests-" + "x" * 32
    )


@asynccontextmanager
async def sandbox(kind: str, data: Path) -> AsyncIterator[str]:
    """The URL of a sandbox that runs as a process of its own and posts no webhooks."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"haat.sandbox.{kind}", "--data", str(data)), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), SANDBOX_SECONDS)
        yield line.decode().removeprefix("ready ").strip()
    finally:
        process.kill()
        await process.wait()


@pytest.fixture(scope="session")
async def house(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Every service in this process, with a real payment provider and a real carrier outside."""
    data = tmp_path_factory.mktemp("sandboxes")
    async with sandbox("provider", data / "provider") as provider, sandbox("carrier", data / "carrier") as carrier:
        # One tester is many people: nobody here buys too fast.
        outside = {"provider_url": provider, "carrier_url": carrier, "fraud_attempts_per_hour": 0}
        async with whole_house(settings.model_copy(update=outside)) as built:
            yield built


@asynccontextmanager
async def whole_house(settings: Settings) -> AsyncIterator[House]:
    """A started house that serves everything itself."""
    built = House(settings, frozenset(SERVICES))
    for name in SERVICES:
        built.service(name)
    async with built.open():
        yield built
