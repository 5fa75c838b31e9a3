"""Notices that come while their provider answers no questions: taken, kept, and looked up once it answers again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from haat.contracts.identity import Identity
from haat.contracts.payments import AttemptPayment, Authorize, PaymentRef, Refund, UpiMethod, Webhook
from haat.engines.payment_provider.stripe import StripeProvider
from haat.kit.ids import new_id
from haat.kit.money import Money
from haat.services.payments import hearing
from haat.services.payments.http import ROUTES
from haat.services.payments.service import PaymentsService
from haat.services.payments.store import PaymentStore
from haat.web.gateway.app import gateway
from tests.engines.payment_provider.worlds import SECRET, STRIPE_KEY, StripeWorld

DOOR = "/v1/webhooks/payments/stripe"


class Told:
    """A payment at Stripe whose refund has failed there, the notices of that, and what our books say."""

    def __init__(self, shop: Any, stripe: StripeWorld, payment_id: str, intent_id: str, attempt_id: str) -> None:
        self.shop, self.stripe = shop, stripe
        self.payment_id, self.intent_id, self.attempt_id = payment_id, intent_id, attempt_id

    def hook(self, event_id: str, kind: str = "refund.failed", **about: Any) -> Webhook:
        """A notice; without `about`, one that names no state, only whom to ask about."""
        data = about or {"object": "refund", "payment_intent": self.intent_id}
        body = json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": data}}).encode()
        return Webhook(provider="stripe", body=body, headers=self.stripe.signed(body))

    def silent(self, times: int) -> None:
        """The provider answers none of the next questions."""
        for _ in range(times):
            self.stripe.server.order("read", "500_before")

    async def sweep(self, payments: PaymentsService | None = None) -> None:
        """The wait of all that is kept is over, and a worker comes by."""
        await self.shop.rows("UPDATE payments.notices_due SET at = 'epoch'")
        await (payments or process(self.shop, self.stripe)).look_up_notices()

    async def kept(self) -> list[tuple[Any, ...]]:
        return await self.shop.rows(
            "SELECT webhook_id, checks FROM payments.notices_due WHERE payment_id = $1 ORDER BY 1", self.payment_id
        )

    async def refunds(self) -> list[str]:
        """What the ledger says of the refund."""
        return [kind for kind, _, _ in await self.shop.ledger(self.payment_id) if kind.startswith("refund")]


def process(shop: Any, stripe: StripeWorld) -> PaymentsService:
    """Payments as another process has them: nothing is shared but the database."""
    return PaymentsService(PaymentStore(shop.database), stripe.provider, shop.vault)


async def approved(shop: Any, stripe: StripeWorld, payments: PaymentsService) -> tuple[Authorize, str, str]:
    """A payment that its shopper has approved at the provider, which payments have not heard: its id here and there."""
    ask = Authorize(
        attempt_id=new_id("att"), checkout_id=new_id("chk"), amount=Money(1000), method=UpiMethod(flow="qr")
    )
    paid = await payments.authorize(ask)
    ((intent_id,),) = await shop.rows("SELECT provider_id FROM payments.payments WHERE payment_id = $1", paid.id)
    stripe.server.approve(intent_id)
    return ask, paid.id, intent_id


@pytest.fixture
async def told(shop: Any, stripe: StripeWorld) -> Told:
    payments = process(shop, stripe)
    ask, payment_id, intent_id = await approved(shop, stripe, payments)
    await payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id))
    await payments.refund(Refund(payment_id=payment_id, request_id="r1", amount=Money(400), reason="damaged"))
    stripe.server.settle_refund(intent_id, "failed")
    return Told(shop, stripe, payment_id, intent_id, ask.attempt_id)


async def at_the_door(payments: PaymentsService, hooks: Sequence[Webhook]) -> list[int]:
    app = gateway(ROUTES, {"payments": payments, "identity": Identity()}, {"settings": None})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        return [(await client.post(DOOR, content=each.body, headers=dict(each.headers))).status_code for each in hooks]


async def test_a_notice_nobody_can_look_up_is_taken_and_looked_up_later(shop: Any, stripe: StripeWorld, told: Told):
    payments, event = process(shop, stripe), new_id("evt")
    told.silent(1)
    statuses = await at_the_door(payments, [told.hook(event), told.hook(event)])
    before = await told.refunds(), await told.kept()
    await told.sweep(payments)
    after = await payments.payment(PaymentRef(payment_id=told.payment_id))
    assert (statuses, before) == ([204, 204], (["refund", "refund"], [(event, 0)]))
    assert (after.refunded, after.state, await told.kept()) == (Money(0), "captured", [])
    assert await told.refunds() == ["refund", "refund", "refund_returned"]


async def test_a_notice_is_kept_until_the_provider_answers(told: Told):
    event = new_id("evt")
    told.silent(3)
    await process(told.shop, told.stripe).webhook(told.hook(event))
    await told.sweep()
    await told.sweep()
    vain = await told.refunds(), await told.kept()
    await told.sweep()
    assert vain == (["refund", "refund"], [(event, 2)])
    assert (await told.refunds(), await told.kept()) == (["refund", "refund", "refund_returned"], [])


async def test_a_notice_outlives_the_processes_that_took_it_and_leased_it(told: Told):
    event = new_id("evt")
    told.silent(1)
    await process(told.shop, told.stripe).webhook(told.hook(event))
    (leased,) = await PaymentStore(told.shop.database).notices_due(20)
    nothing_due = await PaymentStore(told.shop.database).notices_due(20)
    await told.sweep()
    assert (leased.webhook_id, leased.payment_id, nothing_due) == (event, told.payment_id, [])
    assert (await told.refunds(), await told.kept()) == (["refund", "refund", "refund_returned"], [])


async def test_a_death_between_the_effect_and_its_note_makes_no_second_effect(told: Told):
    event = new_id("evt")
    told.silent(1)
    await process(told.shop, told.stripe).webhook(told.hook(event))
    await process(told.shop, told.stripe).payment(PaymentRef(payment_id=told.payment_id, confirm=True))
    await told.sweep()
    await process(told.shop, told.stripe).webhook(told.hook(event))
    await told.sweep()
    assert (await told.refunds(), await told.kept()) == (["refund", "refund", "refund_returned"], [])
    # That it was refunded, and that it was not.
    assert (await told.shop.told(told.attempt_id)).count("PaymentRefunded") == 2


async def test_a_notice_with_news_is_kept_too(shop: Any, stripe: StripeWorld, told: Told):
    payments = process(shop, stripe)
    _, payment_id, intent_id = await approved(shop, stripe, payments)
    told.silent(1)
    hook = told.hook(new_id("evt"), "payment_intent.succeeded", **stripe.server.shown(intent_id))
    statuses = await at_the_door(payments, [hook, hook])
    before = (await payments.payment(PaymentRef(payment_id=payment_id))).state
    await told.sweep()
    after = (await payments.payment(PaymentRef(payment_id=payment_id))).state
    assert (statuses, before, after) == ([204, 204], "requires_action", "captured")


async def test_the_door_does_not_wait_for_a_provider_that_hangs(told: Told, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hearing, "ASK_SECONDS", 0.05)
    event, server = new_id("evt"), told.stripe.server
    patient = StripeProvider(STRIPE_KEY, [SECRET], "INR", timeout_seconds=25, url=server.url)
    payments = PaymentsService(PaymentStore(told.shop.database), patient, told.shop.vault)
    server.order("read", "stall")
    async with asyncio.timeout(20):
        statuses = await at_the_door(payments, [told.hook(event)])
    await patient.close()
    kept = await told.kept()
    await told.sweep()
    assert (statuses, kept, await told.kept()) == ([204], [(event, 0)], [])


async def test_a_strange_notice_is_not_kept(told: Told):
    strange = told.hook(new_id("evt"), object="refund", payment_intent="pi_of_nobody")
    told.silent(1)
    statuses = await at_the_door(process(told.shop, told.stripe), [strange, strange])
    asked_nothing = list(told.stripe.server.faults["read"])
    told.stripe.server.faults.clear()
    everything = await told.shop.rows("SELECT webhook_id FROM payments.notices_due")
    assert (statuses, asked_nothing, everything) == ([204, 204], ["500_before"], [])


async def test_what_the_provider_knows_no_more_is_not_asked_for_again(told: Told):
    told.silent(1)
    await process(told.shop, told.stripe).webhook(told.hook(new_id("evt")))
    del told.stripe.server.intents[told.intent_id]
    await told.sweep()
    assert (await told.refunds(), await told.kept()) == (["refund", "refund"], [])


async def test_one_that_cannot_be_looked_up_does_not_hold_the_others(told: Told):
    lost, event = new_id("evt"), new_id("evt")
    told.silent(2)
    payments = process(told.shop, told.stripe)
    await payments.webhook(told.hook(lost))
    await payments.webhook(told.hook(event))
    told.silent(1)
    await told.sweep()
    left = [checks for _, checks in await told.kept()]
    await told.sweep()
    assert (left, await told.kept(), await told.refunds()) == ([1], [], ["refund", "refund", "refund_returned"])


async def test_old_ids_are_forgotten_and_what_is_kept_is_not(told: Told):
    event = new_id("evt")
    told.silent(1)
    payments = process(told.shop, told.stripe)
    await payments.webhook(told.hook(event))
    await told.shop.rows("UPDATE payments.webhooks SET received_at = 'epoch' WHERE webhook_id = $1", event)
    await payments.forget_webhooks()
    await told.sweep()
    assert (await told.refunds(), await told.kept()) == (["refund", "refund", "refund_returned"], [])
