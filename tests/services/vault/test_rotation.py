"""Keys change while the shop goes on; when the old one is destroyed, nothing lies under it any more."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from haat.contracts.vault import KeepCard
from haat.engines.key_store.file import FileKeyStore
from haat.services.vault.model import Place, rewrapped, seal, unseal
from haat.services.vault.rotation import Rotation, Stuck

UNDER = "SELECT count(*) FROM vault.cards WHERE kek_id = $1"


@pytest.fixture
async def kept(vaulted: Any) -> list[str]:
    """Seven cards of one owner, and nothing else of this vault's keys."""
    tokens = [await vaulted.paid() for _ in range(7)]
    for token in tokens:
        await vaulted.vault.keep(KeepCard(token=token, owner="usr_1"))
    return tokens


def other_process(vaulted: Any) -> Rotation:
    """The command, with a copy of the keys of its own."""
    return Rotation(vaulted.store, FileKeyStore(vaulted.data))


async def test_every_card_pays_after_a_rotation_and_none_lies_under_the_old_key(vaulted: Any, kept: list[str]):
    old = vaulted.keys.kek_id
    seen: list[int] = []
    assert await other_process(vaulted).run(seen.append, batch=3) == 7
    assert (seen, (await vaulted.row(UNDER, old))[0]) == ([3, 3, 1], 0)
    answers = [await vaulted.vault.charge(vaulted.charge(token, owner="usr_1")) for token in kept]
    assert {answer.body["state"] for answer in answers} == {"authorized"}


async def test_the_old_key_is_destroyed_and_opens_nothing(vaulted: Any, kept: list[str]):
    old_key = (vaulted.data / "secrets" / "vault-kek").read_bytes()
    await other_process(vaulted).run()
    assert [path.name for path in (vaulted.data / "secrets").glob("vault-kek*")] == ["vault-kek"]
    assert old_key not in {path.read_bytes() for path in (vaulted.data / "secrets").iterdir()}
    (vaulted.data / "secrets" / "vault-kek").write_bytes(old_key)
    stored = await vaulted.store.card(kept[0])
    with pytest.raises(ValueError, match="no key"):
        await unseal(FileKeyStore(vaulted.data), stored.place, stored.sealed)


async def test_nothing_can_be_written_under_a_key_that_was_destroyed(vaulted: Any, kept: list[str]):
    stale = await vaulted.store.card(kept[0])
    await other_process(vaulted).run()
    with pytest.raises(Exception, match="_gone"):
        await vaulted.row("UPDATE vault.cards SET kek_id = $2 WHERE token = $1", kept[0], stale.sealed.kek_id)


async def test_a_rotation_that_was_killed_is_finished_by_the_next(vaulted: Any, kept: list[str]):
    old = vaulted.keys.kek_id

    def die(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await other_process(vaulted).run(die, batch=3)
    assert ((await vaulted.row(UNDER, old))[0], vaulted.keys.old_keys()) == (4, [old])
    active = vaulted.keys.kek_id
    assert await other_process(vaulted).run() == 4
    assert (vaulted.keys.kek_id, vaulted.keys.old_keys(), (await vaulted.row(UNDER, old))[0]) == (active, [], 0)


@pytest.mark.parametrize("step", ["link", "replace", "unlink"])
async def test_a_ring_survives_a_kill_between_any_two_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str):
    keys = FileKeyStore(tmp_path)
    place = Place("tok_1", None, "haat")
    sealed = await seal(keys, place, "number", "4242424242424242")

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def rotated() -> None:
        old = keys.kek_id
        keys.begin_rotation()
        keys.destroy(old)

    with monkeypatch.context() as patched:
        patched.setattr(*{"link": ("os.link", die)}.get(step, (Path, step, die)))
        with pytest.raises(KeyboardInterrupt):
            rotated()
    # Before the last step the old key opens what it sealed; after it, it is as good as gone.
    opened = await asyncio.gather(unseal(FileKeyStore(tmp_path), place, sealed), return_exceptions=True)
    assert (opened == ["4242424242424242"]) is (step != "unlink")
    fresh = FileKeyStore(tmp_path)
    again = await seal(fresh, place, "number", "4242424242424242")
    assert await unseal(FileKeyStore(tmp_path), place, again) == "4242424242424242"


async def test_a_card_that_does_not_open_keeps_its_key(vaulted: Any, kept: list[str]):
    old = vaulted.keys.kek_id
    await vaulted.row("UPDATE vault.cards SET wrapped_key = wrapped_key || '\\x00' WHERE token = $1", kept[3])
    with pytest.raises(Stuck, match=kept[3]):
        await other_process(vaulted).run()
    assert ((await vaulted.row(UNDER, old))[0], vaulted.keys.old_keys()) == (1, [old])
    await vaulted.row("DELETE FROM vault.cards WHERE token = $1", kept[3])
    await other_process(vaulted).run()


@pytest.mark.parametrize("when", ["before the new key", "after it"])
async def test_a_record_that_changed_meanwhile_keeps_what_it_has(vaulted: Any, kept: list[str], when: str):
    stored = await vaulted.store.card(kept[0])
    early = await seal(vaulted.keys, stored.place, "network_token", "ntk_new")
    vaulted.keys.begin_rotation()
    late = await seal(vaulted.keys, stored.place, "network_token", "ntk_new")
    newer = {"before the new key": early, "after it": late}[when]
    await vaulted.row(
        "UPDATE vault.cards SET kek_id = $2, wrapped_key = $3, nonce = $4, ciphertext = $5 WHERE token = $1",
        kept[0],
        newer.kek_id,
        newer.wrapped_key,
        newer.nonce,
        newer.ciphertext,
    )
    change = (stored.place, stored.sealed, await rewrapped(vaulted.keys, stored.place, stored.sealed))
    assert await vaulted.store.rewrap(stored.sealed.kek_id, [change]) == 0
    assert await unseal(vaulted.keys, stored.place, (await vaulted.store.card(kept[0])).sealed) == "ntk_new"


@pytest.mark.slow
async def test_cards_come_in_pay_and_are_kept_while_the_keys_rotate(vaulted: Any, kept: list[str]):
    turning = asyncio.Event()

    async def shopper() -> int:
        done = 0
        while not turning.is_set() or done < 10:
            token = await vaulted.paid()
            await vaulted.vault.keep(KeepCard(token=token, owner="usr_1"))
            answer = await vaulted.vault.charge(vaulted.charge(token, owner="usr_1"))
            assert answer.body["state"] == "authorized"
            done += 1
        return done

    shoppers = [asyncio.create_task(shopper()) for _ in range(3)]
    for _ in range(5):
        await other_process(vaulted).run(batch=2)
        await asyncio.sleep(0.05)
    turning.set()
    assert sum(await asyncio.gather(*shoppers)) >= 30
    await other_process(vaulted).run()
    mine = await vaulted.store.key_counts()
    assert (mine[vaulted.keys.kek_id] >= 37, vaulted.keys.old_keys()) == (True, [])
