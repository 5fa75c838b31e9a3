"""T-PAY-01 to 04, 06: calls get lost, notices come in any order and number, one thing is learned in three ways."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from haat.contracts.payments import (
    AttemptPayment,
    Capture,
    PaymentRef,
    PaymentStateError,
    Refund,
    SignatureRefused,
    UpiMethod,
    Void,
)
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from tests.engines.payment_provider.worlds import patience
from tests.services.payments.notices import body_about, notice

# A stall costs seconds each time.
MODES = [
    "drop_before",
    "drop_after",
    "500_after",
    *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("reset_before", "reset_after", "500_before", "stall")),
]
SHUFFLES = int(os.environ.get("HAAT_NOTICE_SHUFFLES", "4"))
ENDS = {
    "authorize": ("authorized", ["authorize"]),
    "capture": ("captured", ["authorize", "capture"]),
    "void": ("voided", ["authorize", "void"]),
    "refund": ("partially_refunded", ["authorize", "capture", "refund"]),
}


@pytest.fixture
async def shop(shop: Any, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    async with shop.waiting(patience(request)) as waiting:
        yield waiting


async def state(shop: Any, payment_id: str) -> str:
    return (await shop.payments.payment(PaymentRef(payment_id=payment_id))).state


async def act(shop: Any, op: str, ask: Any, payment_id: str) -> None:
    if op == "capture":
        await shop.payments.capture(Capture(payment_id=payment_id, request_id="c"))
    elif op == "void":
        await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled"))
    elif op == "refund":
        await shop.payments.refund(Refund(payment_id=payment_id, request_id="r", reason="x", amount=Money(400)))


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("op", ENDS)
async def test_a_lost_call_has_one_effect_and_its_end_is_found(shop: Any, op: str, mode: str, times: int):
    ask = shop.ask(await shop.card(), 1_000)
    if op == "authorize":
        await shop.fault(op, mode, times)
    paid = await shop.payments.authorize(ask)
    if op == "refund":
        await shop.payments.capture(Capture(payment_id=paid.id, request_id="c"))
    if op != "authorize":
        await shop.fault(op, mode, times)
        # Unknown is a state of its own: the sweep asks again under the same key.
        with suppress(Unavailable):
            await act(shop, op, ask, paid.id)
    for _ in range(3):
        await shop.sweep(paid.id)
    (theirs,) = await shop.books(ask.checkout_id)
    effects = [call["op"] for call in theirs["calls"] if call["outcome"] != "replayed"]
    assert (await state(shop, paid.id), effects) == ENDS[op]
    assert (theirs["captured"], theirs["refunded"]) == (
        1_000 * (op in ("capture", "refund")),
        400 * (op == "refund"),
    )
    assert len({call["key"] for call in theirs["calls"]}) == len(effects)


async def test_return_webhook_and_poller_at_once_make_one_transition(shop: Any):
    for order in itertools.permutations(range(3)):
        ask = shop.ask(UpiMethod(vpa="ok@sandbox"))
        paid = await shop.payments.authorize(ask)
        await shop.post("/sandbox/clock", {"advance_seconds": 2})
        hook = notice(await body_about(shop, ask.checkout_id, "payment.captured"))
        ways = [
            lambda ask=ask: shop.payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id)),
            lambda hook=hook: shop.payments.webhook(hook),
            lambda paid=paid: shop.sweep(paid.id),
        ]
        await asyncio.gather(*(ways[i]() for i in order))
        assert await state(shop, paid.id) == "captured"
        assert await shop.told(ask.attempt_id) == ["PaymentAuthorized", "PaymentCaptured"]
        assert [kind for kind, _, _ in await shop.ledger(paid.id)] == ["authorize", "capture"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SHUFFLES))
async def test_notices_in_any_order_and_number_end_as_the_provider_does(shop: Any, seed: int):
    ask = shop.ask(await shop.card("4000002760003184"), 1_000)
    paid = await shop.payments.authorize(ask)
    bodies = [await body_about(shop, ask.checkout_id, "payment.requires_action")]
    (theirs,) = await shop.books(ask.checkout_id)
    async with shop.session.post(paid.action.url, data={"outcome": "approve"}) as answer:
        assert answer.status == 200
    bodies.append(await body_about(shop, ask.checkout_id, "payment.authorized"))
    await shop.provider.capture(new_id("hand"), theirs["id"], 1_000)
    bodies.append(await body_about(shop, ask.checkout_id, "payment.captured"))
    await shop.provider.refund(new_id("hand"), theirs["id"], 250, "by hand")
    bodies.append(await body_about(shop, ask.checkout_id, "refund.succeeded"))
    hooks = [notice(body) for body in bodies] * 5
    random.Random(seed).shuffle(hooks)
    for hook in hooks:
        await shop.payments.webhook(hook)
    assert await state(shop, paid.id) == "partially_refunded"
    assert [kind for kind, _, _ in await shop.ledger(paid.id)] == ["authorize", "capture", "refund", "refund"]
    assert await shop.told(ask.attempt_id) == ["PaymentAuthorized", "PaymentCaptured", "PaymentRefunded"]
    # Three days later the oldest comes again under a name of its own: taken, and nothing happens.
    await shop.post("/sandbox/clock", {"advance_seconds": 72 * 3600})
    await shop.payments.webhook(notice(bodies[0]))
    assert await state(shop, paid.id) == "partially_refunded"
    assert len(await shop.told(ask.attempt_id)) == 3


async def test_a_notice_written_anew_from_its_own_words_is_refused(shop: Any):
    ask = shop.ask(UpiMethod(vpa="ok@sandbox"))
    await shop.payments.authorize(ask)
    signed = notice(await body_about(shop, ask.checkout_id, "payment.captured"))
    again = msgspec.json.format(signed.body, indent=2)
    with pytest.raises(SignatureRefused):
        await shop.payments.webhook(msgspec.structs.replace(signed, body=again))


@pytest.mark.parametrize("changes", [{"amount": 1}, {"currency": "USD"}, {"reference": "chk_other"}])
async def test_a_notice_about_another_agreement_changes_nothing(shop: Any, changes: dict[str, Any]):
    ask = shop.ask(UpiMethod(flow="qr"))
    paid = await shop.payments.authorize(ask)
    body = await body_about(shop, ask.checkout_id, "payment.captured", state="captured", captured=1, **changes)
    await shop.payments.webhook(notice(body))
    assert (await state(shop, paid.id), await shop.told(ask.attempt_id)) == ("requires_action", [])


@pytest.mark.parametrize("outcome", ["nothing", "decline", "approve twice"])
async def test_a_challenge_is_believed_only_when_the_provider_says_so(shop: Any, outcome: str):
    ask = shop.ask(await shop.card("4000002760003184"))
    paid = await shop.payments.authorize(ask)
    for pressed in {"nothing": [], "decline": ["decline"], "approve twice": ["approve", "approve"]}[outcome]:
        async with shop.session.post(paid.action.url, data={"outcome": pressed}) as answer:
            assert answer.status == 200
    # The shopper's browser comes back, again and again: that alone proves nothing.
    seen = {(await shop.payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id))).state for _ in range(3)}
    assert seen == {{"nothing": "requires_action", "decline": "declined", "approve twice": "authorized"}[outcome]}
    assert (await shop.told(ask.attempt_id)).count("PaymentAuthorized") == (outcome == "approve twice")


async def test_capture_void_and_refund_at_once_agree_with_the_provider(shop: Any):
    asks = [shop.ask(await shop.card(), 1_000) for _ in range(5)]
    for ask in asks:
        paid = await shop.payments.authorize(ask)
        answers = await asyncio.gather(
            shop.payments.capture(Capture(payment_id=paid.id, request_id="a")),
            shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled")),
            shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="x")),
            shop.payments.take_for_orders([paid.id]),
            return_exceptions=True,
        )
        refused = {type(each) for each in answers if isinstance(each, Exception)}
        assert refused <= {PaymentStateError, Unavailable}
        for _ in range(3):
            await shop.sweep(paid.id)
        (theirs,) = await shop.books(ask.checkout_id)
        assert await state(shop, paid.id) == theirs["state"]
        assert theirs["state"] in ("voided", "refunded")
