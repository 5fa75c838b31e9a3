"""Lost answers at Stripe and Razorpay, seen through the service: settled by asking, and taken once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from haat.contracts.payments import Authorize, Capture, CardMethod, Method, PaymentRef, Refund, UpiMethod, Void
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
        card = NewCard(number="4242424242424242", exp_month=12, exp_year=2040, cvc="123", name="Asha")
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
