"""The vault's road to Stripe: the only requests that carry a card number."""

from __future__ import annotations

from typing import Any

import msgspec

from haat.engines.payment_provider.amounts import UNREADABLE, NotRepresentable, to_wire
from haat.engines.payment_provider.stripe import TIMEOUT_SECONDS, intent_body
from haat.engines.payment_provider.stripe_calls import StripeCalls, Unanswered
from haat.engines.payment_provider.stripe_facts import DECIMALS, EXPAND, Intent, fact_of
from haat.kit.message import Unavailable
from haat.ports.card_acquirer import CardPayment


class StripeCards:
    """The adapter of `ports.card_acquirer.CardAcquirer`. A kept card is a payment method at Stripe: `pm_…`."""

    def __init__(
        self,
        key: str,
        return_url: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        url: str | None = None,
    ) -> None:
        self._calls = StripeCalls(key, timeout_seconds, url)
        self._return_url = return_url

    async def start(self) -> None:
        await self._calls.start()

    async def charge(self, key: str, payment: CardPayment, method: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        try:
            wire = to_wire(payment.amount, DECIMALS)
        except NotRepresentable as error:
            return 400, _refusal("amount_not_representable", str(error))
        # Without a place to come back to, a challenge has no page of its own.
        back = payment.return_url or self._return_url
        body = intent_body(key, payment.reference, wire, payment.amount.currency, back)
        body |= {"capture_method": payment.capture, "payment_method_types": ["card"]}
        if payment.keep:
            body["setup_future_usage"] = "on_session"
        try:
            status, paid_with = await self._paid_with(key, method)
            if status != 200:
                return _told(status, paid_with)
            body |= paid_with
            return _told(
                *await self._calls.ask(
                    lambda client: client.v1.payment_intents.create_async(body, {"idempotency_key": key})
                )
            )
        except Unanswered as lost:
            raise Unavailable(lost.why) from None

    async def fetch(self, payment_id: str) -> tuple[int, dict[str, Any]]:
        try:
            return _told(
                *await self._calls.ask(
                    lambda client: client.v1.payment_intents.retrieve_async(payment_id, {"expand": EXPAND})
                )
            )
        except Unanswered as lost:
            raise Unavailable(lost.why) from None

    async def close(self) -> None:
        await self._calls.close()

    async def _paid_with(self, key: str, method: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The parameters that say what pays; a kept card belongs to a customer from its first use on."""
        if method["type"] == "card":
            card = {name: method[name] for name in ("number", "exp_month", "exp_year", "cvc") if name in method}
            under = {"idempotency_key": f"{key}:method"}
            status, made = await self._calls.ask(
                lambda client: client.v1.payment_methods.create_async({"type": "card", "card": card}, under)
            )
            return status, made if status != 200 else {"payment_method": made["id"]}
        token = method["token"]
        status, kept = await self._calls.ask(lambda client: client.v1.payment_methods.retrieve_async(token))
        if status != 200:
            return status, kept
        owner = kept.get("customer")
        if owner is None:
            under = {"idempotency_key": f"{token}:customer"}
            status, made = await self._calls.ask(lambda client: client.v1.customers.create_async({}, under))
            if status != 200:
                return status, made
            owner = made["id"]
            under = {"idempotency_key": f"{token}:{owner}"}
            status, attached = await self._calls.ask(
                lambda client: client.v1.payment_methods.attach_async(token, {"customer": owner}, under)
            )
            if status != 200:
                return status, attached
        return 200, {"customer": owner, "payment_method": token}


def _told(status: int, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Stripe's object, cut to what is read of it, with the port's word for its state beside."""
    if status != 200:
        error = body.get("error")
        fields = error if isinstance(error, dict) else {}
        said = {name: fields[name] for name in ("type", "code", "decline_code", "message") if fields.get(name)}
        return status, {"error": said}
    try:
        intent = msgspec.convert(body, Intent)
        told: dict[str, Any] = msgspec.to_builtins(intent) | {"state": fact_of(intent).state}
    except UNREADABLE as error:
        raise Unanswered(f"an answer that cannot be read: {error}") from None
    if intent.setup_future_usage is not None and isinstance(intent.payment_method, str):
        told["network_token"] = intent.payment_method
    return 200, told


def _refusal(code: str, message: str) -> dict[str, Any]:
    return {"error": {"type": "invalid_request_error", "code": code, "message": message}}
