"""What no one needs any more goes, in small batches: nothing waits long for a lock, and a killed run lost nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from haat.kit.database import Database
from haat.kit.reactions import Kept

BATCH = 2_000
PAUSE_SECONDS = 0.05
IDEMPOTENCY_DAYS = 7
# An event may come again as long as the log has it; what was acted on must be known for longer.
INBOX_DAYS = 10
EVERY_SERVICE = (Kept("idempotency", "at", IDEMPOTENCY_DAYS), Kept("inbox", "at", INBOX_DAYS))
_NOT_LOGGED_ANY_MORE = """
at < coalesce((SELECT at FROM events.log ORDER BY tx, position LIMIT 1), now()) - interval '1 day'
"""
# By place in the table, because old rows lie together at its beginning.
_DROP = """
DELETE FROM {schema}.{table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {schema}.{table}
    WHERE {column} < now() - make_interval(days => $1) AND ({only}) LIMIT $2 FOR UPDATE SKIP LOCKED
))
"""


async def prune(database: Database, schema: str, kept: Sequence[Kept] = (), batch: int = BATCH) -> dict[str, int]:
    """Drop what is too old in the service's own tables and in those every service has; rows dropped by table."""
    dropped: dict[str, int] = {}
    for each in (*EVERY_SERVICE, *kept):
        only = f"({each.only}) AND {_NOT_LOGGED_ANY_MORE}" if each.table == "inbox" else each.only
        drop = _DROP.format(schema=schema, table=each.table, column=each.column, only=only)
        while True:
            async with database.connection() as connection:
                tag: str = await connection.execute(drop, each.days, batch)
            gone = int(tag.rsplit(" ", 1)[-1])
            dropped[each.table] = dropped.get(each.table, 0) + gone
            if gone < batch:
                break
            await asyncio.sleep(PAUSE_SECONDS)
    return dropped
