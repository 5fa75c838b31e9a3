"""The vault's road to Razorpay: the only requests that carry a card number."""

from __future__ import annotations

from typing import Any

import msgspec

from haat.engines.payment_provider.amounts import UNREADABLE, NotRepresentable, to_wire
from haat.engines.payment_provider.razorpay import BROWSER, TIMEOUT_SECONDS
from haat.engines.payment_provider.razorpay_calls import RazorpayCalls, Unanswered
from haat.engines.payment_provider.razorpay_facts import DECIMALS, Attempts, deciding
from haat.engines.payment_provider.razorpay_orders import Payer, RazorpayOrders, told
from haat.kit.message import Unavailable
from haat.ports.card_acquirer import CardPayment

SCREEN = {
    "java_enabled": False,
    "javascript_enabled": False,
    "timezone_offset": 0,
    "color_depth": 24,
    "screen_width": 1280,
    "screen_height": 720,
}


class RazorpayCards:
    """The adapter of `ports.card_acquirer.CardAcquirer`. Every card is challenged, and none can be kept.

    Razorpay keeps a card for a customer it knows by phone and e-mail; neither comes this way.
    """

    def __init__(
        self,
        key_id: str,
        key_secret: str,
        payer: Payer,
        return_url: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        url: str | None = None,
    ) -> None:
        self._calls = RazorpayCalls(key_id, key_secret, timeout_seconds, url)
        self._orders = RazorpayOrders(self._calls, payer)
        self._return_url = return_url

    async def start(self) -> None:
        await self._calls.start()

    async def charge(self, key: str, payment: CardPayment, method: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if method["type"] != "card":
            return 400, _refusal("method_not_offered", "A kept card cannot pay at Razorpay")
        try:
            wire = to_wire(payment.amount, DECIMALS)
        except NotRepresentable as error:
            return 400, _refusal("amount_not_representable", str(error))
        card = {
            "number": method["number"],
            "name": method.get("name", "Card holder"),
            "expiry_month": method["exp_month"],
            "expiry_year": method["exp_year"] % 100,
            "cvv": method.get("cvc", ""),
        }
        back = payment.return_url or self._return_url
        details: dict[str, Any] = {
            **BROWSER,
            "method": "card",
            "card": card,
            "authentication": {"authentication_channel": "browser"},
            "browser": SCREEN,
            "referer": back or "https://shop.invalid",
        }
        if back is not None:
            details["callback_url"] = back
        currency = payment.amount.currency
        try:
            return _cut(
                *await self._orders.begin(
                    key,
                    payment.reference,
                    wire,
                    currency,
                    details,
                    lambda client, asked: client.payment.createPaymentJson(asked),
                )
            )
        except (Unanswered, *UNREADABLE) as lost:
            raise Unavailable(getattr(lost, "why", "an answer that cannot be read")) from None

    async def fetch(self, payment_id: str) -> tuple[int, dict[str, Any]]:
        try:
            status, body = await self._calls.ask(lambda client: client.order.payments(payment_id))
            attempt = deciding(msgspec.convert(body, Attempts).items) if status == 200 else None
        except (Unanswered, *UNREADABLE) as lost:
            raise Unavailable(getattr(lost, "why", "an answer that cannot be read")) from None
        if status != 200 or attempt is None:
            return _cut(status, body) if status != 200 else (404, _refusal("not_found", "Nobody has tried to pay"))
        return 200, told(payment_id, attempt.reference, attempt)

    async def close(self) -> None:
        await self._calls.close()


def _cut(status: int, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A refusal cut to what is read of it."""
    if status == 200:
        return status, body
    error = body.get("error")
    fields = error if isinstance(error, dict) else {}
    return status, {"error": {name: fields[name] for name in ("code", "reason", "description") if fields.get(name)}}


def _refusal(code: str, description: str) -> dict[str, Any]:
    return {"error": {"code": "BAD_REQUEST_ERROR", "reason": code, "description": description}}
