"""What happens by itself as the sandbox's clock moves."""

import asyncio

import pytest


@pytest.fixture
def upi_payment(card_payment):
    def payment(reference, vpa=None, **changes):
        method = {"type": "upi", "flow": "intent"} | ({} if vpa is None else {"vpa": vpa})
        return card_payment(reference, method=method, **changes)

    return payment


async def state_of(provider, payment):
    _, found = await provider.get(f"/v1/payments/{payment['id']}")
    return found["state"], found["captured"]


@pytest.mark.parametrize(
    ("vpa", "state", "captured"), [("ok@sandbox", "captured", 4599900), ("decline@sandbox", "declined", 0)]
)
async def test_a_upi_id_decides_after_a_short_delay(provider, upi_payment, vpa, state, captured):
    _, payment = await provider.post("/v1/payments", upi_payment("upi", vpa))
    assert (payment["state"], payment["action"]["type"]) == ("requires_action", "upi_collect")
    await provider.advance(2)
    assert await state_of(provider, payment) == (state, captured)


async def test_a_late_upi_payment_expires_first_and_succeeds_later(provider, upi_payment, shop):
    _, payment = await provider.post("/v1/payments", upi_payment("late", "late@sandbox"))
    await provider.advance(6)
    expired = await state_of(provider, payment)
    await provider.advance(15)
    assert [expired, await state_of(provider, payment)] == [("expired", 0), ("captured", 4599900)]
    assert sorted(await shop.types_of("payment", payment["id"], 2)) == ["payment.captured", "payment.expired"]


async def test_one_leap_passes_every_step_in_its_order(provider, upi_payment, shop):
    _, payment = await provider.post("/v1/payments", upi_payment("leap", "late@sandbox"))
    await provider.advance(30 * 86_400)
    await shop.types_of("payment", payment["id"], 2)
    told = [one for one in shop.messages() if one["data"]["payment"]["id"] == payment["id"]]
    in_order = sorted(told, key=lambda one: one["timestamp"])
    assert [one["type"] for one in in_order] == ["payment.expired", "payment.captured"]


async def test_an_unanswered_action_expires(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("abandoned", "4000002760003184"))
    await provider.advance(601)
    assert await state_of(provider, payment) == ("expired", 0)


async def test_an_approved_action_does_not_expire(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("approved", "4000002760003184"))
    form = {"outcome": "approve"}
    await provider.session.post(f"{provider.url}/sandbox/actions/{payment['id']}", data=form)
    await provider.advance(601)
    assert await state_of(provider, payment) == ("authorized", 0)


async def test_a_hold_that_nobody_captures_lapses(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("lapse"))
    await provider.advance(7 * 86_400 + 1)
    assert await state_of(provider, payment) == ("expired", 0)


async def test_a_captured_hold_does_not_lapse(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("kept"))
    await provider.post(f"/v1/payments/{payment['id']}/captures", {"amount": 4599900})
    await provider.advance(8 * 86_400)
    assert await state_of(provider, payment) == ("captured", 4599900)


async def test_a_slow_card_is_processing_until_the_bank_has_spoken(provider, card_payment):
    ask = card_payment("slow", "4000000000000077")
    first = asyncio.create_task(provider.post("/v1/payments", ask, key="slow-1"))
    rows = await provider.booked("slow")
    second = asyncio.create_task(provider.post("/v1/payments", ask, key="slow-1"))
    await provider.advance(31)
    answers = [await first, await second, await provider.post("/v1/payments", ask, key="slow-1")]
    assert rows[0]["state"] == "processing"
    assert [(status, payment["state"]) for status, payment in answers] == [(201, "authorized")] * 3


async def test_a_dispute_is_opened_after_the_capture(provider, card_payment, shop):
    ask = card_payment("disputed", "4000000000000259", capture="automatic")
    _, payment = await provider.post("/v1/payments", ask)
    await provider.advance(61)
    await shop.types_of("payment", payment["id"], 2)
    _, disputed = await provider.get(f"/v1/payments/{payment['id']}")
    assert (disputed["dispute"]["state"], disputed["dispute"]["amount"]) == ("opened", 4599900)
    assert sorted(await shop.types_of("payment", payment["id"], 2)) == ["dispute.opened", "payment.captured"]


async def test_disputed_money_cannot_be_refunded_until_the_dispute_is_won(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("won", capture="automatic"))
    refund = {"amount": 1, "reason": "goodwill"}
    await provider.post(f"/sandbox/disputes/{payment['id']}", {"outcome": "opened"})
    held, _ = await provider.post(f"/v1/payments/{payment['id']}/refunds", refund)
    await provider.post(f"/sandbox/disputes/{payment['id']}", {"outcome": "won"})
    free, _ = await provider.post(f"/v1/payments/{payment['id']}/refunds", refund)
    assert (held, free) == (409, 200)


async def test_the_clock_does_not_run_backwards(provider):
    status, _ = await provider.post("/sandbox/clock", {"advance_seconds": -1})
    assert status == 422
