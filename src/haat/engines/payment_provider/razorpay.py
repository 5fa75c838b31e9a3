"""Razorpay behind the port: orders held and captured apart, UPI by intent and QR, its webhooks verified."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from haat.engines.payment_provider.amounts import UNREADABLE, NotRepresentable, to_wire
from haat.engines.payment_provider.razorpay_calls import RazorpayCalls, Unanswered
from haat.engines.payment_provider.razorpay_facts import (
    DECIMALS,
    INDIA,
    INQUIRIES,
    KEY,
    Attempt,
    Attempts,
    Dispute,
    Order,
    Refund,
    Row,
    Told,
    deciding,
    fact_of,
    movement_of,
    noted,
    paid_out,
    settled_at,
)
from haat.engines.payment_provider.razorpay_facts import REFERENCE as REFERENCE_NOTE
from haat.engines.payment_provider.razorpay_orders import MOST, Payer, RazorpayOrders
from haat.engines.payment_provider.signatures import signed
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.payment_provider import (
    Abilities,
    Answered,
    Movement,
    Notice,
    Outcome,
    PaymentAsk,
    PaymentFact,
    Refused,
    Unknown,
)

TIMEOUT_SECONDS = 8.0
REPORT_ROWS = 1_000
FIND_LAG = timedelta(minutes=1)
# Settlement is two working days after the capture; a weekend and a bank holiday on each side make it a week.
REPORT_LAG = timedelta(days=7)
NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9_-]")
SHOWN_AS = {"qr": "upi_qr", "intent": "upi_intent", "upi": "upi_intent", "wallet": "wallet_redirect"}
# The shopper's browser is not known here; Razorpay wants something in its place.
BROWSER = {"ip": "127.0.0.1", "user_agent": "haat"}


class _Entity(msgspec.Struct):
    entity: Attempt


class _Payload(msgspec.Struct):
    payment: _Entity | None = None


class _Event(msgspec.Struct):
    event: str
    payload: _Payload
    account_id: str = ""


class RazorpayProvider:
    """The adapter of `ports.payment_provider.PaymentProvider`, for a shop of one `currency`.

    The port's payment id is the id of an order. While webhook secrets rotate, two are live.
    """

    name = "razorpay"

    def __init__(
        self,
        key_id: str,
        key_secret: str,
        webhook_secrets: Sequence[str],
        payer: Payer,
        currency: str = "INR",
        shop_url: str = "",
        account_id: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
        url: str | None = None,
    ) -> None:
        self._calls = RazorpayCalls(key_id, key_secret, timeout_seconds, url)
        self._orders = RazorpayOrders(self._calls, payer)
        self._secrets = tuple(webhook_secrets)
        self._currency = currency
        self._shop_url = shop_url
        self._account_id = account_id
        self.abilities = Abilities(
            methods=frozenset({"card", "upi", "wallet"}),
            currencies=frozenset({currency}),
            partial_capture=False,
            multiple_captures=False,
            void=False,
            find_lag=FIND_LAG,
            report=True,
            report_lag=REPORT_LAG,
            signed_time=False,
        )

    async def start(self) -> None:
        await self._calls.start()

    async def authorise(self, key: str, ask: PaymentAsk) -> Outcome:
        """UPI and wallets; cards take the vault's road. A QR code is drawn from the same link as an intent."""
        try:
            wire = self._wire(ask.amount)
            details, pay = _way_to_pay(ask, self._shop_url)
        except NotRepresentable as error:
            return Refused("amount_not_representable", str(error))
        except KeyError:
            return Refused("method_not_offered", "Razorpay is not asked for this method here")
        try:
            begun = await self._orders.begin(key, ask.reference, wire, ask.amount.currency, details, pay)
            outcome = self.read(*begun)
        except Unanswered as lost:
            return Unknown(lost.why)
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {error}")
        if not isinstance(outcome, Answered) or outcome.fact.action is None:
            return outcome
        kind = SHOWN_AS[ask.method.get("flow") or ask.method["type"]]
        shown = msgspec.structs.replace(outcome.fact.action, type=kind)
        return Answered(msgspec.structs.replace(outcome.fact, action=shown))

    async def capture(self, key: str, payment_id: str, amount_minor: int) -> Outcome:
        """The whole or nothing. Captures know no key: one that was taken before is told, not taken again."""
        try:
            wire = self._wire(Money(amount_minor, self._currency))
        except NotRepresentable as error:
            return Refused("amount_not_representable", str(error))
        try:
            reference, attempt = await self._attempt(payment_id)
            if attempt is None:
                return Refused("payment_not_begun", "Nobody has tried to pay this order")
            if wire != attempt.amount:
                return Refused("amount_not_whole", "Razorpay captures the whole of a payment only")
            if attempt.captured:
                return Answered(await self._whole(payment_id, reference, attempt))
            taken, asked = attempt.id, {"amount": wire, "currency": attempt.currency}
            status, body = await self._calls.ask(lambda client: client.payment.capture(taken, wire, asked))
            if status != 200:
                # Somebody may have been faster, our own lost call above all.
                reference, attempt = await self._attempt(payment_id)
                if attempt is None or not attempt.captured:
                    return _refusal(body)
                return Answered(await self._whole(payment_id, reference, attempt))
            return Answered(fact_of(payment_id, reference, msgspec.convert(body, Attempt)))
        except Unanswered as lost:
            return Unknown(lost.why)
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {error}")

    async def void(self, key: str, payment_id: str) -> Outcome:
        """There is no such call: a hold that is not captured goes back by itself."""
        return Refused("void_not_offered", "Razorpay gives a hold back by itself when it is not captured")

    async def refund(self, key: str, payment_id: str, amount_minor: int, reason: str) -> Outcome:
        try:
            wire = self._wire(Money(amount_minor, self._currency))
        except NotRepresentable as error:
            return Refused("amount_not_representable", str(error))
        if wire <= 0:
            return Refused("amount_not_positive", "The amount must be above zero")
        asked = {"amount": wire, "speed": "normal", "notes": {KEY: key, "haat_reason": reason[:250]}}
        under = {"X-Refund-Idempotency": NOT_IN_A_KEY.sub("-", key).ljust(10, "-")}
        try:
            reference, attempt = await self._attempt(payment_id)
            if attempt is None or not attempt.captured:
                return Refused("payment_not_captured", "There is nothing to give back")
            paid = attempt.id
            # How long a key is remembered is nowhere promised: what was made under it is not made once more.
            known = next((each for each in await self._refunds(paid) if noted(each.notes, KEY) == key), None)
            if known is not None and known.amount != wire:
                return Unknown("this key was used for another amount")
            if known is not None:
                return Answered(await self._whole(payment_id, reference, attempt, known.id))
            status, body = await self._calls.ask(lambda client: client.payment.refund(paid, asked, headers=under))
            if status != 200:
                return _refusal(body)
            return Answered(await self._whole(payment_id, reference, attempt, str(body.get("id"))))
        except Unanswered as lost:
            return Unknown(lost.why)
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {error}")

    async def fetch(self, payment_id: str) -> Outcome:
        try:
            status, body = await self._calls.ask(lambda client: client.order.payments(payment_id))
            if status != 200:
                return _refusal(body)
            attempt = deciding(msgspec.convert(body, Attempts).items)
            if attempt is None:
                return Unknown("nobody has tried to pay this order")
            return Answered(await self._whole(payment_id, attempt.reference, attempt))
        except Unanswered as lost:
            return Unknown(lost.why)
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {error}")

    async def find(self, reference: str) -> list[PaymentFact] | Unknown:
        """Orders that nobody tried to pay hold nothing and are left out, as are refunds."""
        try:
            orders = await self._orders.of_reference(reference)
            tried = [(order, deciding(order.attempts)) for order in orders]
            return [fact_of(order.id, reference, attempt) for order, attempt in tried if attempt is not None]
        except Unanswered as lost:
            return Unknown(lost.why)
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {error}")

    async def report(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        """By the moment of settlement: what was captured but not settled yet is in no report of Razorpay's."""
        day, settled = (since + INDIA).date(), dict[str, Row]()
        while day <= (until + INDIA).date():
            asked: dict[str, Any] = {"year": day.year, "month": day.month, "day": day.day, "count": REPORT_ROWS}
            skip, full = 0, True
            while full:
                page = asked | {"skip": skip}
                try:
                    status, body = await self._calls.ask(lambda client: client.settlement.report(page))  # noqa: B023
                except Unanswered as lost:
                    raise Unavailable(lost.why) from None
                if status != 200:
                    raise Unavailable(f"Razorpay answered {status}")
                try:
                    rows = msgspec.convert(body["items"], list[Row])
                    moved = [movement_of(row) for row in rows]
                except UNREADABLE as error:
                    raise Unavailable(f"a report that cannot be read: {error}") from None
                for movement in moved:
                    if since <= movement.at < until:
                        yield movement
                settled |= {row.entity_id: row for row in rows if since <= settled_at(row) < until}
                skip, full = skip + len(rows), len(rows) == REPORT_ROWS
            day += timedelta(days=1)
        for payout in paid_out(settled.values()):
            yield payout

    def read(self, status: int, body: Mapping[str, Any]) -> Outcome:
        if status != 200:
            return _refusal(body) if 400 <= status < 500 else Unknown(f"Razorpay answered {status}")
        try:
            told = msgspec.convert(body, Told)
            return Answered(fact_of(told.order_id, told.reference, told.attempt, action=told.action))
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {error}")

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        told = next((value for name, value in headers.items() if name.lower() == "x-razorpay-signature"), "")
        if not signed(self._secrets, body, [told]):
            return None
        try:
            event = msgspec.json.decode(body, type=_Event)
            # Its own id travels outside of what is signed; the signed bytes name themselves.
            notice = Notice(hashlib.sha256(body).hexdigest()[:40], event.event, None)
            if event.payload.payment is None or (self._account_id and event.account_id != self._account_id):
                # Of nothing that we act on, or of another account than ours.
                return notice
            attempt = event.payload.payment.entity
            notice = msgspec.structs.replace(notice, payment_id=attempt.order_id)
            partial = attempt.order_id is None or not event.event.startswith("payment.") or "dispute" in event.event
            if attempt.order_id is None or partial:
                return notice
            fact = fact_of(attempt.order_id, attempt.reference, attempt)
            return msgspec.structs.replace(notice, fact=fact)
        except UNREADABLE:
            return None

    async def close(self) -> None:
        await self._calls.close()

    def _wire(self, amount: Money) -> int:
        if amount.currency != self._currency:
            raise NotRepresentable(f"this shop is paid in {self._currency}")
        return to_wire(amount, DECIMALS)

    async def _attempt(self, payment_id: str) -> tuple[str, Attempt | None]:
        """Our reference and the attempt that decides. Raises Unanswered."""
        status, body = await self._calls.ask(lambda client: client.order.payments(payment_id))
        if status != 200:
            return "", None
        attempt = deciding(msgspec.convert(body, Attempts).items)
        return ("", None) if attempt is None else (attempt.reference, attempt)

    async def _refunds(self, paid: str) -> list[Refund]:
        """Every refund of an attempt, the newest first. Raises Unanswered."""
        every = {"count": MOST}
        status, body = await self._calls.ask(lambda client: client.payment.fetch_multiple_refund(paid, every))
        if status != 200:
            raise Unanswered(f"Razorpay answered {status} about refunds")
        return msgspec.convert(body["items"], list[Refund])

    async def _whole(self, payment_id: str, reference: str, attempt: Attempt, ours: str | None = None) -> PaymentFact:
        """The fact with refunds, ours last, and a dispute when there is one. Raises Unanswered."""
        if not reference:
            status, body = await self._calls.ask(lambda client: client.order.fetch(payment_id))
            reference = noted(msgspec.convert(body, Order).notes, REFERENCE_NOTE) if status == 200 else ""
        if not attempt.captured:
            return fact_of(payment_id, reference, attempt)
        refunds = await self._refunds(attempt.id)
        refunds.sort(key=lambda refund: (refund.id == ours, refund.created_at, refund.id))
        status, body = await self._calls.ask(lambda client: client.dispute.all({"count": MOST}))
        if status != 200:
            raise Unanswered(f"Razorpay answered {status} about disputes")
        disputes = msgspec.convert(body["items"], list[Dispute])
        case = next((each for each in disputes if each.payment_id == attempt.id and each.phase not in INQUIRIES), None)
        return fact_of(payment_id, reference, attempt, refunds, case)


def _way_to_pay(ask: PaymentAsk, shop_url: str) -> tuple[dict[str, Any], Any]:
    """The details of a method, and the call that takes them. Raises KeyError for a method that is not offered."""
    details: dict[str, Any] = BROWSER | {"referer": shop_url or "https://shop.invalid"}
    if ask.return_url is not None:
        details["callback_url"] = ask.return_url
    if ask.method.get("type") == "wallet":
        details |= {"method": "wallet", "wallet": ask.method["provider"]}
        return details, lambda client, asked: client.payment.createPaymentJson(asked)
    if ask.method.get("type") != "upi" or ask.method.get("vpa"):
        # Asking a shopper's app by its address has ended for shops on phones and desktops alike.
        raise KeyError("method")
    details |= {"method": "upi", "upi": {"flow": "intent"}}
    return details, lambda client, asked: client.payment.createUpi(asked)


def _refusal(body: Mapping[str, Any]) -> Refused:
    error = body.get("error")
    said = error if isinstance(error, Mapping) else {}
    code = said.get("reason") if said.get("reason") not in (None, "", "NA") else said.get("code")
    return Refused(str(code or "refused"), str(said.get("description", "")))
