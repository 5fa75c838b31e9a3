"""Payments against the real provider process: one charge whatever happens, and its own truth agrees."""

import asyncio
from typing import Any

import msgspec
import pytest

from haat.contracts.payments import (
    AttemptPayment,
    Capture,
    CashMethod,
    CreditMethod,
    ForgetMethod,
    MethodsOf,
    PaymentRef,
    PaymentStateError,
    Refund,
    UpiMethod,
    Void,
    WalletMethod,
)
from haat.contracts.vault import Card, CardRef, CardUnknown
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound, Unavailable
from haat.kit.money import Money
from haat.services.payments.service import PaymentsService
from haat.services.payments.store import PaymentStore
from tests.engines.payment_provider.worlds import HASTY
from tests.services.shopfloor import Away


async def test_a_good_card_is_authorised_with_row_ledger_and_event(shop: Any):
    ask = shop.ask(await shop.card())
    paid = await shop.payments.authorize(ask)
    assert (paid.state, paid.summary, paid.captured.amount) == ("authorized", "Visa •••• 4242", 0)
    assert await shop.ledger(paid.id) == [("authorize", "pending", 259900)]
    assert await shop.told(ask.attempt_id) == ["PaymentAuthorized"]
    assert [row["state"] for row in await shop.books(ask.checkout_id)] == ["authorized"]


async def test_the_same_attempt_again_is_the_same_payment(shop: Any):
    ask = shop.ask(await shop.card())
    first = await shop.payments.authorize(ask)
    again = await shop.payments.authorize(ask)
    assert (again, len(await shop.books(ask.checkout_id))) == (first, 1)


async def test_ten_requests_of_one_attempt_at_once_charge_once(shop: Any):
    ask = shop.ask(await shop.card())
    await asyncio.gather(*(shop.payments.authorize(ask) for _ in range(10)))
    assert (await shop.payments.authorize(ask)).state == "authorized"
    assert [row["state"] for row in await shop.books(ask.checkout_id)] == ["authorized"]
    assert await shop.told(ask.attempt_id) == ["PaymentAuthorized"]


async def test_an_attempt_cannot_change_its_amount(shop: Any):
    ask = shop.ask(CashMethod())
    await shop.payments.authorize(ask)
    with pytest.raises(PaymentStateError):
        await shop.payments.authorize(msgspec.structs.replace(ask, amount=Money(1)))


async def test_a_decline_is_an_answer_with_its_code(shop: Any):
    ask = shop.ask(await shop.card("4000000000000002"))
    paid = await shop.payments.authorize(ask)
    assert (paid.state, paid.decline_code, await shop.ledger(paid.id)) == ("declined", "card_declined", [])
    assert await shop.told(ask.attempt_id) == ["PaymentFailed"]


async def test_an_unknown_token_declines_and_reaches_no_provider(shop: Any):
    method = (await shop.card()).__class__(token="tok_nothing")
    ask = shop.ask(method)
    paid = await shop.payments.authorize(ask)
    assert (paid.state, paid.decline_code) == ("declined", "card_token_unknown")
    assert await shop.books(ask.checkout_id) == []


async def test_a_lost_answer_is_found_not_charged_again(shop: Any):
    ask = shop.ask(await shop.card("4000000000000341"))
    paid = await shop.payments.authorize(ask)
    assert paid.state == "authorized"
    assert [row["state"] for row in await shop.books(ask.checkout_id)] == ["authorized"]
    assert await shop.told(ask.attempt_id) == ["PaymentAuthorized"]


@pytest.mark.parametrize("mode", ["drop_before", "drop_after", "500_after"])
async def test_a_broken_wire_never_charges_twice(shop: Any, mode: str):
    ask = shop.ask(await shop.card())
    await shop.fault("authorize", mode)
    assert (await shop.payments.authorize(ask)).state == "authorized"
    assert [row["state"] for row in await shop.books(ask.checkout_id)] == ["authorized"]


@pytest.mark.slow
async def test_a_slow_bank_is_pending_not_declined(shop: Any):
    async with shop.waiting(HASTY) as hasty:
        ask = shop.ask(await hasty.card("4000000000000077"))
        assert (await hasty.payments.authorize(ask)).state == "pending"
    await shop.post("/sandbox/clock", {"advance_seconds": 31})
    assert (await shop.payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id))).state == "authorized"


async def test_three_d_secure_asks_for_an_action_and_is_confirmed_server_side(shop: Any):
    ask = shop.ask(await shop.card("4000002760003184"))
    waiting = await shop.payments.authorize(ask)
    assert (waiting.state, waiting.action.type) == ("requires_action", "three_d_secure")
    async with shop.session.post(waiting.action.url, data={"outcome": "approve"}) as answer:
        assert answer.status == 200
    paid = await shop.payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id))
    assert (paid.state, paid.action) == ("authorized", None)


async def test_upi_takes_the_money_at_once(shop: Any):
    ask = shop.ask(UpiMethod(vpa="ok@sandbox"))
    assert (await shop.payments.authorize(ask)).state == "requires_action"
    await shop.post("/sandbox/clock", {"advance_seconds": 2})
    paid = await shop.payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id))
    assert (paid.state, paid.captured, paid.summary) == ("captured", Money(259900), "UPI ok@sandbox")
    assert await shop.told(ask.attempt_id) == ["PaymentAuthorized", "PaymentCaptured"]
    assert await shop.ledger(paid.id) == [("authorize", "pending", 259900), ("capture", "posted", 259900)]


async def test_money_that_comes_after_expiry_is_told(shop: Any):
    ask = shop.ask(UpiMethod(vpa="late@sandbox"))
    paid = await shop.payments.authorize(ask)
    await shop.post("/sandbox/clock", {"advance_seconds": 6})
    assert (await shop.payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id))).state == "expired"
    await shop.post("/sandbox/clock", {"advance_seconds": 30})
    assert (await shop.payments.payment(PaymentRef(payment_id=paid.id, confirm=True))).state == "captured"
    assert await shop.told(ask.attempt_id) == ["PaymentFailed", "PaymentAuthorized", "PaymentCaptured"]


async def test_a_wallet_leads_to_the_providers_page(shop: Any):
    paid = await shop.payments.authorize(shop.ask(WalletMethod(provider="sandpay")))
    assert (paid.state, paid.action.type, paid.summary) == ("requires_action", "redirect", "sandpay wallet")


async def test_cash_needs_no_provider_and_is_captured_on_delivery(shop: Any):
    ask = shop.ask(CashMethod())
    paid = await shop.payments.authorize(ask)
    assert (paid.state, paid.summary) == ("authorized", "Cash on delivery")
    taken = await shop.payments.capture(Capture(payment_id=paid.id, request_id="delivered"))
    assert (taken.state, taken.captured) == ("captured", Money(259900))
    assert await shop.books(ask.checkout_id) == []


async def test_captures_in_parts_stop_at_the_authorised_amount(shop: Any):
    paid = await shop.payments.authorize(shop.ask(await shop.card(), 1000))
    part = await shop.payments.capture(Capture(payment_id=paid.id, request_id="a", amount=Money(600)))
    assert part.state == "partially_captured"
    with pytest.raises(PaymentStateError):
        await shop.payments.capture(Capture(payment_id=paid.id, request_id="b", amount=Money(401)))
    assert (await shop.payments.capture(Capture(payment_id=paid.id, request_id="c"))).state == "captured"


async def test_an_over_capture_is_refused_here_not_at_the_provider(shop: Any):
    ask = shop.ask(await shop.card(), 1000)
    paid = await shop.payments.authorize(ask)
    with pytest.raises(PaymentStateError):
        await shop.payments.capture(Capture(payment_id=paid.id, request_id="a", amount=Money(1001)))
    (theirs,) = await shop.books(ask.checkout_id)
    assert [call["op"] for call in theirs["calls"]] == ["authorize"]


async def test_cash_collected_in_parts_at_once_stops_at_the_amount(shop: Any):
    paid = await shop.payments.authorize(shop.ask(CashMethod(), 1000))
    parts = [Capture(payment_id=paid.id, request_id=str(i), amount=Money(300)) for i in range(10)]
    answers = await asyncio.gather(*(shop.payments.capture(part) for part in parts), return_exceptions=True)
    assert [type(answer) for answer in answers].count(PaymentStateError) == 7
    assert (await shop.payments.payment(PaymentRef(payment_id=paid.id))).captured == Money(900)


async def test_a_payment_whose_void_is_under_way_is_not_captured(shop: Any):
    ask = shop.ask(await shop.card())
    paid = await shop.payments.authorize(ask)
    await shop.fault("void", "drop_before", 4)
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled"))
    with pytest.raises(PaymentStateError):
        await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))
    await shop.payments.finish_open()
    assert [row["state"] for row in await shop.books(ask.checkout_id)] == ["voided"]


async def test_what_is_let_go_of_is_not_taken_first_to_be_given_back(shop: Any):
    ask = shop.ask(await shop.card())
    paid = await shop.payments.authorize(ask)
    await shop.fault("capture", "drop_before", 2)
    await shop.fault("void", "drop_before", 4)
    await shop.payments.take_for_orders([paid.id])
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled"))
    for _ in range(2):
        await shop.sweep(paid.id)
    (theirs,) = await shop.books(ask.checkout_id)
    assert (theirs["state"], theirs["captured"]) == ("voided", 0)
    calls = "SELECT op, state FROM payments.provider_calls WHERE payment_id = $1 ORDER BY op"
    assert await shop.rows(calls, paid.id) == [("authorize", "OK"), ("capture", "FAILED"), ("void", "OK")]


async def test_a_repeated_capture_takes_once(shop: Any):
    ask = shop.ask(await shop.card(), 1000)
    paid = await shop.payments.authorize(ask)
    capture = Capture(payment_id=paid.id, request_id="a", amount=Money(400))
    await asyncio.gather(*(shop.payments.capture(capture) for _ in range(5)))
    assert (await shop.payments.capture(capture)).captured == Money(400)
    assert [row["captured"] for row in await shop.books(ask.checkout_id)] == [400]


async def test_a_capture_whose_answer_is_lost_twice_is_finished_by_the_sweep(shop: Any):
    paid = await shop.payments.authorize(shop.ask(await shop.card()))
    await shop.fault("capture", "drop_after", 2)
    with pytest.raises(Unavailable):
        await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))
    await shop.rows("UPDATE payments.due SET at = now() WHERE payment_id = $1", paid.id)
    await shop.payments.finish_open()
    assert (await shop.payments.payment(PaymentRef(payment_id=paid.id))).state == "captured"
    assert (await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))).captured == Money(259900)


async def test_the_rest_is_not_refused_while_another_capture_of_it_has_no_answer(shop: Any):
    paid = await shop.payments.authorize(shop.ask(await shop.card()))
    await shop.fault("capture", "drop_before", 2)
    for request_id in ("hold-runs-out", "tsk_approved"):
        with pytest.raises(Unavailable):
            await shop.payments.capture(Capture(payment_id=paid.id, request_id=request_id))
    await shop.sweep(paid.id)
    again = await shop.payments.capture(Capture(payment_id=paid.id, request_id="tsk_approved"))
    assert (again.state, again.captured) == ("captured", Money(259900))


async def test_a_void_lets_the_hold_go(shop: Any):
    ask = shop.ask(await shop.card())
    paid = await shop.payments.authorize(ask)
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="out_of_stock"))
    assert (await shop.payments.payment(PaymentRef(payment_id=paid.id))).state == "voided"
    assert [row["state"] for row in await shop.books(ask.checkout_id)] == ["voided"]
    assert await shop.ledger(paid.id) == [("authorize", "pending", 259900), ("void", "voided", -259900)]


async def test_a_voided_payment_cannot_be_captured(shop: Any):
    ask = shop.ask(await shop.card())
    paid = await shop.payments.authorize(ask)
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled"))
    with pytest.raises(PaymentStateError):
        await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))


async def test_a_void_before_the_payment_forbids_it(shop: Any):
    ask = shop.ask(await shop.card())
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled"))
    with pytest.raises(PaymentStateError):
        await shop.payments.authorize(ask)
    assert await shop.books(ask.checkout_id) == []


async def test_a_tombstone_is_no_payment(shop: Any):
    attempt = new_id("att")
    await shop.payments.void(Void(attempt_id=attempt, reason="canceled"))
    with pytest.raises(NotFound):
        await shop.payments.of_attempt(AttemptPayment(attempt_id=attempt))


async def test_void_of_captured_money_gives_it_back(shop: Any):
    ask = shop.ask(await shop.card())
    paid = await shop.payments.authorize(ask)
    await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled"))
    assert (await shop.payments.payment(PaymentRef(payment_id=paid.id))).state == "refunded"
    assert [(row["captured"], row["refunded"]) for row in await shop.books(ask.checkout_id)] == [(259900, 259900)]


async def test_capture_and_void_at_once_agree_with_the_provider(shop: Any):
    asks = [shop.ask(await shop.card()) for _ in range(6)]
    for ask in asks:
        paid = await shop.payments.authorize(ask)
        await asyncio.gather(
            shop.payments.capture(Capture(payment_id=paid.id, request_id="a")),
            shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled")),
            return_exceptions=True,
        )
        await shop.rows("UPDATE payments.due SET at = now() WHERE payment_id = $1", paid.id)
    await shop.payments.finish_open()
    for ask in asks:
        ours = await shop.payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id))
        (theirs,) = await shop.books(ask.checkout_id)
        assert ours.state in ("voided", "refunded")
        assert (theirs["state"], theirs["captured"]) == (ours.state, ours.captured.amount)


async def test_a_refund_tells_and_posts(shop: Any):
    ask = shop.ask(await shop.card())
    paid = await shop.payments.authorize(ask)
    await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))
    back = await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="damaged", amount=Money(900)))
    assert (back.state, back.amount) == ("succeeded", Money(900))
    assert (await shop.payments.payment(PaymentRef(payment_id=paid.id))).state == "partially_refunded"
    assert (await shop.told(ask.attempt_id))[-1] == "PaymentRefunded"
    assert (await shop.ledger(paid.id))[-2:] == [("refund", "pending", -900), ("refund", "posted", -900)]


async def test_a_hundred_refunds_at_once_never_exceed_what_was_captured(shop: Any):
    ask = shop.ask(await shop.card(), 10_000)
    paid = await shop.payments.authorize(ask)
    await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))
    amounts = [6000, 3000, 1000, 700] * 25
    answers = await asyncio.gather(
        *(
            shop.payments.refund(Refund(payment_id=paid.id, request_id=f"r{i}", reason="x", amount=Money(amount)))
            for i, amount in enumerate(amounts)
        ),
        return_exceptions=True,
    )
    given = sum(answer.amount.amount for answer in answers if not isinstance(answer, Exception))
    refused = {type(answer) for answer in answers if isinstance(answer, Exception)}
    (theirs,) = await shop.books(ask.checkout_id)
    assert (theirs["refunded"], refused) == (given, {PaymentStateError})
    assert 9300 < given <= 10_000


@pytest.mark.parametrize(("method", "amount"), [(CashMethod(), 0), (CreditMethod(), -1)])
async def test_only_credit_pays_nothing_and_nobody_less(shop: Any, method: Any, amount: int):
    with pytest.raises(Invalid):
        await shop.payments.authorize(shop.ask(method, amount))


@pytest.mark.parametrize("amount", [0, -1, 2**63])
async def test_a_refund_of_nothing_or_less_is_invalid(shop: Any, amount: int):
    paid = await shop.payments.authorize(shop.ask(CashMethod()))
    with pytest.raises(Invalid):
        await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(amount)))


async def test_a_refund_in_another_currency_is_invalid(shop: Any):
    paid = await shop.payments.authorize(shop.ask(CashMethod()))
    with pytest.raises(Invalid):
        await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(1, "USD")))


async def test_a_repeated_refund_gives_back_once(shop: Any):
    ask = shop.ask(await shop.card())
    paid = await shop.payments.authorize(ask)
    await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))
    await shop.fault("refund", "drop_after")
    refund = Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(500))
    assert (await shop.payments.refund(refund)).state == "pending"
    assert (await shop.payments.refund(refund)).state == "succeeded"
    assert [row["refunded"] for row in await shop.books(ask.checkout_id)] == [500]


async def test_a_refund_that_fails_later_can_be_given_again(shop: Any):
    ask = shop.ask(await shop.card(), 1000)
    paid = await shop.payments.authorize(ask)
    await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))
    await shop.fault("refund", "fail")
    assert (await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="x"))).state == "pending"
    await shop.post("/sandbox/clock", {"advance_seconds": 3})
    failed = await shop.payments.payment(PaymentRef(payment_id=paid.id, confirm=True))
    assert (failed.state, failed.refunded) == ("captured", Money(0))
    assert (await shop.payments.refund(Refund(payment_id=paid.id, request_id="s", reason="x"))).state == "succeeded"


async def test_a_saved_card_pays_again_without_its_number(shop: Any):
    user = new_id("usr")
    await shop.payments.authorize(shop.ask(await shop.card(save=True), user_id=user))
    (saved,) = (await shop.payments.saved_cards(MethodsOf(user_id=user))).data
    again = await shop.payments.authorize(shop.ask((await shop.card()).__class__(token=saved.token), user_id=user))
    assert (saved.last4, again.state) == ("4242", "authorized")


async def test_another_users_saved_card_does_not_pay(shop: Any):
    user = new_id("usr")
    await shop.payments.authorize(shop.ask(await shop.card(save=True), user_id=user))
    (saved,) = (await shop.payments.saved_cards(MethodsOf(user_id=user))).data
    stolen = shop.ask((await shop.card()).__class__(token=saved.token), user_id=new_id("usr"))
    assert (await shop.payments.authorize(stolen)).decline_code == "card_token_unknown"
    assert await shop.books(stolen.checkout_id) == []


async def test_a_forgotten_card_is_gone_from_the_vault(shop: Any):
    user = new_id("usr")
    await shop.payments.authorize(shop.ask(await shop.card(save=True), user_id=user))
    (saved,) = (await shop.payments.saved_cards(MethodsOf(user_id=user))).data
    await shop.payments.forget_card(ForgetMethod(user_id=user, method_id=saved.id))
    assert (await shop.payments.saved_cards(MethodsOf(user_id=user))).data == []
    with pytest.raises(CardUnknown):
        await shop.vault.card(CardRef(token=saved.token))


async def test_a_card_saved_again_keeps_its_id_and_leaves_no_other_token_in_the_vault(shop: Any):
    user = new_id("usr")
    await shop.payments.authorize(shop.ask(await shop.card(save=True), user_id=user))
    (before,) = (await shop.payments.saved_cards(MethodsOf(user_id=user))).data
    await shop.payments.authorize(shop.ask(await shop.card(save=True), user_id=user))
    (after,) = (await shop.payments.saved_cards(MethodsOf(user_id=user))).data
    assert (after.id, after.token == before.token) == (before.id, False)
    assert (await shop.vault.card(CardRef(token=after.token))).last4 == "4242"
    with pytest.raises(CardUnknown):
        await shop.vault.card(CardRef(token=before.token))


async def test_a_vault_that_is_away_when_a_card_is_saved_again_forgets_the_old_token_later(shop: Any):
    user, vault = new_id("usr"), Away(shop.vault, "forget")
    payments = PaymentsService(PaymentStore(shop.database), shop.provider, vault)
    await payments.authorize(shop.ask(await shop.card(save=True), user_id=user))
    (before,) = (await payments.saved_cards(MethodsOf(user_id=user))).data
    again = await payments.authorize(shop.ask(await shop.card(save=True), user_id=user))
    (meanwhile,) = (await payments.saved_cards(MethodsOf(user_id=user))).data
    vault.dead.clear()
    await shop.sweep(again.id)
    (after,) = (await payments.saved_cards(MethodsOf(user_id=user))).data
    assert (meanwhile.token, after.id, after.token == before.token) == (before.token, before.id, False)
    with pytest.raises(CardUnknown):
        await shop.vault.card(CardRef(token=before.token))


async def test_a_card_that_two_payments_save_at_once_is_saved_under_one_token(shop: Any):
    user = new_id("usr")
    asks = [shop.ask(await shop.card(save=True), user_id=user) for _ in range(6)]
    paid = await asyncio.gather(*(shop.payments.authorize(ask) for ask in asks))
    for _ in paid:
        await shop.sweep(*(each.id for each in paid))
    (saved,) = (await shop.payments.saved_cards(MethodsOf(user_id=user))).data
    tokens = [ask.method.token for ask in asks]
    known = await asyncio.gather(*(shop.vault.card(CardRef(token=each)) for each in tokens), return_exceptions=True)
    assert [token for token, card in zip(tokens, known, strict=True) if isinstance(card, Card)] == [saved.token]


async def test_a_card_behind_three_d_secure_is_kept_once_it_succeeds(shop: Any):
    user = new_id("usr")
    ask = shop.ask(await shop.card("4000002760003184", save=True), user_id=user)
    waiting = await shop.payments.authorize(ask)
    async with shop.session.post(waiting.action.url, data={"outcome": "approve"}) as answer:
        assert answer.status == 200
    await shop.payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id))
    assert [card.last4 for card in (await shop.payments.saved_cards(MethodsOf(user_id=user))).data] == ["3184"]


async def test_a_foreign_users_payment_is_not_found(shop: Any):
    paid = await shop.payments.authorize(shop.ask(CashMethod(), user_id=new_id("usr")))
    with pytest.raises(NotFound):
        await shop.payments.payment(PaymentRef(payment_id=paid.id, user_id=new_id("usr")))
