"""The providers that the suite asks, each with its adapter, its own books, and what its outside world can do."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import aiohttp
import msgspec
import pytest
from standardwebhooks import Webhook

from haat.engines.payment_provider.cards import SandboxCards
from haat.engines.payment_provider.razorpay import RazorpayProvider
from haat.engines.payment_provider.razorpay_cards import RazorpayCards
from haat.engines.payment_provider.razorpay_orders import Payer
from haat.engines.payment_provider.sandbox import SandboxProvider
from haat.engines.payment_provider.stripe import StripeProvider
from haat.engines.payment_provider.stripe_cards import StripeCards
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.card_acquirer import CardAcquirer, CardPayment
from haat.ports.payment_provider import Abilities, Answered, Outcome, PaymentProvider, Unknown
from tests.engines.payment_provider.razorpay_server import NOW as RAZORPAY_NOW
from tests.engines.payment_provider.razorpay_server import RazorpayServer
from tests.engines.payment_provider.stripe_server import StripeServer

# How long an adapter waits for an answer; and where a test orders one that never comes.
TIMEOUT, HASTY = 25.0, 2.0
STRIPE_KEY = "sk_test_conformance"
RAZORPAY_KEY = ("rzp_test_conformance", "its-secret")
PAYER = Payer("+919000090000", "shop@example.com")
ALL_TIME = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC))
SECRET, OLD_SECRET = "whsec_c2FuZGJveC10ZXN0cy1zZWNyZXQ=", "whsec_b2xkLXNlY3JldC1vZi10aGUtc2FuZGJveA=="
BACK = "https://shop.example/back"
NUMBERS = {"good": "4242424242424242", "declined": "4000000000000002", "challenged": "4000002760003184"}
MADE_FOR = {name: {"type": "card", "number": number} for name, number in NUMBERS.items()}
EXPIRES = {"exp_month": 12, "exp_year": 2040, "cvc": "123"}


def patience(request: pytest.FixtureRequest) -> float:
    """How long the adapters of this test wait."""
    told = request.node.callspec.params.values() if hasattr(request.node, "callspec") else ()
    return HASTY if "stall" in told else TIMEOUT


class Book(NamedTuple):
    """What the provider's own books say of all payments of one reference."""

    payments: int
    captured: int
    refunded: int


class World:
    """One provider as the suite sees it."""

    name: str
    provider: PaymentProvider
    cards: CardAcquirer
    # How a UPI payment by QR code is told, and when everything in the provider's report happened.
    upi_action = "upi_qr"
    window = ALL_TIME

    async def charge(
        self, card: str = "good", amount: int = 1000, reference: str = "", key: str = "", keep: bool = False
    ) -> Outcome:
        """By the vault's road, read as payments reads it."""
        payment = CardPayment(reference or new_id("chk"), Money(amount), "manual", BACK, keep)
        try:
            return self.provider.read(
                *await self.cards.charge(key or f"{new_id('pay')}:authorize", payment, MADE_FOR[card] | EXPIRES)
            )
        except Unavailable as lost:
            return Unknown(lost.detail)

    async def hold(self, amount: int = 1000, reference: str = "") -> str:
        """The id of a payment whose money is held."""
        outcome = await self.charge("good", amount, reference)
        assert isinstance(outcome, Answered), outcome
        return outcome.fact.id

    async def close(self) -> None:
        await self.provider.close()
        await self.cards.close()

    async def order(self, op: str, mode: str) -> None:
        raise NotImplementedError

    async def book(self, reference: str) -> Book:
        raise NotImplementedError

    async def approve(self, payment_id: str) -> None:
        raise NotImplementedError

    async def fail(self, payment_id: str) -> None:
        raise NotImplementedError

    async def lapse(self, payment_id: str) -> None:
        raise NotImplementedError

    async def dispute(self, payment_id: str, outcome: str) -> None:
        raise NotImplementedError

    async def refund_that_fails(self, payment_id: str, amount: int) -> None:
        raise NotImplementedError

    async def notice(self, payment_id: str) -> bytes:
        """The body of a notice that says how the payment is now."""
        raise NotImplementedError

    def signed(self, body: bytes, secret: str = SECRET, age: int = 0) -> dict[str, str]:
        raise NotImplementedError


class SandboxWorld(World):
    name = "sandbox"

    def __init__(self, url: str, seconds: float = TIMEOUT) -> None:
        self.url = url
        self.provider = SandboxProvider(url, [SECRET, OLD_SECRET], timeout_seconds=seconds)
        self.cards = SandboxCards(url, timeout_seconds=seconds)
        self._session = aiohttp.ClientSession()

    async def close(self) -> None:
        with suppress(aiohttp.ClientError):
            await self._session.delete(self.url + "/sandbox/faults")
        await self._session.close()
        await super().close()

    async def _post(self, path: str, body: Any = None, form: Any = None) -> None:
        async with self._session.post(self.url + path, json=body, data=form, allow_redirects=False) as answer:
            assert answer.status < 400, await answer.text()

    async def order(self, op: str, mode: str) -> None:
        await self._post("/sandbox/faults", {"op": {"authorise": "authorize"}.get(op, op), "mode": mode})

    async def book(self, reference: str) -> Book:
        async with self._session.get(self.url + "/sandbox/books") as answer:
            rows = [row for row in (await answer.json())["data"] if row["reference"] == reference]
        return Book(len(rows), sum(row["captured"] for row in rows), sum(row["refunded"] for row in rows))

    async def approve(self, payment_id: str) -> None:
        await self._post(f"/sandbox/actions/{payment_id}", form={"outcome": "approve"})

    async def fail(self, payment_id: str) -> None:
        await self._post(f"/sandbox/actions/{payment_id}", form={"outcome": "decline"})

    async def lapse(self, payment_id: str) -> None:
        await self._post("/sandbox/clock", {"advance_seconds": 8 * 86_400})

    async def dispute(self, payment_id: str, outcome: str) -> None:
        await self._post(f"/sandbox/disputes/{payment_id}", {"outcome": outcome})

    async def refund_that_fails(self, payment_id: str, amount: int) -> None:
        await self._post("/sandbox/faults", {"op": "refund", "mode": "fail"})
        await self.provider.refund(new_id("ref"), payment_id, amount, "returned")
        await self._post("/sandbox/clock", {"advance_seconds": 3})

    async def notice(self, payment_id: str) -> bytes:
        async with self._session.get(f"{self.url}/v1/payments/{payment_id}") as answer:
            payment = msgspec.Raw(await answer.read())
        return msgspec.json.encode({"type": "payment.told", "data": {"payment": payment}})

    def signed(self, body: bytes, secret: str = SECRET, age: int = 0) -> dict[str, str]:
        at = datetime.fromtimestamp(time.time() - age, UTC)
        signature = Webhook(secret).sign("msg_1", at, body.decode(errors="replace"))
        return {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
        }


class StripeWorld(World):
    name = "stripe"
    upi_action = "redirect"
    server: StripeServer

    def __init__(
        self, url: str, server: StripeServer | None = None, currency: str = "INR", seconds: float = TIMEOUT
    ) -> None:
        if server is not None:
            self.server = server
        secrets = [SECRET, OLD_SECRET]
        self.provider = StripeProvider(STRIPE_KEY, secrets, currency, timeout_seconds=seconds, url=url)
        self.cards = StripeCards(STRIPE_KEY, timeout_seconds=seconds, url=url)

    async def order(self, op: str, mode: str) -> None:
        self.server.order(op, mode)

    async def book(self, reference: str) -> Book:
        server = self.server
        ours = [each for each in server.intents.values() if each["metadata"].get("haat_reference") == reference]
        charges = [server.charges[each["latest_charge"]] for each in ours if each["latest_charge"]]
        refunds = [each for charge in charges for each in charge["refunds"]["data"] if each["status"] != "failed"]
        return Book(
            len(ours), sum(each["amount_received"] for each in ours), sum(refund["amount"] for refund in refunds)
        )

    async def approve(self, payment_id: str) -> None:
        self.server.approve(payment_id)

    async def fail(self, payment_id: str) -> None:
        self.server.fail(payment_id)

    async def lapse(self, payment_id: str) -> None:
        self.server.lapse(payment_id)

    async def dispute(self, payment_id: str, outcome: str) -> None:
        self.server.dispute(payment_id, {"opened": "needs_response"}.get(outcome, outcome))

    async def refund_that_fails(self, payment_id: str, amount: int) -> None:
        await self.provider.refund(new_id("ref"), payment_id, amount, "returned")
        self.server.settle_refund(payment_id, "failed")

    async def notice(self, payment_id: str) -> bytes:
        about = {"object": self.server.shown(payment_id)}
        return msgspec.json.encode({"id": "evt_1", "object": "event", "type": "payment_intent.updated", "data": about})

    def signed(self, body: bytes, secret: str = SECRET, age: int = 0) -> dict[str, str]:
        at = int(time.time()) - age
        digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return {"Stripe-Signature": f"t={at},v1={digest},v0=gone"}


class RazorpayWorld(World):
    name = "razorpay"
    upi_action = "upi_qr"
    window = (datetime.fromtimestamp(RAZORPAY_NOW - 90_000, UTC), datetime.fromtimestamp(RAZORPAY_NOW + 90_000, UTC))
    server: RazorpayServer

    def __init__(self, url: str, server: RazorpayServer | None = None, seconds: float = TIMEOUT) -> None:
        if server is not None:
            self.server = server
        secrets = [SECRET, OLD_SECRET]
        self.provider = RazorpayProvider(*RAZORPAY_KEY, secrets, PAYER, timeout_seconds=seconds, url=url)
        self.cards = RazorpayCards(*RAZORPAY_KEY, PAYER, timeout_seconds=seconds, url=url)

    async def charge(
        self, card: str = "good", amount: int = 1000, reference: str = "", key: str = "", keep: bool = False
    ) -> Outcome:
        """Every card is challenged: what the bank thinks of it is known after that."""
        outcome = await super().charge(card, amount, reference, key, keep)
        if card == "declined" and isinstance(outcome, Answered):
            self.server.fail(outcome.fact.id)
            return await self.provider.fetch(outcome.fact.id)
        return outcome

    async def hold(self, amount: int = 1000, reference: str = "") -> str:
        payment_id = await super().hold(amount, reference)
        self.server.approve(payment_id)
        return payment_id

    async def order(self, op: str, mode: str) -> None:
        self.server.order(op, mode)

    async def book(self, reference: str) -> Book:
        server = self.server
        orders = [each["id"] for each in server.orders.values() if each["notes"]["haat_reference"] == reference]
        paid = {each["id"]: each for each in server.payments.values() if each["order_id"] in orders}
        tried = {each["order_id"] for each in paid.values()}
        refunds = [each for each in server.refunds.values() if each["payment_id"] in paid]
        return Book(
            len(tried),
            sum(each["amount"] for each in paid.values() if each["captured"]),
            sum(each["amount"] for each in refunds if each["status"] != "failed"),
        )

    async def approve(self, payment_id: str) -> None:
        self.server.approve(payment_id)

    async def fail(self, payment_id: str) -> None:
        self.server.fail(payment_id)

    async def lapse(self, payment_id: str) -> None:
        self.server.lapse(payment_id)

    async def dispute(self, payment_id: str, outcome: str) -> None:
        self.server.dispute(payment_id, {"opened": "open"}.get(outcome, outcome))

    async def refund_that_fails(self, payment_id: str, amount: int) -> None:
        await self.provider.refund(new_id("ref"), payment_id, amount, "returned")
        self.server.settle_refund(payment_id, "failed")

    async def notice(self, payment_id: str) -> bytes:
        about = {"payment": {"entity": self.server.newest(payment_id)}}
        return msgspec.json.encode({"entity": "event", "event": "payment.told", "payload": about, "created_at": 1})

    def signed(self, body: bytes, secret: str = SECRET, age: int = 0) -> dict[str, str]:
        return {"X-Razorpay-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


ABILITIES: dict[str, Abilities] = {
    "sandbox": SandboxProvider.abilities,
    "stripe": StripeProvider("sk", [], "INR").abilities,
    "razorpay": RazorpayProvider("id", "secret", [], PAYER).abilities,
}
ENGINES = list(ABILITIES)
WORLDS: dict[str, Callable[[str], World]] = {"sandbox": SandboxWorld, "stripe": StripeWorld, "razorpay": RazorpayWorld}


def able(ability: str) -> list[str]:
    """The engines that have an ability."""
    return [name for name, abilities in ABILITIES.items() if getattr(abilities, ability)]


def unable(ability: str) -> list[str]:
    return [name for name in ENGINES if name not in able(ability)]


def offering(method: str) -> list[str]:
    """The engines that take a method."""
    return [name for name, abilities in ABILITIES.items() if method in abilities.methods]
