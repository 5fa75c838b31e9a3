"""How many SQL statements a shop sends, counted in the log of the embedded server for a few seconds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

# One line per executed statement, without its values: a log is no place for addresses.
SETTINGS = {"log_min_duration_statement": "0", "log_parameter_max_length": "0"}
IDLE_SECONDS, SETTLE_SECONDS = 3.0, 3.0
_LINE = re.compile(rb"duration: [0-9.]+ ms\s+(?:execute|statement)")


async def statements_each(owner: str, log: Path, load: Callable[[], Awaitable[int]]) -> float:
    """Statements per operation of a `load` that answers how many it did; BEGIN and COMMIT count, idle work does not.

    What runs in the background after the load counts too. For the owner of a server that writes to this log file.
    """
    connection = await asyncpg.connect(owner)
    try:
        for name, value in SETTINGS.items():
            await connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        await connection.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(1.0)
        idle = (await _counted(log, asyncio.sleep(IDLE_SECONDS)))[0] / IDLE_SECONDS
        clock = asyncio.get_running_loop().time
        begun = clock()

        async def whole() -> int:
            done = await load()
            await asyncio.sleep(SETTLE_SECONDS)
            return done

        count, done = await _counted(log, whole())
        return round((count - idle * (clock() - begun)) / max(1, done), 1)
    finally:
        for name in SETTINGS:
            await connection.execute(f"ALTER SYSTEM RESET {name}")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()


async def _counted(log: Path, work: Awaitable[int | None]) -> tuple[int, int]:
    start = log.stat().st_size  # noqa: ASYNC240 - one stat
    done = await work
    with log.open("rb") as file:
        file.seek(start)
        return sum(1 for line in file if _LINE.search(line)), done or 0
