"""Notices of the provider: signed over raw bytes, repeated, shuffled, and never believed without asking."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from haat.contracts.payments import PaymentRef, SignatureRefused, UpiMethod
from haat.kit.message import NotFound
from tests.services.payments.notices import OLD_SECRET, body_about, notice


async def waiting_upi(shop: Any) -> tuple[Any, Any]:
    """A UPI payment that has succeeded at the provider without our knowing."""
    ask = shop.ask(UpiMethod(vpa="ok@sandbox"))
    paid = await shop.payments.authorize(ask)
    await shop.post("/sandbox/clock", {"advance_seconds": 2})
    return ask, paid


async def state_of(shop: Any, payment_id: str) -> str:
    return (await shop.payments.payment(PaymentRef(payment_id=payment_id))).state


async def test_a_notice_brings_the_news(shop: Any):
    ask, paid = await waiting_upi(shop)
    await shop.payments.webhook(notice(await body_about(shop, ask.checkout_id, "payment.captured")))
    assert await state_of(shop, paid.id) == "captured"


async def test_repeated_and_shuffled_notices_act_once(shop: Any):
    ask, paid = await waiting_upi(shop)
    captured = notice(await body_about(shop, ask.checkout_id, "payment.captured"))
    stale = notice(await body_about(shop, ask.checkout_id, "payment.pending", state="requires_action", captured=0))
    hooks = [captured, stale, notice(captured.body)] * 5
    random.Random(7).shuffle(hooks)
    await asyncio.gather(*(shop.payments.webhook(hook) for hook in hooks))
    assert await state_of(shop, paid.id) == "captured"
    assert await shop.told(ask.attempt_id) == ["PaymentAuthorized", "PaymentCaptured"]
    assert len(await shop.ledger(paid.id)) == 2


async def test_what_a_notice_claims_is_asked_back(shop: Any):
    ask = shop.ask(UpiMethod(flow="qr"))
    paid = await shop.payments.authorize(ask)
    claimed = await body_about(shop, ask.checkout_id, "payment.captured", state="captured", captured=ask.amount.amount)
    await shop.payments.webhook(notice(claimed))
    assert await state_of(shop, paid.id) == "requires_action"


@pytest.mark.parametrize(("what", "told"), [("amount", 100), ("merchant", "another shop")])
async def test_another_agreement_is_put_aside_and_changes_nothing(shop: Any, what: str, told: Any):
    ask, paid = await waiting_upi(shop)
    await shop.payments.webhook(notice(await body_about(shop, ask.checkout_id, "payment.captured", **{what: told})))
    query = (
        "SELECT reason FROM payments.quarantine JOIN payments.payments USING (provider, provider_id)"
        " WHERE payment_id = $1"
    )
    aside = await shop.rows(query, paid.id)
    assert (await state_of(shop, paid.id), aside) == ("requires_action", [(what,)])


async def test_a_notice_about_nothing_of_ours_is_taken_and_forgotten(shop: Any):
    ask, paid = await waiting_upi(shop)
    body = await body_about(shop, ask.checkout_id, "payment.captured", id="psp_other", reference="chk_other")
    await shop.payments.webhook(notice(body))
    aside = await shop.rows("SELECT reason FROM payments.quarantine WHERE provider_id = 'psp_other'")
    assert (await state_of(shop, paid.id), aside) == ("requires_action", [])


async def test_the_older_secret_is_still_good(shop: Any):
    ask, paid = await waiting_upi(shop)
    await shop.payments.webhook(notice(await body_about(shop, ask.checkout_id, "payment.captured"), OLD_SECRET))
    assert await state_of(shop, paid.id) == "captured"


async def test_a_foreign_secret_is_refused(shop: Any):
    with pytest.raises(SignatureRefused):
        await shop.payments.webhook(notice(b"{}", "whsec_Zm9yZWlnbi1zZWNyZXQtZm9yLXRlc3Rz"))


async def test_a_changed_byte_is_refused(shop: Any):
    signed = notice(b'{"type": "x", "data": {}}')
    with pytest.raises(SignatureRefused):
        await shop.payments.webhook(msgspec.structs.replace(signed, body=signed.body + b" "))


async def test_an_old_timestamp_is_refused(shop: Any):
    with pytest.raises(SignatureRefused):
        await shop.payments.webhook(notice(b"{}", age=timedelta(seconds=301)))


@pytest.mark.parametrize("headers", [{}, {"webhook-id": "x"}, {"webhook-signature": "v1,"}, {"webhook-signature": "x"}])
async def test_missing_and_broken_headers_are_refused(shop: Any, headers: dict[str, str]):
    signed = notice(b"{}")
    given = {**signed.headers, **headers} if headers else {}
    with pytest.raises(SignatureRefused):
        await shop.payments.webhook(msgspec.structs.replace(signed, headers=given))


async def test_another_providers_door_is_not_there(shop: Any):
    with pytest.raises(NotFound):
        await shop.payments.webhook(msgspec.structs.replace(notice(b"{}"), provider="other"))
