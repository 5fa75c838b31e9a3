"""Lost answers at Stripe and Razorpay, seen through the service: settled by asking, and taken once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from haat.contracts.payments import Authorize, Capture, CardMethod, Method, PaymentRef, Refund, UpiMethod, Void, Webhook
from haat.contracts.vault import NewCard
from haat.engines.audit_anchors.file import FileAnchors
from haat.engines.key_store.file import FileKeyStore
from haat.kit.ids import new_id
from haat.kit.message import DomainError
from haat.kit.money import Money
from haat.services.payments.service import PaymentsService
from haat.services.payments.store import PaymentStore
from haat.services.vault.audit import AuditTrail
from haat.services.vault.model import Policy
from haat.services.vault.service import VaultService
from haat.services.vault.store import TrailStore, VaultStore
from tests.engines.payment_provider.razorpay_server import RazorpayServer
from tests.engines.payment_provider.stripe_server import StripeServer
from tests.engines.payment_provider.worlds import RAZORPAY_KEY, STRIPE_KEY, RazorpayWorld, StripeWorld, patience

STALL = pytest.param("stall", marks=pytest.mark.slow)
BROKEN = ["drop_before", "drop_after", "reset_before", "reset_after", STALL]
SWEEPS = 3


@dataclass
class Till:
    """The service on one provider, its books, and how a payment is made there."""

    payments: PaymentsService
    world: Any
    vault: VaultService
    by_card: bool
    rows: Any

    async def method(self) -> Method:
        if not self.by_card:
            return UpiMethod(flow="qr")
        return await self.card("4242424242424242")

    async def card(self, number: str) -> CardMethod:
        card = NewCard(number=number, exp_month=12, exp_year=2040, cvc="123", name="Asha")
        return CardMethod(token=(await self.vault.tokenize(card)).token)

    async def held(self) -> Authorize:
        """An attempt whose money is held."""
        asked = self.ask(await self.method())
        begun = await self.payments.authorize(asked)
        await self.met(begun.id)
        return asked

    def ask(self, method: Method) -> Authorize:
        return Authorize(attempt_id=new_id("att"), checkout_id=new_id("chk"), amount=Money(1000), method=method)

    async def met(self, payment_id: str) -> None:
        """The shopper does what the bank wants, where it wants anything."""
        ((provider_id, state),) = await self.rows(
            "SELECT provider_id, state FROM payments.payments WHERE payment_id = $1", payment_id
        )
        if state == "requires_action":
            await self.world.approve(provider_id)
            await self.payments.payment(PaymentRef(payment_id=payment_id, confirm=True))

    async def settle(self, payment_id: str) -> str:
        """What the sweep makes of it."""
        for _ in range(SWEEPS):
            await self.rows("UPDATE payments.due SET at = 'epoch' WHERE payment_id = $1", payment_id)
            await self.payments.finish_open()
        return (await self.payments.payment(PaymentRef(payment_id=payment_id))).state

    async def id_of(self, asked: Authorize) -> str:
        ((found,),) = await self.rows(
            "SELECT payment_id FROM payments.payments WHERE attempt_id = $1", asked.attempt_id
        )
        return str(found)


@pytest.fixture
async def stripe_till(shop, vault_database, tmp_path, request) -> AsyncIterator[Till]:
    server = StripeServer(STRIPE_KEY)
    await server.begin()
    world = StripeWorld(server.url, server, seconds=patience(request))
    keys = FileKeyStore(tmp_path)
    trail = AuditTrail(TrailStore(vault_database), keys, FileAnchors(tmp_path))
    vault = VaultService(VaultStore(vault_database), keys, world.cards, trail, Policy(keeps_numbers=False))
    yield Till(PaymentsService(PaymentStore(shop.database), world.provider, vault), world, vault, True, shop.rows)
    await world.close()
    await server.stop()


@pytest.fixture
async def razorpay_till(shop, request) -> AsyncIterator[Till]:
    server = RazorpayServer(*RAZORPAY_KEY)
    await server.begin()
    world = RazorpayWorld(server.url, server, patience(request))
    payments = PaymentsService(PaymentStore(shop.database), world.provider, shop.vault)
    yield Till(payments, world, shop.vault, False, shop.rows)
    await world.close()
    await server.stop()


@pytest.fixture(params=["stripe", "razorpay"])
def till(request: pytest.FixtureRequest) -> Till:
    chosen: Till = request.getfixturevalue(f"{request.param}_till")
    return chosen


@pytest.mark.parametrize("mode", [*BROKEN, "500_after"])
async def test_a_lost_authorisation_ends_as_one_hold(till: Till, mode: str):
    await till.world.order("authorise", mode)
    asked = till.ask(await till.method())
    payment = await till.payments.authorize(asked)
    await till.settle(payment.id)
    await till.met(payment.id)
    assert await till.settle(payment.id) == "authorized"
    assert await till.world.book(asked.checkout_id) == (1, 0, 0)


@pytest.mark.parametrize("mode", [*BROKEN, "500_before", "500_after"])
async def test_a_lost_capture_takes_the_money_once(till: Till, mode: str):
    asked = await till.held()
    payment_id = await till.id_of(asked)
    await till.world.order("capture", mode)
    with suppress(DomainError):
        await till.payments.capture(Capture(payment_id=payment_id, request_id="order-placed"))
    assert await till.settle(payment_id) == "captured"
    assert await till.world.book(asked.checkout_id) == (1, 1000, 0)


@pytest.mark.parametrize("mode", [*BROKEN, "500_after"])
async def test_a_lost_refund_is_given_once(till: Till, mode: str):
    asked = await till.held()
    payment_id = await till.id_of(asked)
    await till.payments.capture(Capture(payment_id=payment_id, request_id="order-placed"))
    await till.world.order("refund", mode)
    await till.payments.refund(Refund(payment_id=payment_id, request_id="r1", amount=Money(400), reason="damaged"))
    assert await till.settle(payment_id) == "partially_refunded"
    again = await till.payments.refund(
        Refund(payment_id=payment_id, request_id="r1", amount=Money(400), reason="damaged")
    )
    assert (again.state, await till.world.book(asked.checkout_id)) == ("succeeded", (1, 1000, 400))


@pytest.mark.parametrize("mode", [*BROKEN, "500_before", "500_after"])
async def test_a_lost_void_lets_the_money_go(stripe_till: Till, mode: str):
    asked = await stripe_till.held()
    payment_id = await stripe_till.id_of(asked)
    await stripe_till.world.order("void", mode)
    await stripe_till.payments.void(Void(attempt_id=asked.attempt_id, reason="out of stock"))
    assert await stripe_till.settle(payment_id) == "voided"
    assert await stripe_till.world.book(asked.checkout_id) == (1, 0, 0)


@pytest.mark.parametrize("mode", [*BROKEN, "500_after"])
async def test_what_was_let_go_before_its_answer_came_holds_nothing(stripe_till: Till, mode: str):
    await stripe_till.world.order("authorise", mode)
    asked = stripe_till.ask(await stripe_till.method())
    payment = await stripe_till.payments.authorize(asked)
    await stripe_till.payments.void(Void(attempt_id=asked.attempt_id, reason="gone"))
    assert await stripe_till.settle(payment.id) == "voided"
    held = [each["status"] for each in stripe_till.world.server.intents.values()]
    assert held == ["canceled"]


async def after_a_decline(till: Till, lost: list[str]) -> tuple[str, Authorize, str]:
    """The intent of a card that was refused, then another card for the same checkout whose answers get lost."""
    refused, good = till.ask(await till.card("4000000000000002")), till.ask(await till.card("4242424242424242"))
    assert (await till.payments.authorize(refused)).state == "declined"
    (intent_id,) = till.world.server.intents
    for mode in lost:
        await till.world.order("authorise", mode)
    again = msgspec.structs.replace(good, checkout_id=refused.checkout_id)
    return intent_id, again, (await till.payments.authorize(again)).id


async def test_a_late_notice_of_a_refused_card_says_nothing_of_the_next_one(stripe_till: Till):
    lost = ["drop_after", "drop_after"]
    stripe_till.world.server.searchable = False
    intent_id, asked, payment_id = await after_a_decline(stripe_till, lost)
    about = {"object": stripe_till.world.server.shown(intent_id)}
    event = {"id": new_id("evt"), "object": "event", "type": "payment_intent.payment_failed", "data": about}
    body = msgspec.json.encode(event)
    await stripe_till.payments.webhook(Webhook(provider="stripe", body=body, headers=stripe_till.world.signed(body)))
    assert await stripe_till.settle(payment_id) == "authorized"
    await stripe_till.payments.capture(Capture(payment_id=payment_id, request_id="order-placed"))
    assert await stripe_till.world.book(asked.checkout_id) == (2, 1000, 0)


async def test_what_another_card_was_refused_for_is_no_answer_about_this_one(stripe_till: Till):
    _, asked, payment_id = await after_a_decline(stripe_till, ["drop_before", "drop_before"])
    assert await stripe_till.settle(payment_id) == "authorized"
    assert await stripe_till.world.book(asked.checkout_id) == (2, 0, 0)


@pytest.mark.parametrize(
    ("mode", "state", "book"), [("drop_after", "captured", (1, 1000, 0)), ("drop_before", "expired", (0, 0, 0))]
)
async def test_a_payment_whose_key_may_be_forgotten_is_not_asked_for_again(
    stripe_till: Till, mode: str, state: str, book: tuple[int, int, int]
):
    server, asked = stripe_till.world.server, stripe_till.ask(UpiMethod(flow="qr"))
    server.searchable = False
    for _ in range(2):
        await stripe_till.world.order("authorise", mode)
    payment_id = (await stripe_till.payments.authorize(asked)).id
    # Stripe remembers a key for a day; a shop that was off over the weekend comes back on Monday.
    server.answers.clear()
    weekend = "UPDATE payments.payments SET created_at = created_at - interval '2 days' WHERE payment_id = $1"
    await stripe_till.rows(weekend, payment_id)
    server.searchable = True
    for intent_id in server.intents:
        server.approve(intent_id)
    assert await stripe_till.settle(payment_id) == state
    assert await stripe_till.world.book(asked.checkout_id) == book
