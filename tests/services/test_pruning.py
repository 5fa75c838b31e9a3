"""Every service's tables that are pruned are there, under the names by which they are pruned."""

from __future__ import annotations

import asyncio

import pytest

from haat import background
from haat.background import told_by
from haat.compose import House, parts_of
from haat.engines.database.migrations import every_unit
from haat.engines.database.pool import PostgresDatabase
from haat.engines.database.pruning import prune
from haat.kit.reactions import Kept
from haat.settings import Settings

PRUNED = told_by([unit for unit in every_unit() if unit != "events"])
_OLD = "SELECT count(*) FROM promotions.idempotency WHERE account = 'old'"


async def test_a_worker_prunes_soon_after_its_start(
    settings: Settings, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background, "FIRST_SECONDS", 0.0)
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO promotions.idempotency VALUES ('old', 'old', '', '', now() - interval '8 days')"
        )
        house = House(settings, frozenset({"promotions"}))
        async with background.working(house, ["promotions"]), asyncio.timeout(240):
            while await connection.fetchval(_OLD):  # noqa: ASYNC110 - the worker drops it
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", PRUNED)
async def test_a_services_tables_can_be_pruned(database: PostgresDatabase, name: str):
    kept: list[Kept] = parts_of(name, "reactions", "KEPT", [])
    dropped = await prune(database, name, kept)
    assert set(dropped) == {"inbox", "idempotency", *(each.table for each in kept)}


def test_what_is_told_again_outlives_the_key_under_which_it_is_told():
    (tasks,) = parts_of("orders", "reactions", "KEPT", [])
    assert (tasks.table, tasks.only, tasks.days > 7) == ("tasks", "done", True)
