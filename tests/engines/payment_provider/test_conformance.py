"""One suite for every provider: the same questions, and openly which engine cannot be asked some of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.payment_provider import Answered, PaymentAsk, PaymentFact, Refused, Unknown
from tests.engines.payment_provider.worlds import (
    ABILITIES,
    BACK,
    ENGINES,
    OLD_SECRET,
    Book,
    World,
    able,
    offering,
    unable,
)

BEFORE = ["drop_before", "reset_before", "500_before"]
# Waiting for time to run out is slow by nature.
STALL = pytest.param("stall", marks=pytest.mark.slow)
AFTER = ["drop_after", "reset_after", "500_after", STALL]


def only(engines: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("world", engines, indirect=True)


def fact(outcome: object) -> PaymentFact:
    assert isinstance(outcome, Answered), outcome
    return outcome.fact


def test_what_each_engine_lacks_is_said_openly():
    names = ("partial_capture", "multiple_captures", "void", "report", "signed_time")
    assert {name: unable(name) for name in names} == {
        "partial_capture": ["razorpay"],
        "multiple_captures": ["stripe", "razorpay"],
        "void": ["razorpay"],
        "report": [],
        "signed_time": ["razorpay"],
    }
    assert {name: sorted(abilities.methods) for name, abilities in ABILITIES.items()} == {
        "sandbox": ["card", "network_token", "upi", "wallet"],
        "stripe": ["card", "network_token", "upi"],
        "razorpay": ["card", "upi", "wallet"],
    }


# Authorising


async def test_a_held_payment_is_the_one_that_was_asked_for(world: World):
    reference = new_id("chk")
    payment_id = await world.hold(1234, reference)
    held = fact(await world.provider.fetch(payment_id))
    assert (held.id, held.reference, held.amount, held.state) == (payment_id, reference, Money(1234), "authorized")
    assert (held.captured_minor, held.refunds, await world.book(reference)) == (0, (), Book(1, 0, 0))


# Razorpay tells the card only to those who ask for it by a call of its own.
@only(offering("network_token"))
async def test_the_card_is_told_by_brand_and_last_digits(world: World):
    held = fact(await world.provider.fetch(await world.hold()))
    assert ((held.brand or "").lower(), held.last4) == ("visa", "4242")


async def test_a_declined_card_is_no_success_and_says_why(world: World):
    reference = new_id("chk")
    outcome = await world.charge("declined", reference=reference)
    code = outcome.code if isinstance(outcome, Refused) else fact(outcome).decline_code
    state = "declined" if isinstance(outcome, Refused) else fact(outcome).state
    assert (bool(code), state) == (True, "declined")
    assert (await world.book(reference))[1:] == (0, 0)


async def test_a_challenge_says_where_to_go_and_holds_nothing_yet(world: World):
    asked = fact(await world.charge("challenged"))
    assert asked.action is not None
    assert (asked.state, asked.action.type, asked.action.url[:4]) == ("requires_action", "three_d_secure", "http")
    assert asked.action.expires_at.tzinfo is not None


async def test_a_challenge_that_is_met_holds_the_money(world: World):
    asked = fact(await world.charge("challenged"))
    await world.approve(asked.id)
    held = fact(await world.provider.fetch(asked.id))
    assert (held.state, held.action) == ("authorized", None)


async def test_a_challenge_that_is_failed_is_a_decline(world: World):
    asked = fact(await world.charge("challenged"))
    await world.fail(asked.id)
    failed = fact(await world.provider.fetch(asked.id))
    assert (failed.state, bool(failed.decline_code)) == ("declined", True)


async def test_the_vault_reads_the_state_in_the_words_of_the_port(world: World):
    payment_id = await world.hold()
    status, body = await world.cards.fetch(payment_id)
    assert (status, body["state"]) == (200, "authorized")


async def test_the_same_key_has_one_effect(world: World):
    reference, key = new_id("chk"), new_id("key")
    first = fact(await world.charge(reference=reference, key=key))
    again = fact(await world.charge(reference=reference, key=key))
    assert (first.id, (await world.book(reference)).payments) == (again.id, 1)


async def test_a_key_used_for_something_else_is_not_a_refusal(world: World):
    reference, key = new_id("chk"), new_id("key")
    await world.charge(reference=reference, key=key)
    outcome = await world.charge(amount=2000, reference=reference, key=key)
    assert (type(outcome), (await world.book(reference)).payments) == (Unknown, 1)


@only(offering("upi"))
async def test_upi_tells_the_shopper_what_to_do(world: World):
    ask = PaymentAsk(new_id("chk"), Money(1000), {"type": "upi", "flow": "qr"}, BACK)
    asked = fact(await world.provider.authorise(new_id("key"), ask))
    assert asked.action is not None
    assert (asked.state, asked.reference, asked.amount) == ("requires_action", ask.reference, Money(1000))
    assert (asked.action.type, bool(asked.action.url)) == (world.upi_action, True)


@only([name for name in ENGINES if name != "sandbox"])
async def test_a_method_that_is_not_offered_is_refused(world: World):
    ask = PaymentAsk(new_id("chk"), Money(1000), {"type": "upi", "vpa": "asha@bank"}, BACK)
    assert isinstance(await world.provider.authorise(new_id("key"), ask), Refused)
    assert await world.book(ask.reference) == Book(0, 0, 0)


# Taking


async def test_a_capture_takes_the_money_once(world: World):
    reference, key = new_id("chk"), new_id("key")
    payment_id = await world.hold(1000, reference)
    first = fact(await world.provider.capture(key, payment_id, 1000))
    again = fact(await world.provider.capture(key, payment_id, 1000))
    assert (first.state, first.captured_minor, again) == ("captured", 1000, first)
    assert await world.book(reference) == Book(1, 1000, 0)


@pytest.mark.parametrize("amount", [1001, 0, -1])
async def test_more_than_is_held_or_nothing_is_refused(world: World, amount: int):
    reference = new_id("chk")
    payment_id = await world.hold(1000, reference)
    assert isinstance(await world.provider.capture(new_id("key"), payment_id, amount), Refused)
    assert await world.book(reference) == Book(1, 0, 0)


@only(able("partial_capture"))
async def test_a_part_can_be_captured(world: World):
    reference = new_id("chk")
    payment_id = await world.hold(1000, reference)
    part = fact(await world.provider.capture(new_id("key"), payment_id, 400))
    assert (part.captured_minor, part.amount, await world.book(reference)) == (400, Money(1000), Book(1, 400, 0))


@only(unable("partial_capture"))
async def test_a_part_is_refused_where_only_the_whole_can_be_taken(world: World):
    reference = new_id("chk")
    payment_id = await world.hold(1000, reference)
    assert isinstance(await world.provider.capture(new_id("key"), payment_id, 400), Refused)
    assert await world.book(reference) == Book(1, 0, 0)


@only(able("multiple_captures"))
async def test_the_rest_can_be_captured_later(world: World):
    payment_id = await world.hold(1000)
    await world.provider.capture(new_id("key"), payment_id, 400)
    assert fact(await world.provider.capture(new_id("key"), payment_id, 600)).captured_minor == 1000


@only(unable("multiple_captures"))
async def test_a_second_capture_takes_nothing(world: World):
    reference = new_id("chk")
    payment_id = await world.hold(1000, reference)
    await world.provider.capture(new_id("key"), payment_id, 1000)
    await world.provider.capture(new_id("key"), payment_id, 1000)
    assert (await world.book(reference)).captured == 1000
    assert fact(await world.provider.fetch(payment_id)).captured_minor == 1000


# Letting go


@only(able("void"))
async def test_a_void_ends_the_hold(world: World):
    payment_id = await world.hold()
    voided = fact(await world.provider.void(new_id("key"), payment_id))
    late = await world.provider.capture(new_id("key"), payment_id, 1000)
    assert (voided.state, type(late)) == ("voided", Refused)


@only(unable("void"))
async def test_a_hold_that_cannot_be_voided_stays_and_goes_back_by_itself(world: World):
    payment_id = await world.hold()
    refused = await world.provider.void(new_id("key"), payment_id)
    held = fact(await world.provider.fetch(payment_id))
    await world.lapse(payment_id)
    gone = fact(await world.provider.fetch(payment_id))
    assert (type(refused), held.state, gone.state) == (Refused, "authorized", "lapsed")


async def test_what_was_captured_cannot_be_voided(world: World):
    reference = new_id("chk")
    payment_id = await world.hold(1000, reference)
    await world.provider.capture(new_id("key"), payment_id, 1000)
    assert isinstance(await world.provider.void(new_id("key"), payment_id), Refused)
    assert await world.book(reference) == Book(1, 1000, 0)


async def test_a_hold_that_ran_out_has_lapsed(world: World):
    payment_id = await world.hold()
    await world.lapse(payment_id)
    assert fact(await world.provider.fetch(payment_id)).state == "lapsed"


# Giving back


async def captured(world: World, reference: str = "") -> str:
    payment_id = await world.hold(1000, reference)
    await world.provider.capture(new_id("key"), payment_id, 1000)
    return payment_id


async def test_refunds_come_in_parts_and_the_last_is_ours(world: World):
    reference = new_id("chk")
    payment_id = await captured(world, reference)
    await world.provider.refund(new_id("ref"), payment_id, 400, "damaged")
    after = fact(await world.provider.refund(new_id("ref"), payment_id, 250, "late"))
    assert (after.state, after.captured_minor) == ("captured", 1000)
    assert ([refund.amount_minor for refund in after.refunds], after.refunds[-1].state) == ([400, 250], "succeeded")
    assert await world.book(reference) == Book(1, 1000, 650)


async def test_a_refund_under_the_same_key_is_given_once(world: World):
    reference, key = new_id("chk"), new_id("ref")
    payment_id = await captured(world, reference)
    first = fact(await world.provider.refund(key, payment_id, 400, "damaged"))
    await world.provider.refund(new_id("ref"), payment_id, 100, "late")
    again = fact(await world.provider.refund(key, payment_id, 400, "damaged"))
    assert (first.refunds[-1], await world.book(reference)) == (again.refunds[-1], Book(1, 1000, 500))


@pytest.mark.parametrize("amount", [1001, 0, -1])
async def test_more_than_was_captured_or_nothing_is_not_given_back(world: World, amount: int):
    reference = new_id("chk")
    payment_id = await captured(world, reference)
    assert isinstance(await world.provider.refund(new_id("ref"), payment_id, amount, "x"), Refused)
    assert await world.book(reference) == Book(1, 1000, 0)


async def test_a_refund_that_fails_later_is_told(world: World):
    payment_id = await captured(world)
    await world.refund_that_fails(payment_id, 300)
    assert [refund.state for refund in fact(await world.provider.fetch(payment_id)).refunds] == ["failed"]


async def test_a_dispute_is_told_with_what_is_at_stake(world: World):
    payment_id = await captured(world)
    await world.dispute(payment_id, "opened")
    opened = fact(await world.provider.fetch(payment_id))
    await world.dispute(payment_id, "won")
    won = fact(await world.provider.fetch(payment_id))
    assert (opened.dispute, opened.disputed_minor) == ("opened", 1000)
    assert (won.dispute, won.disputed_minor) == ("won", 0)


# Faults


async def capture(world: World, payment_id: str, key: str) -> object:
    return await world.provider.capture(key, payment_id, 1000)


async def void(world: World, payment_id: str, key: str) -> object:
    return await world.provider.void(key, payment_id)


async def refund(world: World, payment_id: str, key: str) -> object:
    return await world.provider.refund(key, payment_id, 400, "damaged")


async def held(world: World, reference: str) -> str:
    return await world.hold(1000, reference)


ON_A_PAYMENT = [
    ("capture", held, capture, Book(1, 1000, 0)),
    ("refund", captured, refund, Book(1, 1000, 400)),
]


@pytest.mark.parametrize("mode", [*BEFORE[:2], *AFTER])
@pytest.mark.parametrize(("op", "prepare", "act", "book"), ON_A_PAYMENT)
async def test_a_lost_answer_is_unknown_and_settled_under_the_same_key(
    world: World, op: str, prepare: Any, act: Any, book: Book, mode: str
):
    reference, key = new_id("chk"), new_id("key")
    payment_id = await prepare(world, reference)
    await world.order(op, mode)
    lost = await act(world, payment_id, key)
    settled = await act(world, payment_id, key)
    assert (type(lost), type(settled), await world.book(reference)) == (Unknown, Answered, book)


@only(able("void"))
@pytest.mark.parametrize("mode", [*BEFORE[:2], *AFTER])
async def test_a_lost_void_is_unknown_and_settled_under_the_same_key(world: World, mode: str):
    key, payment_id = new_id("key"), await world.hold()
    await world.order("void", mode)
    lost = await world.provider.void(key, payment_id)
    settled = fact(await world.provider.void(key, payment_id))
    assert (type(lost), settled.state) == (Unknown, "voided")


@pytest.mark.parametrize("mode", AFTER)
async def test_a_payment_whose_answer_was_lost_is_found(world: World, mode: str):
    reference, key = new_id("chk"), new_id("key")
    await world.order("authorise", mode)
    lost = await world.charge(reference=reference, key=key)
    await world.charge(reference=reference, key=key)
    found = await world.provider.find(reference)
    assert not isinstance(found, Unknown)
    assert (type(lost), [each.reference for each in found]) == (Unknown, [reference])
    assert await world.book(reference) == Book(1, 0, 0)


@pytest.mark.parametrize("mode", BEFORE)
async def test_a_payment_that_was_never_received_is_not_found(world: World, mode: str):
    reference = new_id("chk")
    await world.order("authorise", mode)
    lost = await world.charge(reference=reference)
    assert (type(lost), await world.provider.find(reference)) == (Unknown, [])


# A dropped connection is no such case: a question that was only read is asked again by the connections themselves.
@pytest.mark.parametrize("mode", ["500_before", STALL])
async def test_a_question_without_an_answer_is_unknown(world: World, mode: str):
    payment_id = await world.hold()
    await world.order("read", mode)
    fetched = await world.provider.fetch(payment_id)
    await world.order("read", mode)
    found = await world.provider.find("chk_1")
    assert (type(fetched), type(found)) == (Unknown, Unknown)


async def every_call(world: World) -> set[type]:
    provider = world.provider
    outcomes = [
        await world.charge(),
        await provider.authorise("k", PaymentAsk("chk_1", Money(1000), {"type": "upi", "flow": "qr"}, BACK)),
        await provider.capture("k", "pi_1", 1000),
        await provider.refund("k", "pi_1", 1000, "x"),
        await provider.fetch("pi_1"),
        await provider.find("chk_1"),
    ]
    return {type(outcome) for outcome in outcomes}


async def test_nobody_there_is_unknown(deaf: World):
    assert await every_call(deaf) == {Unknown}
    with pytest.raises(Unavailable):
        assert [row async for row in deaf.provider.report(*deaf.window)] == []


@pytest.mark.parametrize("deaf", able("void"), indirect=True)
async def test_nobody_there_to_void_is_unknown(deaf: World):
    assert isinstance(await deaf.provider.void("k", "pi_1"), Unknown)


# Asking


async def test_an_unknown_payment_is_refused(world: World):
    assert isinstance(await world.provider.fetch("pi_nothing"), Refused)


async def test_payments_are_found_by_our_reference_the_oldest_first(world: World):
    reference = new_id("chk")
    first, second = await world.hold(1000, reference), await world.hold(1000, reference)
    found = await world.provider.find(reference)
    assert not isinstance(found, Unknown)
    assert [each.id for each in found] == [first, second]
    assert await world.provider.find(new_id("chk")) == []


@only(able("report"))
async def test_the_report_tells_what_came_in_and_went_out(world: World):
    payment_id = await captured(world)
    await world.provider.refund(new_id("ref"), payment_id, 400, "damaged")
    rows = [row async for row in world.provider.report(*world.window) if row.payment_id == payment_id]
    kinds = {row.kind: row.amount for row in rows}
    assert kinds == {"capture": Money(1000), "refund": Money(-400)}
    assert (len({row.id for row in rows}), sum(row.fee.amount for row in rows)) == (2, 20)


@only(able("report"))
async def test_the_report_keeps_to_its_window(world: World):
    await captured(world)
    long_ago = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2001, 1, 2, tzinfo=UTC))
    assert [row async for row in world.provider.report(*long_ago)] == []


# Hearing


async def test_a_signed_notice_is_read(world: World):
    payment_id = await captured(world)
    body = await world.notice(payment_id)
    notice = world.provider.verify(body, world.signed(body))
    assert notice is not None
    assert notice.fact is not None
    assert (notice.fact.id, notice.fact.captured_minor, bool(notice.id)) == (payment_id, 1000, True)


async def test_the_old_secret_is_live_while_the_new_one_takes_over(world: World):
    body = await world.notice(await world.hold())
    assert world.provider.verify(body, world.signed(body, OLD_SECRET)) is not None


@pytest.mark.parametrize("changed", [b" ", b"\n"])
async def test_a_body_that_was_written_anew_is_not_believed(world: World, changed: bytes):
    body = await world.notice(await world.hold())
    assert world.provider.verify(body + changed, world.signed(body)) is None


async def test_another_shops_signature_and_none_are_not_believed(world: World):
    body = await world.notice(await world.hold())
    forged = world.signed(body, "whsec_c29tZWJvZHktZWxzZXMtc2VjcmV0LWtleQ==")
    assert (world.provider.verify(body, forged), world.provider.verify(body, {})) == (None, None)


@only(able("signed_time"))
@pytest.mark.parametrize("age", [320, -320])
async def test_a_notice_from_another_time_is_not_believed(world: World, age: int):
    body = await world.notice(await world.hold())
    assert world.provider.verify(body, world.signed(body, age=age)) is None
    assert world.provider.verify(body, world.signed(body, age=age // 2)) is not None


@pytest.mark.parametrize("body", [b"\xff\xfe", b"not json", b'{"type": 1}', b"[]", b"{}"])
async def test_a_signed_notice_that_makes_no_sense_is_none(world: World, body: bytes):
    assert world.provider.verify(body, world.signed(body)) is None
