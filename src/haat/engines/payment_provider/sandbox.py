"""The sandbox provider over HTTP, its facts in the port's words, its webhooks verified."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from haat.engines.payment_provider.calls import MERCHANT, ProviderCalls
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.payment_provider import (
    Abilities,
    ActionWanted,
    Answered,
    Kind,
    Movement,
    Notice,
    Outcome,
    PaymentAsk,
    PaymentFact,
    RefundFact,
    RefundOutcome,
    Refused,
    State,
    Unknown,
)

TIMEOUT_SECONDS = 8.0
STATES: dict[str, State] = {
    "requires_action": "requires_action",
    "processing": "processing",
    "authorized": "authorized",
    "captured": "captured",
    "partially_refunded": "captured",
    "refunded": "captured",
    "declined": "declined",
    "expired": "expired",
    "voided": "voided",
}


KINDS: dict[str, Kind] = {
    "payment.captured": "capture",
    "refund.succeeded": "refund",
    "dispute.opened": "dispute",
    "dispute.won": "dispute_won",
}


class _Refund(msgspec.Struct):
    id: str
    amount: int
    state: RefundOutcome


class _Dispute(msgspec.Struct):
    amount: int
    state: str


class _Action(msgspec.Struct):
    type: str
    url: str
    expires_at: datetime
    upi_uri: str | None = None


class _Payment(msgspec.Struct):
    """What is read of the provider's payment; anything more is passed over."""

    id: str
    reference: str
    amount: int
    currency: str
    state: str
    captured: int
    refunded: int
    action: _Action | None = None
    decline_code: str | None = None
    network_token: str | None = None
    capture_before: datetime | None = None
    brand: str | None = None
    last4: str | None = None
    refunds: list[_Refund] = []
    dispute: _Dispute | None = None
    merchant: str = MERCHANT


class _Movement(msgspec.Struct):
    id: str
    payment_id: str
    reference: str
    type: str
    amount: int
    fee: int
    currency: str
    at: datetime


class _Movements(msgspec.Struct):
    data: list[_Movement]
    next_cursor: str | None


class _Data(msgspec.Struct):
    payment: _Payment | None = None


class _Message(msgspec.Struct):
    type: str
    data: _Data


class SandboxProvider:
    """The adapter of `ports.payment_provider.PaymentProvider`. While secrets rotate, two are live."""

    name = "sandbox"
    abilities = Abilities(
        methods=frozenset({"card", "network_token", "upi", "wallet"}),
        currencies=None,
        partial_capture=True,
        multiple_captures=True,
        void=True,
        find_lag=timedelta(0),
        report=True,
        report_lag=timedelta(0),
        signed_time=True,
    )

    def __init__(
        self,
        url: str,
        webhook_secrets: Sequence[str],
        timeout_seconds: float = TIMEOUT_SECONDS,
        merchant: str = MERCHANT,
    ) -> None:
        self._calls = ProviderCalls(url, timeout_seconds)
        self._merchant = merchant
        self._webhooks = [Webhook(secret) for secret in webhook_secrets[:2]]

    async def authorise(self, key: str, ask: PaymentAsk) -> Outcome:
        body: dict[str, Any] = {
            "reference": ask.reference,
            "amount": ask.amount.amount,
            "currency": ask.amount.currency,
            "method": ask.method,
            "merchant": self._merchant,
        }
        if ask.return_url is not None:
            body["return_url"] = ask.return_url
        return await self._ask("POST", "/v1/payments", key, body)

    async def capture(self, key: str, payment_id: str, amount_minor: int) -> Outcome:
        return await self._ask("POST", _path(payment_id, "/captures"), key, {"amount": amount_minor})

    async def void(self, key: str, payment_id: str) -> Outcome:
        return await self._ask("POST", _path(payment_id, "/voids"), key, {})

    async def refund(self, key: str, payment_id: str, amount_minor: int, reason: str) -> Outcome:
        body = {"amount": amount_minor, "reason": reason}
        return await self._ask("POST", _path(payment_id, "/refunds"), key, body)

    async def fetch(self, payment_id: str) -> Outcome:
        return await self._ask("GET", _path(payment_id, ""), None, None)

    async def find(self, reference: str) -> list[PaymentFact] | Unknown:
        try:
            status, body = await self._calls.send("GET", "/v1/payments?" + urlencode({"reference": reference}))
            if status != 200:
                return Unknown(f"the provider answered {status}")
            return [self._fact(payment) for payment in msgspec.convert(body["data"], list[_Payment])]
        except (Unavailable, msgspec.ValidationError, KeyError, TypeError) as error:
            return Unknown(_words(error))

    async def report(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        cursor: str | None = ""
        while cursor is not None:
            asked = {"since": since.isoformat(), "until": until.isoformat(), "cursor": cursor}
            status, body = await self._calls.send("GET", "/v1/movements?" + urlencode(asked))
            if status != 200:
                raise Unavailable(f"the provider answered {status}")
            page = msgspec.convert(body, _Movements)
            for row in page.data:
                yield _movement(row)
            cursor = page.next_cursor

    def read(self, status: int, body: Mapping[str, Any]) -> Outcome:
        if status in (200, 201):
            try:
                return Answered(self._fact(msgspec.convert(body, _Payment)))
            except (msgspec.ValidationError, KeyError) as error:
                return Unknown(f"an answer that cannot be read: {_words(error)}")
        code = str(body.get("code", "refused"))
        # A key that was used before, with a request we cannot repeat word for word, proves an effect, not a refusal.
        if 400 <= status < 500 and not code.startswith("idempotency_"):
            return Refused(code, str(body.get("detail", "")))
        return Unknown(f"the provider answered {status}")

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        lowered = {name.lower(): value for name, value in headers.items()}
        if not any(_signed(webhook, body, lowered) for webhook in self._webhooks):
            return None
        try:
            message = msgspec.json.decode(body, type=_Message)
            fact = None if message.data.payment is None else self._fact(message.data.payment)
        except (msgspec.DecodeError, KeyError):
            return None
        return Notice(lowered["webhook-id"], message.type, fact)

    async def close(self) -> None:
        await self._calls.close()

    async def _ask(self, method: str, path: str, key: str | None, body: Any) -> Outcome:
        try:
            return self.read(*await self._calls.send(method, path, key, body))
        except Unavailable as error:
            return Unknown(error.detail)

    def _fact(self, payment: _Payment) -> PaymentFact:
        fact = _fact(payment)
        foreign = None if payment.merchant == self._merchant else payment.merchant
        return msgspec.structs.replace(fact, foreign_merchant=foreign)


def _signed(webhook: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _fact(payment: _Payment) -> PaymentFact:
    state = STATES[payment.state]
    # A hold that ran out is told as expired too; only an authorised card has a network token.
    if state == "expired" and payment.network_token is not None:
        state = "lapsed"
    at_stake = payment.dispute is not None and payment.dispute.state != "won"
    return PaymentFact(
        id=payment.id,
        reference=payment.reference,
        amount=Money(payment.amount, payment.currency),
        state=state,
        captured_minor=payment.captured,
        refunds=tuple(RefundFact(one.id, one.amount, one.state) for one in payment.refunds),
        action=None if payment.action is None else msgspec.convert(payment.action, ActionWanted, from_attributes=True),
        decline_code=payment.decline_code,
        brand=payment.brand,
        last4=payment.last4,
        dispute=None if payment.dispute is None else payment.dispute.state,
        disputed_minor=payment.dispute.amount if payment.dispute is not None and at_stake else 0,
        capture_before=payment.capture_before,
    )


def _movement(row: _Movement) -> Movement:
    return Movement(
        id=row.id,
        kind=KINDS.get(row.type, "other"),
        amount=Money(row.amount, row.currency),
        fee=Money(row.fee, row.currency),
        at=row.at,
        payment_id=row.payment_id,
        reference=row.reference,
    )


def _path(payment_id: str, rest: str) -> str:
    return f"/v1/payments/{quote(payment_id, safe='')}{rest}"


def _words(error: Exception) -> str:
    return error.detail if isinstance(error, Unavailable) else f"{type(error).__name__}: {error}"
