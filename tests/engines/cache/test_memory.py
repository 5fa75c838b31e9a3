"""The cache of one process, and of several that tell each other: it never outlives what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from haat.engines.cache import memory
from haat.engines.cache.memory import MemoryCache

# The connections that have just told something.
TOLD = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_notify($1, $2)'"


@pytest.fixture
def cache() -> MemoryCache:
    return MemoryCache()


@pytest.fixture
async def pair(database_url: str) -> AsyncIterator[tuple[MemoryCache, MemoryCache]]:
    """Two processes' caches on one database."""
    caches = MemoryCache(dsn=database_url), MemoryCache(dsn=database_url)
    for each in caches:
        await each.start()
    yield caches
    for each in caches:
        await each.stop()


async def test_what_is_kept_is_found_until_a_tag_of_it_is_invalidated(cache: MemoryCache):
    await cache.put("a", b"1", seconds=60, tags=("x", "y"))
    await cache.put("b", b"2", seconds=60, tags=("y",))
    await cache.invalidate("x")
    assert [await cache.get(key) for key in ("a", "b")] == [None, b"2"]


async def test_what_was_read_before_an_invalidation_is_not_kept_after_it(cache: MemoryCache):
    read_at = cache.moment()
    await cache.invalidate("x")
    await cache.put("old", b"1", seconds=60, tags=("x",), read_at=read_at)
    await cache.put("other", b"2", seconds=60, tags=("y",), read_at=read_at)
    await cache.put("new", b"3", seconds=60, tags=("x",), read_at=cache.moment())
    assert [await cache.get(key) for key in ("old", "other", "new")] == [None, b"2", b"3"]


async def test_a_moment_too_long_ago_to_know_keeps_nothing(cache: MemoryCache, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "TAGS_REMEMBERED", 2)
    read_at = cache.moment()
    for tag in ("x", "y", "z"):
        await cache.invalidate(tag)
    await cache.put("old", b"1", seconds=60, tags=("x",), read_at=read_at)
    assert await cache.get("old") is None


async def test_the_oldest_make_room():
    cache = MemoryCache(limit=2)
    for key in ("a", "b", "c"):
        await cache.put(key, b"1", seconds=60)
    assert [await cache.get(key) for key in ("a", "b", "c")] == [None, b"1", b"1"]


async def test_invalidations_made_at_once_all_reach_other_processes(pair: tuple[MemoryCache, MemoryCache]):
    here, there = pair
    tags = [str(number) for number in range(20)]
    for tag in (*tags, "last"):
        await there.put(tag, b"1", seconds=60, tags=(tag,))
    await asyncio.gather(*(here.invalidate(tag) for tag in tags))
    await here.invalidate("last")
    async with asyncio.timeout(120):
        while await there.get("last") is not None:  # noqa: ASYNC110 - another cache hears of it
            await asyncio.sleep(0.01)
    assert [tag for tag in tags if await there.get(tag) is not None] == []


@pytest.mark.slow
async def test_an_invalidation_without_a_connection_is_told_when_there_is_one_again(
    pair: tuple[MemoryCache, MemoryCache], database_url: str
):
    here, there = pair
    await there.put("a", b"1", seconds=60, tags=("x",))
    connection = await asyncpg.connect(database_url)
    # Those of a shop that this process has for other tests.
    others = [row["pid"] for row in await connection.fetch(TOLD)]
    await here.invalidate("told")
    ended = await connection.fetchval(
        f"SELECT count(pg_terminate_backend(pid)) FROM ({TOLD}) told WHERE pid <> ALL ($1)", others
    )
    await connection.close()
    await here.invalidate("x")
    async with asyncio.timeout(120):
        while await there.get("a") is not None:  # noqa: ASYNC110 - another cache hears of it
            await asyncio.sleep(0.01)
    assert ended == 1


async def test_an_invalidation_reaches_other_processes(pair: tuple[MemoryCache, MemoryCache]):
    here, there = pair
    await there.put("a", b"1", seconds=60, tags=("x",))
    read_at = there.moment()
    await here.invalidate("x")
    async with asyncio.timeout(120):
        while there.moment() == read_at:  # noqa: ASYNC110 - another cache hears of it
            await asyncio.sleep(0.01)
    await there.put("late", b"2", seconds=60, tags=("x",), read_at=read_at)
    assert [await there.get(key) for key in ("a", "late")] == [None, None]


@pytest.mark.slow
async def test_a_server_that_lets_nobody_listen_is_left_for_the_next(
    pair: tuple[MemoryCache, MemoryCache], database_url: str, monkeypatch: pytest.MonkeyPatch
):
    here, there = pair
    await there.put("before", b"1", seconds=60)
    # A standby lets us in and refuses to be listened to, as any server does under a name that is none.
    with monkeypatch.context() as standby:
        standby.setattr(memory, "CHANNEL", "")
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        await connection.close()
        async with asyncio.timeout(120):
            while await there.get("before") is not None:  # noqa: ASYNC110 - it begins empty when it connects anew
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
    async with asyncio.timeout(120):
        while True:
            await there.put("a", b"1", seconds=60, tags=("x",))
            await here.invalidate("x")
            await asyncio.sleep(0.1)
            if await there.get("a") is None:
                break
