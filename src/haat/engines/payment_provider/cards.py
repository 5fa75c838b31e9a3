"""The vault's road to the sandbox provider."""

from __future__ import annotations

from typing import Any

from haat.engines.payment_provider.calls import MERCHANT, ProviderCalls
from haat.ports.card_acquirer import CardPayment

TIMEOUT_SECONDS = 8.0


class SandboxCards:
    """The adapter of `ports.card_acquirer.CardAcquirer`."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS, merchant: str = MERCHANT) -> None:
        self._calls = ProviderCalls(url, timeout_seconds)
        self._merchant = merchant

    async def charge(self, key: str, payment: CardPayment, method: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        body: dict[str, Any] = {
            "reference": payment.reference,
            "amount": payment.amount.amount,
            "currency": payment.amount.currency,
            "method": method,
            "capture": payment.capture,
            "merchant": self._merchant,
        }
        if payment.return_url is not None:
            body["return_url"] = payment.return_url
        return await self._calls.send("POST", "/v1/payments", key, body)

    async def fetch(self, payment_id: str) -> tuple[int, dict[str, Any]]:
        return await self._calls.send("GET", f"/v1/payments/{payment_id}")

    async def close(self) -> None:
        await self._calls.close()
