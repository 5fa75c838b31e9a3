"""The audit trail: whatever is done to it behind the vault's back is found, and where."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from haat.contracts.vault import CardRef, KeepCard
from haat.engines.audit_anchors.file import FileAnchors
from haat.engines.database.migrations import migrate
from haat.engines.database.pool import PostgresDatabase
from haat.services.vault.audit import AuditTrail
from haat.services.vault.model import Policy
from haat.services.vault.store import TrailStore
from haat.services.vault.trail import Fault
from tests.services.vault.conftest import Vaulted

ACTIONS = "SELECT array_agg(action ORDER BY position) FROM vault.audit WHERE token = $1"
MINE = "SELECT position FROM vault.audit ORDER BY position"


@pytest.fixture(scope="module")
async def apart(admin_url: str) -> AsyncIterator[str]:
    """A database of this file's own, as its owner: it has one chain, under one key."""
    url = admin_url.replace("/haat?", "/trail?")
    owner = await asyncpg.connect(admin_url)
    await owner.execute("CREATE DATABASE trail")
    await asyncio.to_thread(migrate, url, ["vault"])
    yield url
    await owner.execute("DROP DATABASE trail WITH (FORCE)")
    await owner.close()


@pytest.fixture
async def vaulted(apart: str, tmp_path: Path) -> AsyncIterator[Vaulted]:
    pool = PostgresDatabase(apart.replace("haat@", "haat_vault@"), 4)
    await pool.start()
    yield Vaulted(pool, tmp_path, Policy(keeps_numbers=False))
    await pool.stop()


@pytest.fixture
async def tamper(apart: str) -> AsyncIterator[Any]:
    """Run SQL as somebody who owns the tables and knows how to get around a trigger."""
    owner = await asyncpg.connect(apart)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute("TRUNCATE vault.audit, vault.audit_seals")
    yield owner.execute
    await owner.close()


@pytest.fixture
async def chain(tamper: Any, vaulted: Any) -> list[int]:
    """Three seals over nine entries; the entries' positions."""
    for moment in range(3):
        await vaulted.paid()
        await vaulted.trail.seal(moment * 60.0)
    async with vaulted.database.connection() as connection:
        return [row["position"] for row in await connection.fetch(MINE)]


async def test_every_step_leaves_its_trace(vaulted: Any):
    token = await vaulted.token(address="203.0.113.7")
    await vaulted.vault.charge(vaulted.charge(token))
    await vaulted.vault.keep(KeepCard(token=token, owner="usr_1"))
    await vaulted.vault.forget(CardRef(token=token))
    await vaulted.vault.seal()
    done = (await vaulted.row(ACTIONS, token))[0]
    assert sorted(done) == ["charge_begun", "charge_ended", "forgotten", "kept", "tokenized"]
    noted = await vaulted.row("SELECT address FROM vault.audit WHERE token = $1 AND action = 'tokenized'", token)
    assert noted["address"] == "203.0.113.7"


@pytest.mark.parametrize("table", ["audit", "audit_seals"])
@pytest.mark.parametrize("change", ["UPDATE vault.{} SET at = at", "DELETE FROM vault.{}", "TRUNCATE vault.{}"])
async def test_the_trace_cannot_be_changed(vaulted: Any, apart: str, change: str, table: str):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await vaulted.row(change.format(table))
    owner = await asyncpg.connect(apart)
    with pytest.raises(asyncpg.RestrictViolationError):
        await owner.execute(change.format(table))
    await owner.close()


async def test_an_untouched_trail_is_in_order(vaulted: Any, chain: list[int]):
    verdict = await vaulted.trail.verify()
    assert (verdict.entries, verdict.seals, verdict.faults) == (9, 3, [])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE vault.audit SET action = 'kept' WHERE position = $1",
        "UPDATE vault.audit SET token = 'tok_other' WHERE position = $1",
        "UPDATE vault.audit SET detail = detail || '!' WHERE position = $1",
        "UPDATE vault.audit SET address = '198.51.100.9' WHERE position = $1",
        "UPDATE vault.audit SET at = at + interval '1 microsecond' WHERE position = $1",
    ],
)
async def test_a_changed_entry_is_found(vaulted: Any, tamper: Any, chain: list[int], change: str):
    await tamper(change, chain[4])
    assert (await vaulted.trail.verify()).faults == [Fault("entry was changed", chain[4])]


async def test_a_deleted_entry_is_found(vaulted: Any, tamper: Any, chain: list[int]):
    await tamper("DELETE FROM vault.audit WHERE position = $1", chain[4])
    assert (await vaulted.trail.verify()).faults == [Fault("entry is missing", chain[4])]


async def test_swapped_entries_are_found(vaulted: Any, tamper: Any, chain: list[int]):
    await tamper(
        "UPDATE vault.audit a SET at = b.at, action = b.action, token = b.token, detail = b.detail"
        " FROM vault.audit b WHERE a.position = ANY($1) AND b.position = ANY($1) AND a.position <> b.position",
        [chain[1], chain[7]],
    )
    found = (await vaulted.trail.verify()).faults
    assert found == [Fault("entry was changed", chain[1]), Fault("entry was changed", chain[7])]


async def test_an_entry_put_in_behind_the_seals_is_found(vaulted: Any, tamper: Any, chain: list[int]):
    await tamper("INSERT INTO vault.audit (position, action, token, txid) OVERRIDING SYSTEM VALUE"
                 " SELECT -5, 'kept', 'tok_x', min(txid) FROM vault.audit")  # fmt: skip
    assert (await vaulted.trail.verify()).faults == [Fault("entry was put in later", -5)]


async def test_an_entry_taken_out_together_with_its_place_in_the_seal_is_found(
    vaulted: Any, tamper: Any, chain: list[int]
):
    await tamper("DELETE FROM vault.audit WHERE position = $1", chain[8])
    await tamper(
        "UPDATE vault.audit_seals SET positions = positions[:2], marks = substr(marks, 1, 32) WHERE number = 3"
    )
    assert (await vaulted.trail.verify()).faults == [Fault("seal was changed", 3)]


async def test_a_seal_taken_out_of_the_middle_is_found(vaulted: Any, tamper: Any, chain: list[int]):
    await tamper("DELETE FROM vault.audit_seals WHERE number = 2")
    found = (await vaulted.trail.verify()).faults
    later = [Fault("entry was put in later", position) for position in sorted(chain[3:6])]
    assert found == [Fault("seal is missing", 2), Fault("anchored seal is missing", 2), *later]


async def test_an_end_that_was_cut_off_is_found_by_its_anchor(vaulted: Any, tamper: Any, chain: list[int]):
    await tamper("DELETE FROM vault.audit WHERE position = ANY($1)", chain[6:])
    await tamper("DELETE FROM vault.audit_seals WHERE number = 3")
    assert (await vaulted.trail.verify()).faults == [Fault("anchored seal is missing", 3)]


async def test_a_chain_made_anew_without_the_key_is_found(vaulted: Any, tamper: Any, chain: list[int]):
    await tamper("UPDATE vault.audit_seals SET head = sha256(head) WHERE number = 3")
    found = (await vaulted.trail.verify()).faults
    assert found == [Fault("seal was changed", 3), Fault("seal is not what was anchored", 3)]


async def test_an_entry_still_being_written_is_left_for_the_next_seal(vaulted: Any, tamper: Any, apart: str):
    slow = await asyncpg.connect(apart)
    begun = slow.transaction()
    await begun.start()
    await slow.execute("INSERT INTO vault.audit (action, token) VALUES ('slow', 'tok_s')")
    await vaulted.paid()
    await vaulted.trail.seal(0.0)
    await begun.commit()
    await slow.close()
    await vaulted.trail.seal(1.0)
    verdict = await vaulted.trail.verify()
    assert (verdict.entries, verdict.faults) == (4, [])


async def test_two_sealers_make_one_chain(vaulted: Any, tamper: Any):
    other = AuditTrail(TrailStore(vaulted.database), vaulted.keys, FileAnchors(vaulted.data))
    for moment in range(6):
        await vaulted.paid()
        await [vaulted.trail, other][moment % 2].seal(float(moment))
    await vaulted.trail.seal(9.0)
    verdict = await other.verify()
    assert (verdict.entries, verdict.faults) == (18, [])
