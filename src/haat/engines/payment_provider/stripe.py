"""Stripe behind the port: intents held and captured apart, its facts in our words, its webhooks verified."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec

from haat.engines.payment_provider.amounts import UNREADABLE, NotRepresentable, to_wire
from haat.engines.payment_provider.signatures import TOLERANCE_SECONDS, signed
from haat.engines.payment_provider.stripe_calls import StripeCalls, Unanswered
from haat.engines.payment_provider.stripe_facts import (
    CAPTURE_KEY,
    DECIMALS,
    EXPAND,
    KEY,
    REFERENCE,
    Dispute,
    Intent,
    Line,
    Refund,
    fact_of,
    movement_of,
    refund_under,
)
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
PAGE = 100
# Searches show a payment within a minute, and later when Stripe is ill.
FIND_LAG = timedelta(minutes=15)
# Neither captured nor given up.
UNTOUCHED = ("requires_capture", "requires_action", "requires_payment_method", "requires_confirmation")
LOOK_BACK = timedelta(hours=24)
LOOK_PAGES = 50
# Refusals of a request that has no effect; any other error object says nothing.
REFUSALS = frozenset({"card_error", "invalid_request_error"})


class _RefundAnswer(Refund):
    payment_intent: Intent | str | None = None


class _Object(msgspec.Struct):
    object: str
    payment_intent: str | None = None


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    id: str
    type: str
    data: _Data
    account: str | None = None


class StripeProvider:
    """The adapter of `ports.payment_provider.PaymentProvider`, for a shop of one `currency`.

    While webhook secrets rotate, two are live. `url` is another place than Stripe's own, for tests.
    """

    name = "stripe"

    def __init__(
        self,
        key: str,
        webhook_secrets: Sequence[str],
        currency: str,
        timeout_seconds: float = TIMEOUT_SECONDS,
        url: str | None = None,
    ) -> None:
        self._calls = StripeCalls(key, timeout_seconds, url)
        self._secrets = tuple(webhook_secrets)
        self._currency = currency
        self.abilities = Abilities(
            methods=frozenset({"card", "network_token", "upi"}),
            currencies=frozenset({currency}),
            partial_capture=True,
            multiple_captures=False,
            void=True,
            find_lag=FIND_LAG,
            report=True,
            report_lag=timedelta(0),
            signed_time=True,
        )

    async def start(self) -> None:
        await self._calls.start()

    async def authorise(self, key: str, ask: PaymentAsk) -> Outcome:
        """UPI through Stripe's own page; cards take the vault's road."""
        if ask.method.get("type") != "upi" or ask.method.get("vpa"):
            return Refused("method_not_offered", "Stripe is not asked for this method here")
        try:
            wire = self._wire(ask.amount)
        except NotRepresentable as error:
            return Refused("amount_not_representable", str(error))
        body = intent_body(key, ask.reference, wire, ask.amount.currency, ask.return_url)
        body |= {"payment_method_types": ["upi"], "payment_method_data": {"type": "upi"}}
        return await self._intent(lambda client: client.v1.payment_intents.create_async(body, _under(key)))

    async def capture(self, key: str, payment_id: str, amount_minor: int) -> Outcome:
        """Once for each payment: what is not captured is let go of."""
        try:
            wire = self._wire(Money(amount_minor, self._currency))
        except NotRepresentable as error:
            return Refused("amount_not_representable", str(error))
        body = {"amount_to_capture": wire, "metadata": {CAPTURE_KEY: key}, "expand": EXPAND}
        return await self._command(
            payment_id,
            key,
            lambda client, key: client.v1.payment_intents.capture_async(payment_id, body, _under(key)),
            lambda intent: intent.metadata.get(CAPTURE_KEY) == key and intent.amount_received > 0,
        )

    async def void(self, key: str, payment_id: str) -> Outcome:
        body = {"cancellation_reason": "requested_by_customer", "expand": EXPAND}
        return await self._command(
            payment_id,
            key,
            lambda client, key: client.v1.payment_intents.cancel_async(payment_id, body, _under(key)),
            lambda intent: intent.status == "canceled",
        )

    async def refund(self, key: str, payment_id: str, amount_minor: int, reason: str) -> Outcome:
        try:
            wire = self._wire(Money(amount_minor, self._currency))
        except NotRepresentable as error:
            return Refused("amount_not_representable", str(error))
        body = {
            "payment_intent": payment_id,
            "amount": wire,
            # Stripe knows three reasons only; ours is kept beside.
            "metadata": {KEY: key, "haat_reason": reason[:500]},
            "expand": ["payment_intent.latest_charge.refunds"],
        }
        try:
            # A key is forgotten after a day: what was made under it before a longer outage is not made once more.
            known = await self._refund_found(payment_id, key, wire)
            if known is not None:
                return known
            status, told = await self._calls.ask(lambda client: client.v1.refunds.create_async(body, _under(key)))
            if status != 200:
                return self.read(status, told)
            made = msgspec.convert(told, _RefundAnswer)
            if not isinstance(made.payment_intent, Intent):
                return Unknown("a refund without its payment")
            return Answered(fact_of(made.payment_intent, ours=made))
        except Unanswered as lost:
            return Unknown(lost.why)
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {error}")

    async def fetch(self, payment_id: str) -> Outcome:
        return await self._intent(
            lambda client: client.v1.payment_intents.retrieve_async(payment_id, {"expand": EXPAND})
        )

    async def find(self, reference: str) -> list[PaymentFact] | Unknown:
        quoted = reference.replace("\\", "\\\\").replace("'", "\\'")
        asked = {"query": f"metadata['{REFERENCE}']:'{quoted}'", "limit": PAGE, "expand": _each(EXPAND)}
        try:
            status, body = await self._calls.ask(lambda client: client.v1.payment_intents.search_async(asked))
            if status == 200:
                found = msgspec.convert(body["data"], list[Intent])
            else:
                # Searches are not offered in every country, India among them.
                found = [intent async for intent in self._recent() if intent.metadata.get(REFERENCE) == reference]
            return [fact_of(intent) for intent in sorted(found, key=lambda intent: intent.created)]
        except Unanswered as lost:
            return Unknown(lost.why)
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {error}")

    async def _recent(self) -> AsyncIterator[Intent]:
        """Every intent of a day, whose keys Stripe still knows. Raises Unanswered when there are too many."""
        asked: dict[str, Any] = {
            "created": {"gte": int(time.time() - LOOK_BACK.total_seconds())},
            "limit": PAGE,
            "expand": _each(EXPAND),
        }
        for _ in range(LOOK_PAGES):
            page = asked
            status, body = await self._calls.ask(
                lambda client: client.v1.payment_intents.list_async(page)  # noqa: B023 - awaited at once
            )
            if status != 200:
                raise Unanswered(f"Stripe answered {status}")
            intents = msgspec.convert(body["data"], list[Intent])
            for intent in intents:
                yield intent
            if not body.get("has_more") or not intents:
                return
            asked = asked | {"starting_after": intents[-1].id}
        raise Unanswered("more payments than can be looked through")

    async def report(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        window = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
        asked: dict[str, Any] = {"created": window, "limit": PAGE, "expand": ["data.source"]}
        more = True
        while more:
            try:
                status, body = await self._calls.ask(
                    lambda client: client.v1.balance_transactions.list_async(asked)  # noqa: B023 - awaited at once
                )
            except Unanswered as lost:
                raise Unavailable(lost.why) from None
            if status != 200:
                raise Unavailable(f"Stripe answered {status}")
            try:
                lines = msgspec.convert(body["data"], list[Line])
                moved = [movement_of(line) for line in lines]
            except UNREADABLE as error:
                raise Unavailable(f"a report that cannot be read: {error}") from None
            for movement in moved:
                yield movement
            more = bool(lines) and bool(body.get("has_more"))
            asked = asked | {"starting_after": lines[-1].id} if lines else asked

    def read(self, status: int, body: Mapping[str, Any]) -> Outcome:
        if status == 200:
            try:
                return Answered(fact_of(msgspec.convert(body, Intent)))
            except UNREADABLE as error:
                return Unknown(f"an answer that cannot be read: {error}")
        said = body.get("error")
        if 400 <= status < 500 and isinstance(said, Mapping) and said.get("type") in REFUSALS:
            code = said.get("decline_code") or said.get("code") or said["type"]
            return Refused(str(code), str(said.get("message", "")))
        return Unknown(f"Stripe answered {status}")

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        told = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
        parts = [part.partition("=") for part in told.split(",")]
        at = next((value for name, _, value in parts if name.strip() == "t"), "")
        claims = [value for name, _, value in parts if name.strip() == "v1"]
        if not (at.isascii() and at.isdigit() and len(at) < 15 and abs(time.time() - int(at)) <= TOLERANCE_SECONDS):
            return None
        if not signed(self._secrets, at.encode() + b"." + body, claims):
            return None
        return _notice(body)

    async def close(self) -> None:
        await self._calls.close()

    def _wire(self, amount: Money) -> int:
        if amount.currency != self._currency:
            raise NotRepresentable(f"this shop is paid in {self._currency}")
        return to_wire(amount, DECIMALS)

    async def _intent(self, call: Callable[[Any], Awaitable[Any]]) -> Outcome:
        try:
            status, body = await self._calls.ask(call)
            outcome = self.read(status, body)
            if not isinstance(outcome, Answered):
                return outcome
            intent, payment_id = msgspec.convert(body, Intent), outcome.fact.id
            cut = intent.charge is not None and intent.charge.refunds is not None and intent.charge.refunds.has_more
            disputes = await self._disputes(payment_id) if _disputed(body) else None
            every_refund = await self._refunds(payment_id) if cut else None
            return Answered(fact_of(intent, disputes, every_refund=every_refund))
        except Unanswered as lost:
            return Unknown(lost.why)
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {error}")

    async def _disputes(self, payment_id: str) -> list[Dispute]:
        asked = {"payment_intent": payment_id, "limit": PAGE}
        status, body = await self._calls.ask(lambda client: client.v1.disputes.list_async(asked))
        if status != 200:
            raise Unanswered(f"Stripe answered {status} about a dispute")
        return msgspec.convert(body["data"], list[Dispute])

    async def _command(
        self,
        payment_id: str,
        key: str,
        call: Callable[[Any, str], Awaitable[Any]],
        done: Callable[[Intent], bool],
    ) -> Outcome:
        """A write that an intent takes once. An error that Stripe keeps under the key is settled by looking."""
        try:
            return self.read(*await self._calls.ask(lambda client: call(client, key)))
        except Unanswered as lost:
            if not lost.kept:
                return Unknown(lost.why)
        found = await self._look(payment_id)
        if found is not None and not done(found[0]) and found[0].status in UNTOUCHED:
            # The key is used up. Whichever of the two is carried out, the intent refuses the other.
            with suppress(Unanswered):
                await self._calls.ask(lambda client: call(client, f"{key}:again"))
            found = await self._look(payment_id)
        if found is not None and done(found[0]):
            return Answered(found[1])
        return Unknown("Stripe keeps an error under this key")

    async def _refund_found(self, payment_id: str, key: str, wire: int) -> Outcome | None:
        """The answer to a refund that was made under our key before, whatever became of its own. Raises Unanswered."""
        made = refund_under(await self._refunds(payment_id), key)
        if made is None:
            return None
        if made.amount != wire:
            return Unknown("this key was used for another amount")
        found = await self._look(payment_id)
        return Unknown("a refund without its payment") if found is None else Answered(fact_of(found[0], ours=made))

    async def _refunds(self, payment_id: str) -> list[Refund]:
        """The newest first; none of a payment that is not known. Raises Unanswered."""
        asked = {"payment_intent": payment_id, "limit": PAGE}
        status, body = await self._calls.ask(lambda client: client.v1.refunds.list_async(asked))
        return msgspec.convert(body["data"], list[Refund]) if status == 200 else []

    async def _look(self, payment_id: str) -> tuple[Intent, PaymentFact] | None:
        """The payment as it is, when that can be known and read."""
        try:
            status, body = await self._calls.ask(
                lambda client: client.v1.payment_intents.retrieve_async(payment_id, {"expand": EXPAND})
            )
            intent = msgspec.convert(body, Intent)
            return (intent, fact_of(intent)) if status == 200 else None
        except (Unanswered, *UNREADABLE):
            return None


def intent_body(key: str, reference: str, wire: int, currency: str, return_url: str | None) -> dict[str, Any]:
    """The part of a new intent that is the same whatever pays."""
    body: dict[str, Any] = {
        "amount": wire,
        "currency": currency.lower(),
        "confirm": True,
        "metadata": {REFERENCE: reference, KEY: key},
        "expand": EXPAND,
    }
    return body if return_url is None else body | {"return_url": return_url}


def _under(key: str) -> dict[str, str]:
    return {"idempotency_key": key}


def _each(paths: Sequence[str]) -> list[str]:
    return [f"data.{path}" for path in paths]


def _disputed(body: Mapping[str, Any]) -> bool:
    charge = body.get("latest_charge")
    return isinstance(charge, Mapping) and bool(charge.get("disputed"))


def _notice(body: bytes) -> Notice | None:
    """An intent's notice is a fact; a refund's, a charge's or a dispute's only says whom to ask about."""
    try:
        event = msgspec.json.decode(body, type=_Event)
        if event.account is not None:
            # Of an account that is connected to ours: none of this shop's payments.
            return Notice(event.id, event.type, None)
        about = msgspec.json.decode(event.data.object, type=_Object)
        if about.object != "payment_intent":
            return Notice(event.id, event.type, None, about.payment_intent)
        intent = msgspec.json.decode(event.data.object, type=Intent)
        # An intent of a notice comes without its charge: nothing of refunds and disputes is told.
        return Notice(event.id, event.type, fact_of(intent), intent.id)
    except UNREADABLE:
        return None
