"""What is Stripe's own: kept errors, searches that lag, currencies, saved cards, and no number in any log."""

from __future__ import annotations

import json
import logging

import pytest
from stripe import WebhookSignature

from haat.engines.payment_provider.stripe import StripeProvider
from haat.engines.payment_provider.stripe_cards import StripeCards
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.card_acquirer import CardPayment
from haat.ports.payment_provider import Answered, Refused, Unknown
from tests.engines.payment_provider.stripe_server import StripeServer
from tests.engines.payment_provider.worlds import (
    BACK,
    EXPIRES,
    MADE_FOR,
    SECRET,
    STRIPE_KEY,
    TIMEOUT,
    Book,
    StripeWorld,
)


async def test_an_error_kept_under_the_key_is_settled_by_looking(stripe_world: StripeWorld):
    reference = new_id("chk")
    payment_id, key = await stripe_world.hold(1000, reference), new_id("key")
    await stripe_world.order("capture", "500_after")
    lost = await stripe_world.provider.capture(key, payment_id, 1000)
    settled = await stripe_world.provider.capture(key, payment_id, 1000)
    assert (type(lost), type(settled), await stripe_world.book(reference)) == (Unknown, Answered, Book(1, 1000, 0))


@pytest.mark.parametrize("op", ["capture", "void"])
async def test_an_error_kept_without_an_effect_does_not_bury_what_can_happen_once_only(
    stripe_world: StripeWorld, stripe_server: StripeServer, op: str
):
    reference = new_id("chk")
    payment_id = await stripe_world.hold(1000, reference)
    provider = stripe_world.provider
    ask = {
        "capture": lambda: provider.capture("key-1", payment_id, 1000),
        "void": lambda: provider.void("key-1", payment_id),
    }[op]
    await stripe_world.order(op, "500_before")
    outcomes = [await ask() for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Unknown, Answered, Answered]
    assert {key for seen, key in stripe_server.seen if seen == op} == {"key-1", "key-1:again"}
    assert await stripe_world.book(reference) == Book(1, {"capture": 1000, "void": 0}[op], 0)


@pytest.mark.parametrize("op", ["capture", "void"])
async def test_two_errors_that_are_kept_stay_unknown(stripe_world: StripeWorld, stripe_server: StripeServer, op: str):
    payment_id = await stripe_world.hold()
    ask = {
        "capture": lambda: stripe_world.provider.capture("key-1", payment_id, 1000),
        "void": lambda: stripe_world.provider.void("key-1", payment_id),
    }[op]
    await stripe_world.order(op, "500_before")
    await stripe_world.order(op, "")
    await stripe_world.order(op, "500_before")
    outcomes = [await ask() for _ in range(3)]
    assert ([type(outcome) for outcome in outcomes], len({key for _, key in stripe_server.seen})) == ([Unknown] * 3, 4)


async def test_a_refund_whose_error_is_kept_is_never_given_under_another_key(
    stripe_world: StripeWorld, stripe_server: StripeServer
):
    payment_id = await stripe_world.hold()
    await stripe_world.provider.capture("key-1", payment_id, 1000)
    await stripe_world.order("refund", "500_before")
    outcomes = [await stripe_world.provider.refund("key-2", payment_id, 1000, "x") for _ in range(2)]
    assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown]
    assert [key for seen, key in stripe_server.seen if seen == "refund"] == ["key-2", "key-2"]


async def test_a_refund_is_not_given_twice_when_its_key_has_been_forgotten(
    stripe_world: StripeWorld, stripe_server: StripeServer
):
    reference = new_id("chk")
    payment_id = await stripe_world.hold(1000, reference)
    await stripe_world.provider.capture("key-1", payment_id, 1000)
    await stripe_world.order("refund", "drop_after")
    lost = await stripe_world.provider.refund("key-2", payment_id, 400, "x")
    # Stripe remembers a key for a day; a shop that was off over the weekend asks again on Monday.
    stripe_server.answers.clear()
    found = await stripe_world.provider.refund("key-2", payment_id, 400, "x")
    other = await stripe_world.provider.refund("key-2", payment_id, 300, "x")
    assert (type(lost), found.fact.refunds[-1].amount_minor, type(other)) == (Unknown, 400, Unknown)
    assert await stripe_world.book(reference) == Book(1, 1000, 400)


async def test_a_payment_with_more_refunds_than_come_with_it_is_told_whole(
    stripe_world: StripeWorld, stripe_server: StripeServer
):
    payment_id = await stripe_world.hold(1000)
    await stripe_world.provider.capture("key-1", payment_id, 1000)
    for part in range(12):
        await stripe_world.provider.refund(f"part-{part}", payment_id, 10 + part, "x")
    stripe_server.answers.clear()
    first = (await stripe_world.provider.refund("part-0", payment_id, 10, "x")).fact
    fetched = (await stripe_world.provider.fetch(payment_id)).fact
    assert (first.refunds[-1].amount_minor, [each.amount_minor for each in fetched.refunds]) == (10, [*range(10, 22)])


async def test_a_capture_that_somebody_else_made_is_not_taken_for_ours(stripe_world: StripeWorld):
    payment_id = await stripe_world.hold()
    await stripe_world.order("capture", "500_before")
    await stripe_world.provider.capture("ours", payment_id, 1000)
    await stripe_world.provider.capture("theirs", payment_id, 400)
    assert isinstance(await stripe_world.provider.capture("ours", payment_id, 1000), Unknown)


async def test_a_search_that_lags_is_declared(stripe_world: StripeWorld, stripe_server: StripeServer):
    reference = new_id("chk")
    await stripe_world.hold(1000, reference)
    stripe_server.searchable = False
    assert await stripe_world.provider.find(reference) == []
    assert stripe_world.provider.abilities.find_lag.total_seconds() == 900


async def test_where_no_search_is_offered_the_day_is_looked_through(
    stripe_world: StripeWorld, stripe_server: StripeServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("haat.engines.payment_provider.stripe.PAGE", 2)
    stripe_server.searches_offered = False
    reference = new_id("chk")
    ours = [await stripe_world.hold(1000, reference) for _ in range(2)]
    for _ in range(3):
        await stripe_world.hold()
    found = await stripe_world.provider.find(reference)
    assert [fact.id for fact in found] == ours
    assert await stripe_world.provider.find(new_id("chk")) == []


async def test_more_payments_than_can_be_looked_through_are_no_proof(
    stripe_world: StripeWorld, stripe_server: StripeServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("haat.engines.payment_provider.stripe.PAGE", 1)
    monkeypatch.setattr("haat.engines.payment_provider.stripe.LOOK_PAGES", 2)
    stripe_server.searches_offered = False
    for _ in range(3):
        await stripe_world.hold()
    assert isinstance(await stripe_world.provider.find(new_id("chk")), Unknown)


@pytest.mark.parametrize("key", ["sk_test_revoked", "sk_test_of_another_shop"])
async def test_a_key_that_is_not_accepted_says_nothing_about_the_payment(stripe_server: StripeServer, key: str):
    provider = StripeProvider(key, [], "INR", timeout_seconds=TIMEOUT, url=stripe_server.url)
    outcomes = [await provider.fetch("pi_1"), await provider.capture("k", "pi_1", 1), await provider.void("k", "pi_1")]
    await provider.close()
    assert {type(outcome) for outcome in outcomes} == {Unknown}


@pytest.mark.parametrize(
    ("currency", "amount", "wire"),
    [("JPY", 500, 500), ("INR", 500, 500), ("KWD", 5120, 5120), ("ISK", 5, 500), ("RSD", 7, 700)],
)
async def test_amounts_go_out_and_come_back_in_each_currencys_own_decimals(
    stripe_server: StripeServer, currency: str, amount: int, wire: int
):
    world = StripeWorld(stripe_server.url, stripe_server, currency)
    payment = CardPayment(new_id("chk"), Money(amount, currency), "manual", BACK)
    held = world.provider.read(*await world.cards.charge(new_id("key"), payment, MADE_FOR["good"] | EXPIRES))
    taken = await world.provider.capture(new_id("key"), held.fact.id, amount)
    given = await world.provider.refund(new_id("ref"), held.fact.id, amount, "x")
    await world.close()
    assert (stripe_server.intents[held.fact.id]["amount"], held.fact.amount) == (wire, Money(amount, currency))
    assert (taken.fact.captured_minor, given.fact.refunds[-1].amount_minor) == (amount, amount)
    assert stripe_server.intents[held.fact.id]["amount_received"] == wire


async def test_what_cannot_be_told_exactly_is_refused_before_it_is_asked(stripe_server: StripeServer):
    world = StripeWorld(stripe_server.url, stripe_server, "KWD")
    payment = CardPayment(new_id("chk"), Money(5121, "KWD"), "manual", BACK)
    outcome = world.provider.read(*await world.cards.charge(new_id("key"), payment, MADE_FOR["good"] | EXPIRES))
    refund = await world.provider.refund(new_id("ref"), "pi_1", 1, "x")
    await world.close()
    assert [outcome.code, refund.code] == ["amount_not_representable"] * 2
    assert (type(outcome), stripe_server.seen) == (Refused, [])


async def test_a_kept_card_pays_again_as_one_customers_method(stripe_world: StripeWorld, stripe_server: StripeServer):
    once = CardPayment(new_id("chk"), Money(1000), "manual", BACK, keep=True)
    _, body = await stripe_world.cards.charge(new_id("key"), once, MADE_FOR["good"] | EXPIRES)
    kept = {"type": "network_token", "token": body["network_token"]}
    states = []
    for _ in range(2):
        again = CardPayment(new_id("chk"), Money(500), "manual", BACK)
        status, paid = await stripe_world.cards.charge(new_id("key"), again, kept)
        states.append((status, paid["state"]))
    assert states == [(200, "authorized")] * 2
    assert [op for op, _ in stripe_server.seen].count("customer") == 1


async def test_a_card_that_is_not_kept_leaves_no_token(stripe_world: StripeWorld):
    payment = CardPayment(new_id("chk"), Money(1000), "manual", BACK)
    _, body = await stripe_world.cards.charge(new_id("key"), payment, MADE_FOR["good"] | EXPIRES)
    assert "network_token" not in body


@pytest.mark.parametrize(
    "mode", ["drop_before", "drop_after", "500_after", pytest.param("stall", marks=pytest.mark.slow), ""]
)
async def test_no_card_number_is_written_anywhere(stripe_world: StripeWorld, caplog, capfd, monkeypatch, mode: str):
    monkeypatch.setattr("stripe.log", "debug")
    caplog.set_level(logging.DEBUG)
    await stripe_world.cards.start()
    await stripe_world.order("authorise", mode)
    said = ""
    try:
        payment = CardPayment(new_id("chk"), Money(1000), "manual", BACK)
        _, body = await stripe_world.cards.charge(new_id("key"), payment, MADE_FOR["good"] | EXPIRES)
        said = json.dumps(body)
    except Unavailable as lost:
        said = repr(lost) + repr(lost.__context__) + repr(lost.__cause__)
    assert "4242424242" not in caplog.text + "".join(capfd.readouterr()) + said


async def test_the_official_signature_is_the_one_that_is_accepted(stripe_world: StripeWorld):
    body = await stripe_world.notice(await stripe_world.hold())
    header = WebhookSignature.generate_signature_header(body.decode(), SECRET)
    assert stripe_world.provider.verify(body, {"stripe-signature": header}) is not None


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("charge.refunded", {"object": "charge", "payment_intent": "pi_1", "amount": 5}),
        ("refund.updated", {"object": "refund", "payment_intent": "pi_1"}),
        ("charge.dispute.created", {"object": "dispute", "payment_intent": "pi_1"}),
    ],
)
async def test_notices_about_a_part_say_whom_to_ask_about(stripe_world: StripeWorld, kind: str, about: dict):
    body = json.dumps({"id": "evt_7", "object": "event", "type": kind, "data": {"object": about}}).encode()
    notice = stripe_world.provider.verify(body, stripe_world.signed(body))
    assert (notice.id, notice.fact, notice.payment_id) == ("evt_7", None, "pi_1")


async def test_a_notice_of_a_connected_account_is_about_nothing_of_ours(stripe_world: StripeWorld):
    told = json.loads(await stripe_world.notice(await stripe_world.hold())) | {"account": "acct_2"}
    body = json.dumps(told).encode()
    notice = stripe_world.provider.verify(body, stripe_world.signed(body))
    assert (notice.fact, notice.payment_id) == (None, None)


async def test_a_payment_on_behalf_of_another_account_is_told_as_foreign(stripe_world: StripeWorld):
    told = json.loads(await stripe_world.notice(await stripe_world.hold()))
    told["data"]["object"]["on_behalf_of"] = "acct_2"
    body = json.dumps(told).encode()
    assert stripe_world.provider.verify(body, stripe_world.signed(body)).fact.foreign_merchant == "acct_2"


@pytest.mark.parametrize("header", ["", "t=,v1=", "t=abc,v1=00", "v1=00", "t=99999999999999999999,v1=00", "t=²,v1=é"])
async def test_a_broken_signature_header_is_not_believed(stripe_world: StripeWorld, header: str):
    assert stripe_world.provider.verify(b"{}", {"Stripe-Signature": header}) is None


async def test_without_a_place_to_return_to_the_shops_own_is_named(stripe_server: StripeServer):
    cards = StripeCards(STRIPE_KEY, BACK, timeout_seconds=TIMEOUT, url=stripe_server.url)
    payment = CardPayment(new_id("chk"), Money(1000), "manual")
    _, body = await cards.charge(new_id("key"), payment, MADE_FOR["challenged"] | EXPIRES)
    await cards.close()
    assert body["next_action"]["redirect_to_url"]["url"][:30] == "https://hooks.stripe.example/p"


async def test_payouts_that_come_back_and_charges_of_its_own_are_told(
    stripe_world: StripeWorld, stripe_server: StripeServer
):
    line = {"currency": "inr", "fee": 0, "created": int(stripe_world.window[0].timestamp()) + 1, "source": None}
    kinds = [("payout", -900), ("payout_failure", 900), ("payout_cancel", 300), ("stripe_fee", -20), ("tax_fee", -4)]
    stripe_server.lines += [line | {"id": kind, "type": kind, "amount": amount} for kind, amount in kinds]
    moved = {row.id: (row.kind, row.amount.amount) async for row in stripe_world.provider.report(*stripe_world.window)}
    assert moved == {
        "payout": ("settlement", -900),
        "payout_failure": ("settlement", 900),
        "payout_cancel": ("settlement", 300),
        "stripe_fee": ("fee", -20),
        "tax_fee": ("fee", -4),
    }
