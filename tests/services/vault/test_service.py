"""The vault on real PostgreSQL: what it keeps, for how long, and for whom."""

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest

from haat.contracts.vault import CardRef, CardUnknown, KeepCard
from haat.kit.message import Unavailable
from haat.services.vault.service import SecurityCodes, VaultService
from haat.services.vault.store import VaultStore

SECRET = "SELECT kind, ciphertext, owner, purge_after FROM vault.cards WHERE token = $1"


async def test_a_charge_sends_the_card_and_gives_the_answer_without_the_network_token(vaulted: Any):
    answer = await vaulted.vault.charge(vaulted.charge(await vaulted.token()))
    assert (answer.status, answer.body["state"], "network_token" in answer.body) == (200, "authorized", False)
    assert vaulted.acquirer.asked[0][1] == {
        "type": "card",
        "number": "4242424242424242",
        "exp_month": 12,
        "exp_year": 2040,
        "cvc": "987",
    }


async def test_in_india_the_number_is_gone_after_the_authorisation(vaulted: Any):
    token = await vaulted.token()
    before = await vaulted.row(SECRET, token)
    await vaulted.vault.charge(vaulted.charge(token))
    after = await vaulted.row(SECRET, token)
    assert (before["kind"], after["kind"], before["ciphertext"] == after["ciphertext"]) == (
        "number",
        "network_token",
        False,
    )


async def test_abroad_the_number_may_stay(abroad: Any):
    token = await abroad.token()
    await abroad.vault.charge(abroad.charge(token))
    assert (await abroad.row(SECRET, token))["kind"] == "number"


async def test_after_a_decline_the_number_is_still_there_for_another_try(vaulted: Any):
    token = await vaulted.token()
    vaulted.acquirer.state = "declined"
    await vaulted.vault.charge(vaulted.charge(token))
    assert (await vaulted.row(SECRET, token))["kind"] == "number"


async def test_the_same_key_gives_the_stored_answer(vaulted: Any):
    ask = vaulted.charge(await vaulted.token())
    first = await vaulted.vault.charge(ask)
    assert (await vaulted.vault.charge(ask), len(vaulted.acquirer.asked)) == (first, 1)


async def test_a_lost_answer_is_asked_for_again_word_for_word(vaulted: Any):
    ask = vaulted.charge(await vaulted.token())
    vaulted.acquirer.down = True
    with pytest.raises(Unavailable):
        await vaulted.vault.charge(ask)
    vaulted.acquirer.down = False
    await vaulted.vault.charge(ask)
    assert vaulted.acquirer.asked[0] == vaulted.acquirer.asked[1]


async def test_a_key_does_not_serve_another_charge(vaulted: Any):
    ask = vaulted.charge(await vaulted.token())
    await vaulted.vault.charge(ask)
    with pytest.raises(CardUnknown):
        await vaulted.vault.charge(msgspec.structs.replace(ask, reference="chk_2"))


async def test_a_card_nobody_keeps_pays_once(vaulted: Any):
    token = await vaulted.token()
    await vaulted.vault.charge(vaulted.charge(token))
    with pytest.raises(CardUnknown):
        await vaulted.vault.charge(vaulted.charge(token))


async def test_a_kept_card_pays_again_by_its_network_token(vaulted: Any):
    token = await vaulted.token()
    await vaulted.vault.charge(vaulted.charge(token))
    await vaulted.vault.keep(KeepCard(token=token, owner="usr_1"))
    await vaulted.vault.charge(vaulted.charge(token, owner="usr_1"))
    assert vaulted.acquirer.asked[1][1] == {"type": "network_token", "token": "ntk_abc"}


@pytest.mark.parametrize("payer", [None, "usr_2", ""])
async def test_a_kept_card_pays_for_nobody_else(vaulted: Any, payer: str | None):
    token = await vaulted.token()
    await vaulted.vault.charge(vaulted.charge(token))
    await vaulted.vault.keep(KeepCard(token=token, owner="usr_1"))
    with pytest.raises(CardUnknown):
        await vaulted.vault.charge(vaulted.charge(token, owner=payer))


async def test_a_kept_card_cannot_be_taken_over(vaulted: Any):
    token = await vaulted.token()
    await vaulted.vault.charge(vaulted.charge(token))
    await vaulted.vault.keep(KeepCard(token=token, owner="usr_1"))
    with pytest.raises(CardUnknown):
        await vaulted.vault.keep(KeepCard(token=token, owner="usr_2"))


async def test_a_card_that_never_paid_is_not_kept_in_india(vaulted: Any):
    with pytest.raises(CardUnknown):
        await vaulted.vault.keep(KeepCard(token=await vaulted.token(), owner="usr_1"))


async def test_a_card_is_kept_after_the_shopper_has_acted_at_the_provider(vaulted: Any):
    token = await vaulted.token()
    vaulted.acquirer.state = "requires_action"
    answer = await vaulted.vault.charge(vaulted.charge(token))
    vaulted.acquirer.payments[answer.body["id"]]["state"] = "authorized"
    await vaulted.vault.keep(KeepCard(token=token, owner="usr_1"))
    kept = await vaulted.row(SECRET, token)
    assert (kept["kind"], kept["owner"], kept["purge_after"]) == ("network_token", "usr_1", None)


async def test_the_same_card_has_the_same_fingerprint(vaulted: Any):
    cards = [await vaulted.vault.card(CardRef(token=await vaulted.token())) for _ in range(2)]
    other = await vaulted.vault.card(CardRef(token=await vaulted.token("5555555555554444")))
    assert (cards[0].fingerprint == cards[1].fingerprint, other.fingerprint == cards[0].fingerprint) == (True, False)


async def test_a_restarted_vault_has_forgotten_the_code_and_asks_for_the_card_again(vaulted: Any):
    token = await vaulted.token()
    restarted = VaultService(VaultStore(vaulted.database), vaulted.keys, vaulted.acquirer, "IN")
    with pytest.raises(CardUnknown):
        await restarted.charge(vaulted.charge(token))
    assert vaulted.acquirer.asked == []


async def test_a_restart_in_the_middle_of_a_charge_leaves_its_outcome_unknown(vaulted: Any):
    ask = vaulted.charge(await vaulted.token())
    vaulted.acquirer.down = True
    with pytest.raises(Unavailable):
        await vaulted.vault.charge(ask)
    restarted = VaultService(VaultStore(vaulted.database), vaulted.keys, vaulted.acquirer, "IN")
    with pytest.raises(Unavailable):
        await restarted.charge(ask)


async def test_a_row_moved_to_another_token_charges_nothing(vaulted: Any):
    mine, theirs = await vaulted.token(), await vaulted.token("5555555555554444")
    await vaulted.row(
        "UPDATE vault.cards c SET ciphertext = o.ciphertext, nonce = o.nonce, wrapped_key = o.wrapped_key"
        " FROM vault.cards o WHERE c.token = $1 AND o.token = $2",
        mine,
        theirs,
    )
    with pytest.raises(CardUnknown):
        await vaulted.vault.charge(vaulted.charge(mine))


async def test_a_card_whose_time_is_over_is_unknown_even_before_the_purge(vaulted: Any):
    token = await vaulted.token()
    await vaulted.row("UPDATE vault.cards SET purge_after = now() WHERE token = $1", token)
    with pytest.raises(CardUnknown):
        await vaulted.vault.card(CardRef(token=token))
    with pytest.raises(CardUnknown):
        await vaulted.vault.charge(vaulted.charge(token))


async def test_unkept_cards_are_purged_after_their_time_and_kept_ones_are_not(vaulted: Any):
    gone, kept = await vaulted.token(), await vaulted.token()
    await vaulted.vault.charge(vaulted.charge(kept))
    await vaulted.vault.keep(KeepCard(token=kept, owner="usr_1"))
    await vaulted.row("UPDATE vault.cards SET purge_after = now() WHERE token = $1", gone)
    await vaulted.vault.purge()
    assert await vaulted.row(SECRET, gone) is None
    assert (await vaulted.row(SECRET, kept))["owner"] == "usr_1"


async def test_a_forgotten_card_is_unknown(vaulted: Any):
    token = await vaulted.token()
    await vaulted.vault.forget(CardRef(token=token))
    with pytest.raises(CardUnknown):
        await vaulted.vault.card(CardRef(token=token))


async def test_every_step_leaves_its_trace(vaulted: Any):
    token = await vaulted.token()
    await vaulted.vault.charge(vaulted.charge(token))
    await vaulted.vault.keep(KeepCard(token=token, owner="usr_1"))
    await vaulted.vault.forget(CardRef(token=token))
    row = await vaulted.row(
        "SELECT array_agg(action ORDER BY position) AS done FROM vault.audit WHERE token = $1", token
    )
    assert row["done"] == ["tokenized", "charge_begun", "charge_ended", "kept", "forgotten"]


@pytest.mark.parametrize("change", ["UPDATE vault.audit SET action = ''", "DELETE FROM vault.audit"])
async def test_the_trace_cannot_be_changed(vaulted: Any, admin_url: str, change: str):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await vaulted.row(change)
    owner = await asyncpg.connect(admin_url)
    with pytest.raises(asyncpg.RestrictViolationError):
        await owner.execute(change)
    await owner.close()


async def test_two_charges_of_one_key_at_once_ask_with_the_same_words(vaulted: Any):
    ask = vaulted.charge(await vaulted.token())
    await asyncio.gather(*(vaulted.vault.charge(ask) for _ in range(3)))
    assert {key for key, _ in vaulted.acquirer.asked} == {ask.idempotency_key}


def test_codes_lie_sealed_in_memory():
    codes = SecurityCodes()
    codes.put("tok_1", "987")
    assert (codes.get("tok_1"), b"987" in b"".join(codes._codes.values())) == ("987", False)
