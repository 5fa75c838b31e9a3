"""Every service's tables that are pruned are there, under the names by which they are pruned."""

from __future__ import annotations

import pytest

from haat.background import told_by
from haat.compose import parts_of
from haat.engines.database.migrations import every_unit
from haat.engines.database.pool import PostgresDatabase
from haat.engines.database.pruning import prune
from haat.kit.reactions import Kept

PRUNED = told_by([unit for unit in every_unit() if unit != "events"])


@pytest.mark.parametrize("name", PRUNED)
async def test_a_services_tables_can_be_pruned(database: PostgresDatabase, name: str):
    kept: list[Kept] = parts_of(name, "reactions", "KEPT", [])
    dropped = await prune(database, name, kept)
    assert set(dropped) == {"inbox", "idempotency", *(each.table for each in kept)}


def test_what_is_told_again_outlives_the_key_under_which_it_is_told():
    (tasks,) = parts_of("orders", "reactions", "KEPT", [])
    assert (tasks.table, tasks.only, tasks.days > 7) == ("tasks", "done", True)
