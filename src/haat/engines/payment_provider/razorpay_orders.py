"""Beginning a payment at Razorpay: one order for each key, found again by our reference, paid at most once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from haat.engines.payment_provider.razorpay_calls import RazorpayCalls, Unanswered
from haat.engines.payment_provider.razorpay_facts import (
    ACTION_WINDOW,
    HOLD,
    KEY,
    REFERENCE,
    Attempt,
    Order,
    Told,
    deciding,
    noted,
    state_of,
)
from haat.ports.payment_provider import ActionWanted

# Razorpay cuts what is longer.
RECEIPT_LENGTH = 40
MOST = 100
Pay = Callable[[Any, dict[str, Any]], Any]


class Payer(msgspec.Struct, frozen=True):
    """Who is said to pay: the shop's own contact, because the port carries no shopper's."""

    contact: str
    email: str


class RazorpayOrders:
    """Shared by the adapter of payments and the vault's road; neither creating call knows keys, so orders stand in."""

    def __init__(self, calls: RazorpayCalls, payer: Payer) -> None:
        self._calls = calls
        self._payer = payer

    async def of_reference(self, reference: str) -> list[Order]:
        """Every order of our reference with its attempts, the oldest first. Raises Unanswered."""
        asked = {"receipt": reference[:RECEIPT_LENGTH], "count": MOST, "expand[]": "payments"}
        status, body = await self._calls.ask(lambda client: client.order.all(asked))
        if status != 200:
            raise Unanswered(f"Razorpay answered {status}")
        found = msgspec.convert(body["items"], list[Order])
        # A receipt is cut and need not be unique: what we wrote on the order is whole.
        ours = [order for order in found if noted(order.notes, REFERENCE) == reference]
        return sorted(ours, key=lambda order: (order.created_at, order.id))

    async def begin(
        self, key: str, reference: str, wire: int, currency: str, details: dict[str, Any], pay: Pay
    ) -> tuple[int, dict[str, Any]]:
        """Status and object of the payment under this key. Raises Unanswered.

        An attempt that decided something is never followed by another; one that waits for a shopper who was never
        told where to go is, because the order can be paid once only.
        """
        earlier = await self.of_reference(reference)
        order = next((each for each in earlier if noted(each.notes, KEY) == key), None)
        if order is not None and (order.amount, order.currency) != (wire, currency):
            raise Unanswered("this key was used for another amount")
        known = None if order is None else deciding(order.attempts)
        if order is not None and known is not None and known.status != "created":
            return 200, told(order.id, reference, known)
        if order is None:
            status, body = await self._create(key, reference, wire, currency)
            if status != 200:
                return status, body
            order = msgspec.convert(body, Order)
        asked = {
            "amount": wire,
            "currency": currency,
            "order_id": order.id,
            "contact": self._payer.contact,
            "email": self._payer.email,
            "notes": {REFERENCE: reference, KEY: key},
            **details,
        }
        status, body = await self._calls.ask(lambda client: pay(client, asked))
        if status != 200:
            return status, body
        return 200, _begun(order, reference, body)

    async def _create(self, key: str, reference: str, wire: int, currency: str) -> tuple[int, dict[str, Any]]:
        hold_minutes = int(HOLD.total_seconds()) // 60
        order = {
            "amount": wire,
            "currency": currency,
            "receipt": reference[:RECEIPT_LENGTH],
            "notes": {REFERENCE: reference, KEY: key},
            "payment": {
                "capture": "manual",
                "capture_options": {"manual_expiry_period": hold_minutes, "refund_speed": "normal"},
            },
        }
        return await self._calls.ask(lambda client: client.order.create(order))


def told(order_id: str, reference: str, attempt: Attempt, action: ActionWanted | None = None) -> dict[str, Any]:
    """The object that `RazorpayProvider.read` reads."""
    whole = Told(order_id, reference, attempt, state_of(attempt), action)
    built: dict[str, Any] = msgspec.to_builtins(whole)
    return built


def _begun(order: Order, reference: str, body: dict[str, Any]) -> dict[str, Any]:
    """What was asked for has been taken in; where the shopper has to go is told only now."""
    begun = datetime.now(UTC)
    attempt = Attempt(
        id=str(body.get("razorpay_payment_id", "")),
        status="created",
        amount=order.amount,
        currency=order.currency,
        created_at=int(begun.timestamp()),
        order_id=order.id,
    )
    steps = body.get("next") or []
    url = next((step["url"] for step in steps if step.get("action") in ("redirect", "intent")), body.get("link"))
    if not attempt.id or not isinstance(url, str):
        raise Unanswered("Razorpay did not say where the shopper has to go")
    return told(order.id, reference, attempt, _action(url, begun))


def _action(url: str, begun: datetime) -> ActionWanted:
    if url.startswith("upi:"):
        return ActionWanted("upi_intent", url, begun + ACTION_WINDOW, upi_uri=url)
    return ActionWanted("three_d_secure", url, begun + ACTION_WINDOW)
