"""Connections go from one user to the next: first come, first served, none is lost, none is given broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from haat.engines.database import pool as pools
from haat.engines.database.pool import PostgresDatabase
from haat.kit.message import Unavailable


class Lost(Exception):
    """A fault of whoever holds a connection."""


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[PostgresDatabase]:
    """Two connections for everybody."""
    database = PostgresDatabase(database_url, 2)
    await database.start()
    yield database
    await database.stop()


async def backend(pool: PostgresDatabase) -> int:
    async with pool.connection() as connection:
        return await connection.fetchval("SELECT pg_backend_pid()")


async def test_many_share_few_connections(pool: PostgresDatabase):
    assert len(set(await asyncio.gather(*(backend(pool) for _ in range(50))))) == 2


async def test_who_waits_is_served_in_the_order_of_coming(pool: PostgresDatabase):
    served: list[int] = []

    async def use(number: int) -> None:
        async with pool.connection() as connection:
            served.append(number)
            await connection.fetchval("SELECT 1")

    async with pool.connection(), pool.connection():
        waiting = [asyncio.create_task(use(number)) for number in range(6)]
        await asyncio.sleep(0.05)
    await asyncio.gather(*waiting)
    assert served == [0, 1, 2, 3, 4, 5]


async def test_who_goes_away_loses_no_connection(pool: PostgresDatabase):
    for _ in range(20):
        async with pool.connection(), pool.connection():
            waiting = [asyncio.create_task(backend(pool)) for _ in range(4)]
            await asyncio.sleep(0.01)
        # Two of them were handed a connection just now, and learn of both at once.
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert len(set(await asyncio.wait_for(asyncio.gather(*(backend(pool) for _ in range(50))), 120))) == 2


async def test_a_connection_that_broke_makes_room_for_those_who_wait(pool: PostgresDatabase):
    async def broken() -> None:
        async with pool.connection() as connection:
            await connection.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")

    for _ in range(3):
        told = await asyncio.gather(broken(), broken(), *(backend(pool) for _ in range(6)), return_exceptions=True)
        assert [type(each) for each in told] == [Unavailable] * 2 + [int] * 6


async def test_connections_that_broke_while_nobody_used_them_are_replaced(pool: PostgresDatabase, admin_url: str):
    admin = await asyncpg.connect(admin_url)
    for _ in range(3):
        backends = await asyncio.gather(*(backend(pool) for _ in range(10)))
        await admin.fetch("SELECT pg_terminate_backend(pid, 5000) FROM unnest($1::int[]) AS pid", list(set(backends)))
        await asyncio.sleep(0.05)
        fresh = await asyncio.gather(*(backend(pool) for _ in range(10)))
        assert set(fresh).isdisjoint(backends)
    await admin.close()


async def test_a_server_that_goes_away_is_unavailable_whatever_the_driver_calls_it(database_url: str, admin_url: str):
    database = PostgresDatabase(database_url, 10)
    await database.start()
    admin = await asyncpg.connect(admin_url)
    told: list[object] = []
    for _ in range(20):
        backends = await asyncio.gather(*(backend(database) for _ in range(10)), return_exceptions=True)
        numbers = [each for each in backends if isinstance(each, int)]
        await admin.fetch("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", numbers)
        told += await asyncio.gather(*(backend(database) for _ in range(10)), return_exceptions=True)
    await admin.close()
    await database.stop()
    assert {type(each) for each in told} <= {int, Unavailable}


async def test_a_server_that_is_no_longer_the_primary_is_unavailable_and_left(pool: PostgresDatabase):
    async with pool.connection() as connection:
        demoted = await connection.fetchval("SELECT pg_backend_pid()")
        await connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(Unavailable):
        async with pool.connection() as connection:
            await connection.execute("CREATE TABLE cart.of_the_demoted (id text)")
    assert demoted not in {await backend(pool) for _ in range(4)}


async def test_a_fault_of_the_user_costs_no_connection(pool: PostgresDatabase):
    async def fails() -> None:
        async with pool.connection() as connection:
            await connection.fetchval("SELECT 1")
            raise Lost

    told = await asyncio.gather(
        *(fails() for _ in range(10)), *(backend(pool) for _ in range(5)), return_exceptions=True
    )
    assert [type(each) for each in told] == [Lost] * 10 + [int] * 5


async def test_nobody_waits_for_ever(pool: PostgresDatabase, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pools, "ACQUIRE_SECONDS", 0.1)
    async with pool.connection(), pool.connection():
        with pytest.raises(Unavailable):
            await backend(pool)
    assert await backend(pool) > 0
