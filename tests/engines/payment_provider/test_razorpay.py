"""What is Razorpay's own: orders that stand in for keys, late banks, threads, and no card number in any log."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
import razorpay

from haat.engines.payment_provider.razorpay import RazorpayProvider
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.card_acquirer import CardPayment
from haat.ports.payment_provider import Answered, PaymentAsk, Refused, Unknown
from tests.engines.payment_provider.razorpay_server import NOW, RazorpayServer
from tests.engines.payment_provider.worlds import (
    BACK,
    EXPIRES,
    HASTY,
    MADE_FOR,
    PAYER,
    RAZORPAY_KEY,
    SECRET,
    TIMEOUT,
    Book,
    RazorpayWorld,
)


def upi(reference: str = "", flow: str = "qr") -> PaymentAsk:
    return PaymentAsk(reference or new_id("chk"), Money(1000), {"type": "upi", "flow": flow}, BACK)


@pytest.mark.parametrize(("flow", "kind"), [("qr", "upi_qr"), ("intent", "upi_intent")])
async def test_upi_by_intent_and_by_code_pay_the_same_order(razorpay_world: RazorpayWorld, flow: str, kind: str):
    outcome = await razorpay_world.provider.authorise(new_id("key"), upi(flow=flow))
    action = outcome.fact.action
    assert (action.type, action.upi_uri[:10], outcome.fact.id[:6]) == (kind, "upi://pay?", "order_")


async def test_a_wallet_is_paid_on_its_own_page(razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer):
    ask = PaymentAsk(new_id("chk"), Money(1000), {"type": "wallet", "provider": "mobikwik"}, BACK)
    outcome = await razorpay_world.provider.authorise(new_id("key"), ask)
    action = outcome.fact.action
    assert (outcome.fact.state, action.type, action.url[:8]) == ("requires_action", "wallet_redirect", "https://")
    assert (razorpay_server.asked[-1]["wallet"], razorpay_server.asked[-1]["callback_url"]) == ("mobikwik", BACK)


async def test_an_answer_that_was_lost_is_asked_for_again_within_the_same_order(
    razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer
):
    ask, key = upi(), new_id("key")
    await razorpay_world.order("authorise", "drop_after")
    lost = await razorpay_world.provider.authorise(key, ask)
    again = await razorpay_world.provider.authorise(key, ask)
    assert (type(lost), again.fact.action.upi_uri[:6]) == (Unknown, "upi://")
    assert (len(razorpay_server.orders), len(razorpay_server.payments)) == (1, 2)


@pytest.mark.parametrize(("fate", "state"), [("approve", "authorized"), ("fail", "declined")])
async def test_an_attempt_that_decided_something_is_not_followed_by_another(
    razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer, fate: str, state: str
):
    ask, key = upi(), new_id("key")
    first = await razorpay_world.provider.authorise(key, ask)
    getattr(razorpay_server, fate)(first.fact.id)
    again = await razorpay_world.provider.authorise(key, ask)
    assert (again.fact.id, again.fact.state, len(razorpay_server.payments)) == (first.fact.id, state, 1)


async def test_an_order_whose_answer_was_lost_is_found_again(
    razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer
):
    ask, key = upi(), new_id("key")
    await razorpay_world.order("order", "drop_after")
    lost = await razorpay_world.provider.authorise(key, ask)
    found = await razorpay_world.provider.find(ask.reference)
    again = await razorpay_world.provider.authorise(key, ask)
    assert (type(lost), found, type(again), len(razorpay_server.orders)) == (Unknown, [], Answered, 1)


async def test_a_refused_payment_may_be_authorised_later(razorpay_world: RazorpayWorld):
    payment_id = await razorpay_world.hold()
    await razorpay_world.fail(payment_id)
    refused = await razorpay_world.provider.fetch(payment_id)
    await razorpay_world.approve(payment_id)
    late = await razorpay_world.provider.fetch(payment_id)
    assert (refused.fact.state, refused.fact.decline_code, late.fact.state) == (
        "declined",
        "payment_failed",
        "authorized",
    )


async def test_a_hold_says_until_when_it_can_be_captured(
    razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer
):
    held = (await razorpay_world.provider.fetch(await razorpay_world.hold())).fact
    (order,) = [ask for ask in razorpay_server.asked if "receipt" in ask and "payment" in ask]
    assert order["payment"]["capture"] == "manual"
    assert order["payment"]["capture_options"] == {"manual_expiry_period": 4320, "refund_speed": "normal"}
    assert held.capture_before.timestamp() == NOW + 3 * 86_400


@pytest.mark.parametrize("key", ["ref_1", "pay_1:refund:2", "a/b c", "ref_01m8j70472efeacn0zme2nrsd1"])
async def test_a_refunds_key_has_the_form_that_is_wanted(
    razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer, key: str
):
    reference = new_id("chk")
    payment_id = await razorpay_world.hold(1000, reference)
    await razorpay_world.provider.capture(new_id("key"), payment_id, 1000)
    outcomes = [await razorpay_world.provider.refund(key, payment_id, 400, "x") for _ in range(2)]
    assert ({type(each) for each in outcomes}, await razorpay_world.book(reference)) == ({Answered}, Book(1, 1000, 400))


async def test_a_payment_with_more_refunds_than_a_page_is_told_whole(razorpay_world: RazorpayWorld):
    payment_id = await razorpay_world.hold(1000)
    await razorpay_world.provider.capture("key-1", payment_id, 1000)
    for part in range(12):
        await razorpay_world.provider.refund(f"part-number-{part}", payment_id, 10 + part, "x")
    first = (await razorpay_world.provider.refund("part-number-0", payment_id, 10, "x")).fact
    fetched = (await razorpay_world.provider.fetch(payment_id)).fact
    assert (first.refunds[-1].amount_minor, [each.amount_minor for each in fetched.refunds]) == (10, [*range(10, 22)])


@pytest.mark.parametrize("amount", [400, 1000])
async def test_a_refund_is_not_given_twice_when_its_key_has_been_forgotten(
    razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer, amount: int
):
    reference = new_id("chk")
    payment_id = await razorpay_world.hold(1000, reference)
    await razorpay_world.provider.capture("key-1", payment_id, 1000)
    await razorpay_world.order("refund", "drop_after")
    lost = await razorpay_world.provider.refund("ref_the_same", payment_id, amount, "x")
    # Razorpay promises no time for which it remembers a key.
    razorpay_server.refund_keys.clear()
    found = await razorpay_world.provider.refund("ref_the_same", payment_id, amount, "x")
    other = await razorpay_world.provider.refund("ref_the_same", payment_id, 300, "x")
    assert (type(lost), found.fact.refunds[-1].amount_minor, type(other)) == (Unknown, amount, Unknown)
    assert await razorpay_world.book(reference) == Book(1, 1000, amount)


async def test_a_refunds_key_used_for_another_amount_is_not_a_refusal(razorpay_world: RazorpayWorld):
    payment_id = await razorpay_world.hold()
    await razorpay_world.provider.capture(new_id("key"), payment_id, 1000)
    await razorpay_world.provider.refund("ref_the_same", payment_id, 400, "x")
    assert isinstance(await razorpay_world.provider.refund("ref_the_same", payment_id, 300, "x"), Unknown)


@pytest.mark.parametrize("login", [("rzp_test_conformance", "wrong"), ("rzp_test_other", "its-secret")])
async def test_a_key_that_is_not_accepted_says_nothing_about_the_payment(razorpay_server: RazorpayServer, login):
    provider = RazorpayProvider(*login, [], PAYER, timeout_seconds=TIMEOUT, url=razorpay_server.url)
    outcomes = [await provider.authorise("k", upi()), await provider.fetch("order_1"), await provider.find("chk_1")]
    await provider.close()
    assert {type(outcome) for outcome in outcomes} == {Unknown}


@pytest.mark.parametrize(("currency", "amount", "wire"), [("JPY", 500, 500), ("KWD", 5120, 5120), ("USD", 199, 199)])
async def test_amounts_go_out_and_come_back_in_each_currencys_own_decimals(
    razorpay_server: RazorpayServer, currency: str, amount: int, wire: int
):
    provider = RazorpayProvider(*RAZORPAY_KEY, [], PAYER, currency, timeout_seconds=TIMEOUT, url=razorpay_server.url)
    ask = PaymentAsk(new_id("chk"), Money(amount, currency), {"type": "wallet", "provider": "paypal"}, BACK)
    asked = await provider.authorise(new_id("key"), ask)
    razorpay_server.approve(asked.fact.id)
    taken = await provider.capture(new_id("key"), asked.fact.id, amount)
    await provider.close()
    assert (razorpay_server.newest(asked.fact.id)["amount"], taken.fact.amount) == (wire, Money(amount, currency))


@pytest.mark.parametrize("amount", [Money(5121, "KWD"), Money(500, "INR"), Money(500, "XYZ")])
async def test_what_cannot_be_told_exactly_is_refused_before_it_is_asked(
    razorpay_server: RazorpayServer, amount: Money
):
    provider = RazorpayProvider(*RAZORPAY_KEY, [], PAYER, "KWD", timeout_seconds=TIMEOUT, url=razorpay_server.url)
    ask = PaymentAsk(new_id("chk"), amount, {"type": "wallet", "provider": "paypal"}, BACK)
    outcome = await provider.authorise(new_id("key"), ask)
    await provider.close()
    assert (type(outcome), outcome.code, razorpay_server.seen) == (Refused, "amount_not_representable", [])


async def test_a_question_by_the_bank_is_no_dispute(razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer):
    payment_id = await razorpay_world.hold()
    await razorpay_world.provider.capture(new_id("key"), payment_id, 1000)
    razorpay_server.dispute(payment_id, "open", phase="retrieval")
    assert (await razorpay_world.provider.fetch(payment_id)).fact.dispute is None


@pytest.mark.slow
async def test_a_call_that_hangs_holds_up_nobody_else(razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer):
    hasty = RazorpayProvider(*RAZORPAY_KEY, [], PAYER, timeout_seconds=HASTY, url=razorpay_server.url)
    payment_id = await razorpay_world.hold()
    await razorpay_world.order("read", "stall")
    hanging = asyncio.create_task(hasty.fetch(payment_id))
    turns = 0
    while not hanging.done():
        await asyncio.sleep(0.01)
        turns += 1
    await hasty.close()
    assert (type(await hanging), turns > 3) == (Unknown, True)


@pytest.mark.parametrize(
    "mode", ["drop_before", "drop_after", "500_after", pytest.param("stall", marks=pytest.mark.slow), ""]
)
async def test_no_card_number_is_written_anywhere(razorpay_world: RazorpayWorld, caplog, capfd, mode: str):
    caplog.set_level(logging.DEBUG)
    await razorpay_world.order("authorise", mode)
    said = ""
    try:
        payment = CardPayment(new_id("chk"), Money(1000), "manual", BACK)
        _, body = await razorpay_world.cards.charge(new_id("key"), payment, MADE_FOR["good"] | EXPIRES)
        said = json.dumps(body, default=str)
    except Unavailable as lost:
        said = repr(lost) + repr(lost.__context__) + repr(lost.__cause__)
    written = capfd.readouterr()
    assert "4242424242" not in caplog.text + written.out + written.err + said
    assert written.out == ""


async def test_a_kept_card_cannot_pay_and_is_refused_without_being_asked_for(
    razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer
):
    payment = CardPayment(new_id("chk"), Money(1000), "manual", BACK)
    outcome = razorpay_world.provider.read(
        *await razorpay_world.cards.charge(new_id("key"), payment, {"type": "network_token", "token": "t"})
    )
    assert (outcome.code, razorpay_server.seen) == ("method_not_offered", [])


async def test_the_official_client_signs_as_we_verify(razorpay_world: RazorpayWorld):
    body = await razorpay_world.notice(await razorpay_world.hold())
    signature = razorpay_world.signed(body)["X-Razorpay-Signature"]
    official = razorpay.Client(auth=RAZORPAY_KEY).utility
    assert official.verify_webhook_signature(body.decode(), signature, SECRET) is True
    assert razorpay_world.provider.verify(body, {"x-razorpay-signature": signature}) is not None


@pytest.mark.parametrize("kind", ["refund.processed", "refund.failed", "payment.dispute.created"])
async def test_notices_about_a_part_say_whom_to_ask_about(razorpay_world: RazorpayWorld, kind: str):
    payment_id = await razorpay_world.hold()
    body = (await razorpay_world.notice(payment_id)).replace(b"payment.told", kind.encode())
    notice = razorpay_world.provider.verify(body, razorpay_world.signed(body))
    assert (notice.fact, notice.payment_id, notice.type) == (None, payment_id, kind)


@pytest.mark.parametrize(("account", "ours"), [("acc_1", True), ("acc_2", False), ("", False)])
async def test_a_notice_of_another_account_is_about_nothing_of_ours(
    razorpay_world: RazorpayWorld, account: str, ours: bool
):
    payment_id = await razorpay_world.hold()
    body = json.dumps(json.loads(await razorpay_world.notice(payment_id)) | {"account_id": account}).encode()
    provider = RazorpayProvider("id", "secret", [SECRET], PAYER, account_id="acc_1")
    notice = provider.verify(body, razorpay_world.signed(body))
    await provider.close()
    assert notice.payment_id == {True: payment_id, False: None}[ours]


async def test_the_same_notice_has_the_same_name_whatever_its_unsigned_headers_say(razorpay_world: RazorpayWorld):
    body = await razorpay_world.notice(await razorpay_world.hold())
    named = [
        razorpay_world.provider.verify(body, razorpay_world.signed(body) | {"x-razorpay-event-id": event})
        for event in ("evt_1", "evt_2")
    ]
    assert len({notice.id for notice in named}) == 1


async def test_what_a_settlement_pays_out_is_told_as_one_payout(
    razorpay_world: RazorpayWorld, razorpay_server: RazorpayServer
):
    for amount in (1000, 500):
        payment_id = await razorpay_world.hold(amount)
        await razorpay_world.provider.capture(f"key-{amount}", payment_id, amount)
    await razorpay_world.provider.refund("ref_the_first", payment_id, 400, "x")
    moved = [row async for row in razorpay_world.provider.report(*razorpay_world.window)]
    payouts = [(row.amount, row.fee, row.payment_id, row.id[:5]) for row in moved if row.kind == "settlement"]
    # 1000 and 500 less a fiftieth each, less what went back.
    assert payouts == [(Money(-1070), Money(0), None, "setl_")]
    assert sum(row.amount.amount - row.fee.amount for row in moved) == 0
