"""What happens to money after it was held: holds run out, refunds fail, disputes, late money."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from haat.contracts.payments import (
    AttemptPayment,
    Capture,
    CardMethod,
    PaymentRef,
    PaymentStateError,
    Refund,
    UpiMethod,
    Void,
)
from haat.kit.ids import new_id
from haat.kit.money import Money
from haat.ports.payment_provider import PaymentAsk
from haat.services.payments.model import MOST_FAILED
from haat.services.payments.service import PaymentsService
from haat.services.payments.store import PaymentStore
from tests.services.payments.notices import body_about, notice
from tests.services.shopfloor import Away

# A provider that holds for seven days: four fifths of the time from then until its end are over.
LATE_HOLD = "UPDATE payments.payments SET created_at = now() - interval '100 days' WHERE payment_id = $1"
NET = (
    "SELECT account, sum(amount)::bigint FROM payments.ledger_entries JOIN payments.ledger_txns t USING (txn_id)"
    " WHERE t.payment_id = $1 AND t.phase = 'posted' GROUP BY account HAVING sum(amount) <> 0 ORDER BY account"
)


async def captured(shop: Any, amount: int = 10_000) -> tuple[Any, Any]:
    ask = shop.ask(await shop.card(), amount)
    paid = await shop.payments.authorize(ask)
    return ask, await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))


async def seen(shop: Any, payment_id: str) -> Any:
    """The payment once the provider was asked again."""
    return await shop.payments.payment(PaymentRef(payment_id=payment_id, confirm=True))


async def dispute(shop: Any, ask: Any, outcome: str) -> None:
    await shop.post(f"/sandbox/disputes/{(await shop.books(ask.checkout_id))[0]['id']}", {"outcome": outcome})


@pytest.mark.parametrize(
    ("outcome", "state", "net"),
    [
        ("won", "captured", [("customer_due", -10_000), ("psp_clearing:sandbox", 10_000)]),
        ("lost", "disputed", [("customer_due", -10_000), ("dispute_losses", 10_000)]),
    ],
)
async def test_a_dispute_moves_the_money_into_reserve_until_it_is_decided(
    shop: Any, outcome: str, state: str, net: list[tuple[str, int]]
):
    ask, paid = await captured(shop)
    await dispute(shop, ask, "opened")
    assert (await seen(shop, paid.id)).state == "disputed"
    accounts = dict(await shop.rows(NET, paid.id))
    assert (accounts["dispute_reserve"], "psp_clearing:sandbox" in accounts) == (10_000, False)
    with pytest.raises(PaymentStateError):
        await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(1)))
    await dispute(shop, ask, outcome)
    assert (await seen(shop, paid.id)).state == state
    assert [(account.split(":chk")[0], amount) for account, amount in await shop.rows(NET, paid.id)] == net
    assert (await shop.told(ask.attempt_id))[-2:] == ["PaymentDisputed", "PaymentDisputed"]


async def test_a_refund_and_a_dispute_at_once_never_give_more_than_was_taken(shop: Any):
    ask, paid = await captured(shop)
    refund = Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(4_000))
    await asyncio.gather(
        dispute(shop, ask, "opened"), shop.payments.refund(refund), seen(shop, paid.id), return_exceptions=True
    )
    await dispute(shop, ask, "lost")
    await shop.sweep(paid.id)
    await seen(shop, paid.id)
    accounts = dict(await shop.rows(NET, paid.id))
    assert accounts.get("psp_clearing:sandbox", 0) == 0
    assert accounts["dispute_losses"] in (10_000, 6_000)
    assert accounts[f"customer_due:{ask.checkout_id}"] == -accounts["dispute_losses"]


async def test_a_refund_made_at_the_provider_is_booked_once(shop: Any):
    ask, paid = await captured(shop)
    (theirs,) = await shop.books(ask.checkout_id)
    answer = await shop.provider.refund("made-by-hand-" + paid.id, theirs["id"], 2_500, "by hand")
    assert answer.fact.refunds[0].amount_minor == 2_500
    for _ in range(3):
        assert ((await seen(shop, paid.id)).state, (await seen(shop, paid.id)).refunded) == (
            "partially_refunded",
            Money(2_500),
        )
    assert (await shop.ledger(paid.id))[-2:] == [("refund", "pending", -2_500), ("refund", "posted", -2_500)]
    assert (await shop.told(ask.attempt_id))[-1] == "PaymentRefunded"
    with pytest.raises(PaymentStateError):
        await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(7_501)))


async def test_a_refund_under_way_is_not_booked_again_as_a_foreign_one(shop: Any):
    ask, paid = await captured(shop)
    await shop.fault("refund", "drop_after", 1)
    refund = Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(2_500))
    assert (await shop.payments.refund(refund)).state == "pending"
    assert (await seen(shop, paid.id)).refunded == Money(2_500)
    await shop.sweep(paid.id)
    assert (await seen(shop, paid.id)).refunded == Money(2_500)
    assert [row["refunded"] for row in await shop.books(ask.checkout_id)] == [2_500]
    assert [kind for kind, phase, _ in await shop.ledger(paid.id) if phase == "posted"] == ["capture", "refund"]


async def test_a_refund_that_fails_is_refundable_again_and_posted_back(shop: Any):
    ask, paid = await captured(shop)
    await shop.fault("refund", "fail")
    refund = Refund(payment_id=paid.id, request_id="r", reason="x")
    assert (await shop.payments.refund(refund)).state == "pending"
    await shop.post("/sandbox/clock", {"advance_seconds": 3})
    assert ((await seen(shop, paid.id)).state, (await seen(shop, paid.id)).refunded) == ("captured", Money(0))
    again = Refund(payment_id=paid.id, request_id="r2", reason="x")
    assert (await shop.payments.refund(again)).state == "succeeded"
    assert [(row["captured"], row["refunded"]) for row in await shop.books(ask.checkout_id)] == [(10_000, 10_000)]
    assert [account for account, _ in await shop.rows(NET, paid.id)] == []


async def test_a_hold_under_an_order_is_taken_before_it_runs_out(shop: Any):
    ask = shop.ask(await shop.card())
    paid = await shop.payments.authorize(ask)
    await shop.payments.take_for_orders([], held_back=[paid.id])
    await shop.sweep(paid.id)
    assert (await seen(shop, paid.id)).state == "authorized"
    await shop.rows(LATE_HOLD, paid.id)
    await shop.sweep(paid.id)
    assert (await seen(shop, paid.id)).state == "captured"


async def test_a_hold_that_the_provider_refuses_to_let_us_take_is_asked_about_with_patience(shop: Any):
    paid = await shop.payments.authorize(shop.ask(await shop.card()))
    await shop.payments.take_for_orders([], held_back=[paid.id])
    await shop.rows(
        "INSERT INTO payments.provider_calls (idem_key, payment_id, op, request_hash, amount_minor, state)"
        " VALUES ($1 || ':capture:hold-runs-out', $1, 'capture', '', 1, 'FAILED')",
        paid.id,
    )
    await shop.rows(LATE_HOLD, paid.id)
    ((asked_at,),) = await shop.rows("SELECT now()")
    await shop.sweep(paid.id)
    waits = "SELECT at > $2::timestamptz + interval '5 seconds' FROM payments.due WHERE payment_id = $1"
    assert await shop.rows(waits, paid.id, asked_at) == [(True,)]


async def test_a_hold_without_an_order_is_let_go_before_it_runs_out(shop: Any):
    ask = shop.ask(await shop.card())
    paid = await shop.payments.authorize(ask)
    await shop.rows(LATE_HOLD, paid.id)
    await shop.sweep(paid.id)
    assert ((await seen(shop, paid.id)).state, (await shop.books(ask.checkout_id))[0]["state"]) == ("voided", "voided")


async def test_a_hold_is_looked_at_again_at_four_fifths_of_its_time(shop: Any):
    paid = await shop.payments.authorize(shop.ask(await shop.card()))
    await shop.sweep(paid.id)
    share = (
        "SELECT round(extract(epoch FROM d.at - p.created_at) / extract(epoch FROM p.capture_before - p.created_at), 6)"
        " FROM payments.due d JOIN payments.payments p USING (payment_id) WHERE p.payment_id = $1"
    )
    assert [float(each) for (each,) in await shop.rows(share, paid.id)] == [0.8]


async def test_late_money_of_a_payment_that_was_given_up_goes_back_as_late(shop: Any):
    ask = shop.ask(UpiMethod(vpa="late@sandbox"))
    paid = await shop.payments.authorize(ask)
    await shop.post("/sandbox/clock", {"advance_seconds": 6})
    assert (await shop.payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id))).state == "expired"
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="payment_declined"))
    await shop.post("/sandbox/clock", {"advance_seconds": 30})
    for _ in range(3):
        await shop.rows("INSERT INTO payments.due VALUES ($1, 'epoch') ON CONFLICT DO NOTHING", paid.id)
        await shop.sweep(paid.id)
    assert (await seen(shop, paid.id)).state == "refunded"
    assert await shop.rows("SELECT reason, amount_minor FROM payments.refunds WHERE payment_id = $1", paid.id) == [
        ("late", 259900)
    ]
    assert (await shop.told(ask.attempt_id)).count("PaymentRefunded") == 1


async def given_up(shop: Any) -> tuple[PaymentsService, Any, Any]:
    """Payments whose vault does not answer, and a payment there that nobody has heard of in time."""
    ask = shop.ask(CardMethod(token="tok_forgotten"))
    away = PaymentsService(PaymentStore(shop.database), shop.provider, Away(shop.vault, "charge"))
    begun = await away.authorize(ask)
    older = "UPDATE payments.payments SET created_at = now() - interval '2 minutes' WHERE payment_id = $1"
    await shop.rows(older, begun.id)
    await shop.sweep(begun.id)
    assert (await shop.payments.payment(PaymentRef(payment_id=begun.id))).state == "expired"
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="payment_declined"))
    return away, ask, begun


async def turns_up(shop: Any, ask: Any) -> None:
    """The provider has a payment of this checkout after all."""
    card = {"type": "card", "number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    await shop.provider.authorise(new_id("key"), PaymentAsk(ask.checkout_id, ask.amount, card))


async def test_a_payment_that_turns_up_after_it_was_given_up_goes_back_without_a_notice(shop: Any):
    _, ask, begun = await given_up(shop)
    await turns_up(shop, ask)
    await shop.sweep(begun.id)
    assert ((await seen(shop, begun.id)).state, (await shop.books(ask.checkout_id))[0]["state"]) == ("voided", "voided")


async def test_what_turns_up_while_another_attempt_waits_for_its_answer_is_not_taken_from_that(shop: Any):
    away, ask, begun = await given_up(shop)
    other = await away.authorize(msgspec.structs.replace(ask, attempt_id=new_id("att")))
    await turns_up(shop, ask)
    await shop.sweep(begun.id)
    states = [(await shop.payments.payment(PaymentRef(payment_id=each.id))).state for each in (begun, other)]
    assert (states, (await shop.books(ask.checkout_id))[0]["state"]) == (["expired", "unknown"], "authorized")


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 1), ("INR", 100), ("KWD", 1_000)])
async def test_parts_are_exact_in_currencies_of_no_two_and_three_digits(shop: Any, currency: str, amount: int):
    ask = shop.ask(await shop.card(), 3 * amount)
    paid = await shop.payments.authorize(
        type(ask)(ask.attempt_id, ask.checkout_id, Money(3 * amount, currency), ask.method)
    )
    for part in range(3):
        await shop.payments.capture(Capture(payment_id=paid.id, request_id=str(part), amount=Money(amount, currency)))
    with pytest.raises(PaymentStateError):
        await shop.payments.capture(Capture(payment_id=paid.id, request_id="over", amount=Money(1, currency)))
    (theirs,) = await shop.books(ask.checkout_id)
    assert (theirs["captured"], theirs["currency"]) == (3 * amount, currency)
    assert [call["op"] for call in theirs["calls"]] == ["authorize", "capture", "capture", "capture"]
    assert (await seen(shop, paid.id)).captured == Money(3 * amount, currency)


@pytest.mark.parametrize("by_the_sweep", [MOST_FAILED, MOST_FAILED - 1], ids=["a sweep sees it", "a notice tells it"])
async def test_money_that_its_bank_sends_back_again_and_again_is_told_to_a_person(shop: Any, by_the_sweep: int):
    ask, paid = await captured(shop)
    await shop.fault("refund", "fail", MOST_FAILED)
    with capture_logs() as logs:
        await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled"))
        for _ in range(by_the_sweep):
            await shop.post("/sandbox/clock", {"advance_seconds": 3})
            await shop.sweep(paid.id)
        await shop.post("/sandbox/clock", {"advance_seconds": 3})
        await shop.payments.webhook(notice(await body_about(shop, ask.checkout_id, "refund.failed")))
        await shop.sweep(paid.id)
    told = [line["payment_id"] for line in logs if line["event"].endswith("a person must help")]
    refunds = "SELECT state, count(*)::int FROM payments.refunds WHERE payment_id = $1 GROUP BY state"
    assert (await shop.rows(refunds, paid.id), told) == ([("failed", MOST_FAILED)], [paid.id])
