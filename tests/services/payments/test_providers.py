"""The same service on other providers: where a payment goes, whom it stays with, and what they cannot do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from haat.contracts.payments import (
    AttemptPayment,
    Authorize,
    Capture,
    CardMethod,
    GiftCardOf,
    IssueGiftCard,
    PaymentRef,
    Refund,
    SignatureRefused,
    UpiMethod,
    Void,
    WalletMethod,
    Webhook,
)
from haat.contracts.vault import NewCard
from haat.engines.audit_anchors.file import FileAnchors
from haat.engines.key_store.file import FileKeyStore
from haat.engines.payment_provider.razorpay import RazorpayProvider
from haat.kit.ids import new_id
from haat.kit.message import NotFound, Unavailable
from haat.kit.money import Money
from haat.services.payments.service import PaymentsService
from haat.services.payments.store import PaymentStore
from haat.services.vault.audit import AuditTrail
from haat.services.vault.model import Policy
from haat.services.vault.service import VaultService
from haat.services.vault.store import TrailStore, VaultStore
from tests.engines.payment_provider.razorpay_server import RazorpayServer
from tests.engines.payment_provider.worlds import (
    PAYER,
    RAZORPAY_KEY,
    RazorpayWorld,
    StripeWorld,
)


@pytest.fixture
async def razorpay() -> AsyncIterator[RazorpayWorld]:
    server = RazorpayServer(*RAZORPAY_KEY)
    await server.begin()
    world = RazorpayWorld(server.url, server)
    yield world
    await world.close()
    await server.stop()


@pytest.fixture
def vault_on_stripe(stripe: StripeWorld, vault_database, tmp_path) -> VaultService:
    keys = FileKeyStore(tmp_path)
    trail = AuditTrail(TrailStore(vault_database), keys, FileAnchors(tmp_path))
    return VaultService(VaultStore(vault_database), keys, stripe.cards, trail, Policy(keeps_numbers=False))


@pytest.fixture
def both(shop, stripe: StripeWorld, razorpay: RazorpayWorld) -> PaymentsService:
    """Cards and UPI by Stripe, what it does not take by Razorpay."""
    return PaymentsService(PaymentStore(shop.database), stripe.provider, shop.vault, others=[razorpay.provider])


@pytest.fixture
def by_razorpay(shop, razorpay: RazorpayWorld) -> PaymentsService:
    return PaymentsService(PaymentStore(shop.database), razorpay.provider, shop.vault)


def ask(method, amount: int = 1000) -> Authorize:
    return Authorize(attempt_id=new_id("att"), checkout_id=new_id("chk"), amount=Money(amount), method=method)


async def provider_of(shop, payment_id: str) -> tuple[str, str]:
    ((name, provider_id),) = await shop.rows(
        "SELECT provider, provider_id FROM payments.payments WHERE payment_id = $1", payment_id
    )
    return name, provider_id


async def test_each_method_goes_to_the_first_that_takes_it(shop, both, stripe, razorpay):
    by_upi = await both.authorize(ask(UpiMethod(flow="qr")))
    by_wallet = await both.authorize(ask(WalletMethod(provider="mobikwik")))
    assert [(await provider_of(shop, each.id))[0] for each in (by_upi, by_wallet)] == ["stripe", "razorpay"]
    assert (by_upi.state, by_wallet.state) == ("requires_action", "requires_action")


async def test_a_whole_payment_by_upi_at_razorpay(shop, by_razorpay, razorpay):
    asked = ask(UpiMethod(flow="qr"))
    begun = await by_razorpay.authorize(asked)
    looked = await by_razorpay.of_attempt(AttemptPayment(attempt_id=asked.attempt_id))
    _, order_id = await provider_of(shop, begun.id)
    razorpay.server.approve(order_id)
    held = await by_razorpay.of_attempt(AttemptPayment(attempt_id=asked.attempt_id))
    taken = await by_razorpay.capture(Capture(payment_id=begun.id, request_id="order-placed"))
    given = await by_razorpay.refund(Refund(payment_id=begun.id, request_id="r1", amount=Money(400), reason="damaged"))
    assert begun.action.upi_uri[:6] == "upi://"
    assert (looked.state, looked.action, held.state, taken.state) == (
        "requires_action",
        begun.action,
        "authorized",
        "captured",
    )
    assert (given.state, await razorpay.book(asked.checkout_id)) == ("succeeded", (1, 1000, 400))


async def test_a_hold_that_cannot_be_voided_is_asked_for_once_and_goes_back_by_itself(shop, by_razorpay, razorpay):
    asked = ask(UpiMethod(flow="qr"))
    begun = await by_razorpay.authorize(asked)
    _, order_id = await provider_of(shop, begun.id)
    razorpay.server.approve(order_id)
    await by_razorpay.of_attempt(AttemptPayment(attempt_id=asked.attempt_id))
    seen = len(razorpay.server.seen)
    await by_razorpay.void(Void(attempt_id=asked.attempt_id, reason="out of stock"))
    razorpay.server.lapse(order_id)
    await shop.rows("UPDATE payments.due SET at = 'epoch' WHERE payment_id = $1", begun.id)
    await by_razorpay.finish_open()
    after = await by_razorpay.payment(PaymentRef(payment_id=begun.id))
    assert (after.state, after.captured) == ("voided", Money(0))
    assert razorpay.server.seen[seen:] == [("read", f"/v1/orders/{order_id}/payments")] * 2
    assert (await razorpay.book(asked.checkout_id)).captured == 0


async def test_a_provider_that_hangs_holds_nobody_elses_payments(shop, both, stripe, razorpay):
    hanging = RazorpayProvider(*RAZORPAY_KEY, [], PAYER, timeout_seconds=30, url=razorpay.server.url)
    service = PaymentsService(PaymentStore(shop.database), stripe.provider, shop.vault, others=[hanging])
    stuck = await service.authorize(ask(WalletMethod(provider="mobikwik")))
    paid = await service.authorize(ask(UpiMethod(flow="qr")))
    stripe.server.approve((await provider_of(shop, paid.id))[1])
    for payment_id, at in ((stuck.id, "1970-01-01Z"), (paid.id, "1970-01-02Z")):
        await shop.rows("UPDATE payments.due SET at = $2::text::timestamptz WHERE payment_id = $1", payment_id, at)
    await razorpay.order("read", "stall")
    sweeping = asyncio.create_task(service.finish_open())
    try:
        async with asyncio.timeout(25):
            while (await service.payment(PaymentRef(payment_id=paid.id))).state != "captured":  # noqa: ASYNC110 - a sweep
                await asyncio.sleep(0.05)
        assert not sweeping.done()
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        await hanging.close()


async def test_a_payment_stays_with_the_provider_that_has_it(shop, by_razorpay, razorpay, stripe):
    asked = ask(UpiMethod(flow="qr"))
    begun = await by_razorpay.authorize(asked)
    _, order_id = await provider_of(shop, begun.id)
    razorpay.server.approve(order_id)
    await by_razorpay.of_attempt(AttemptPayment(attempt_id=asked.attempt_id))
    switched = PaymentsService(PaymentStore(shop.database), stripe.provider, shop.vault)
    with pytest.raises(Unavailable, match="razorpay"):
        await switched.capture(Capture(payment_id=begun.id, request_id="order-placed"))
    still = await switched.payment(PaymentRef(payment_id=begun.id, confirm=True))
    assert (still.state, stripe.server.seen) == ("authorized", [])
    kept_on = PaymentsService(PaymentStore(shop.database), stripe.provider, shop.vault, others=[razorpay.provider])
    taken = await kept_on.capture(Capture(payment_id=begun.id, request_id="order-placed"))
    assert (taken.state, (await razorpay.book(asked.checkout_id)).captured) == ("captured", 1000)


async def test_a_payment_is_not_given_up_while_a_search_may_lag(shop, stripe):
    payments = PaymentsService(PaymentStore(shop.database), stripe.provider, shop.vault)
    asked = ask(UpiMethod(flow="qr"))
    stripe.server.searchable = False
    for _ in range(3):
        stripe.server.order("authorise", "drop_after")
    begun = await payments.authorize(asked)
    await shop.rows(
        "UPDATE payments.payments SET created_at = created_at - interval '10 minutes' WHERE payment_id = $1", begun.id
    )
    await shop.rows("UPDATE payments.due SET at = 'epoch' WHERE payment_id = $1", begun.id)
    stripe.server.order("authorise", "drop_after")
    await payments.finish_open()
    waiting = await payments.payment(PaymentRef(payment_id=begun.id))
    stripe.server.faults.clear()
    found = await payments.of_attempt(AttemptPayment(attempt_id=asked.attempt_id))
    assert (begun.state, waiting.state, found.state) == ("unknown", "unknown", "requires_action")
    assert (await stripe.book(asked.checkout_id)).payments == 1


async def test_credit_comes_back_from_a_payment_that_nobody_makes_and_razorpay_cannot_be_told_of(
    shop, by_razorpay, razorpay
):
    card = await by_razorpay.issue_gift_card(IssueGiftCard(amount=Money(400), actor="usr_staff"))
    asked = ask(UpiMethod(flow="qr", gift_cards=[card.code]))
    begun = await by_razorpay.authorize(asked)
    _, order_id = await provider_of(shop, begun.id)
    await by_razorpay.void(Void(attempt_id=asked.attempt_id, reason="payment_abandoned"))
    left = [(await by_razorpay.gift_card(GiftCardOf(code=card.code))).balance]
    over = {"type": "redirect", "url": "u", "expires_at": "2026-01-01T00:00:00Z"}
    await shop.rows("UPDATE payments.payments SET action = $2::json WHERE payment_id = $1", begun.id, over)
    await shop.rows("UPDATE payments.due SET at = 'epoch' WHERE payment_id = $1", begun.id)
    await by_razorpay.finish_open()
    left.append((await by_razorpay.gift_card(GiftCardOf(code=card.code))).balance)
    razorpay.server.approve(order_id)
    late = await by_razorpay.payment(PaymentRef(payment_id=begun.id, confirm=True))
    assert (left, late.state) == ([Money(0), Money(400)], "expired")
    assert await shop.rows("SELECT state, void_reason FROM payments.payments WHERE payment_id = $1", begun.id) == [
        ("authorized", "payment_abandoned")
    ]


async def test_a_stripe_notice_about_a_refund_makes_us_ask(shop, stripe):
    payments = PaymentsService(PaymentStore(shop.database), stripe.provider, shop.vault)
    asked = ask(UpiMethod(flow="qr"))
    begun = await payments.authorize(asked)
    _, intent_id = await provider_of(shop, begun.id)
    stripe.server.approve(intent_id)
    await payments.of_attempt(AttemptPayment(attempt_id=asked.attempt_id))
    await payments.refund(Refund(payment_id=begun.id, request_id="r1", amount=Money(400), reason="damaged"))
    stripe.server.settle_refund(intent_id, "failed")
    about = {"object": "refund", "payment_intent": intent_id}
    body = json.dumps({"id": "evt_r", "object": "event", "type": "refund.failed", "data": {"object": about}}).encode()
    await payments.webhook(Webhook(provider="stripe", body=body, headers=stripe.signed(body)))
    after = await payments.payment(PaymentRef(payment_id=begun.id))
    assert (after.refunded, after.state) == (Money(0), "captured")


async def test_a_notice_is_heard_by_the_provider_it_names(both, stripe, razorpay):
    body = b'{"event":"payment.captured","payload":{}}'
    await both.webhook(Webhook(provider="razorpay", body=body, headers=razorpay.signed(body)))
    with pytest.raises(SignatureRefused):
        await both.webhook(Webhook(provider="stripe", body=body, headers=razorpay.signed(body)))
    with pytest.raises(NotFound):
        await both.webhook(Webhook(provider="sandbox", body=body, headers={}))


async def test_a_card_is_charged_at_stripe_through_the_vault_and_kept(shop, stripe, vault_on_stripe: VaultService):
    payments = PaymentsService(PaymentStore(shop.database), stripe.provider, vault_on_stripe)
    number = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    token = (await vault_on_stripe.tokenize(NewCard(**number, name="Asha"))).token
    user = new_id("usr")
    first = Authorize(
        attempt_id=new_id("att"),
        checkout_id=new_id("chk"),
        amount=Money(1000),
        method=CardMethod(token=token, save=True),
        user_id=user,
    )
    held = await payments.authorize(first)
    again = Authorize(
        attempt_id=new_id("att"),
        checkout_id=new_id("chk"),
        amount=Money(700),
        method=CardMethod(token=token),
        user_id=user,
    )
    once_more = await payments.authorize(again)
    assert (held.state, once_more.state) == ("authorized", "authorized")
    assert [op for op, _ in stripe.server.seen] == ["method", "authorise", "customer", "attach", "authorise"]
