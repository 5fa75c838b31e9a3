"""Razorpay's objects in the port's words. A payment of the port is an order there: its attempts come and go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from haat.engines.payment_provider.amounts import Decimals, from_wire
from haat.kit.money import Money
from haat.ports.payment_provider import (
    ActionWanted,
    Kind,
    Movement,
    PaymentFact,
    RefundFact,
    RefundOutcome,
    State,
)

REFERENCE, KEY = "haat_reference", "haat_key"
# Of the currencies that are offered there, those whose decimals are told.
DECIMALS = Decimals(
    {"JPY": 0, "KWD": 3, "BHD": 3, "OMR": 3}
    | dict.fromkeys(("INR", "USD", "EUR", "GBP", "AED", "SGD", "AUD", "CAD", "CHF", "HKD", "MYR"), 2),
    usual=None,
)
# The shortest that any of its pages promises; the money of a hold goes back by itself afterwards.
HOLD = timedelta(days=3)
ACTION_WINDOW = timedelta(minutes=10)
# How much an attempt decides, the most first: money taken, money held, money gone back, nothing yet, nothing at all.
DECIDES = {"captured": 0, "authorized": 1, "refunded": 2, "created": 3, "failed": 4}
REFUND_STATES: dict[str, RefundOutcome] = {"pending": "pending", "processed": "succeeded", "failed": "failed"}
DISPUTES = {"open": "opened", "under_review": "opened", "won": "won", "closed": "won", "lost": "lost"}
# A question by the bank, before any money moves.
INQUIRIES = frozenset({"retrieval", "fraud"})
INDIA = timedelta(hours=5, minutes=30)


class Card(msgspec.Struct):
    last4: str | None = None
    network: str | None = None


class Attempt(msgspec.Struct):
    """What is read of a payment of Razorpay's; anything more is passed over."""

    id: str
    status: str
    amount: int
    currency: str
    created_at: int
    order_id: str | None = None
    captured: bool | None = None
    error_code: str | None = None
    error_reason: str | None = None
    card: Card | None = None
    # An empty list stands for no notes at all.
    notes: dict[str, Any] | list[Any] = []

    @property
    def reference(self) -> str:
        return noted(self.notes, REFERENCE)


class Attempts(msgspec.Struct):
    items: list[Attempt] = []


class Order(msgspec.Struct):
    id: str
    amount: int
    currency: str
    created_at: int
    notes: dict[str, Any] | list[Any] = []
    payments: Attempts | None = None

    @property
    def attempts(self) -> list[Attempt]:
        return [] if self.payments is None else self.payments.items


class Refund(msgspec.Struct):
    id: str
    amount: int
    status: str
    created_at: int = 0
    notes: dict[str, Any] | list[Any] = []


class Dispute(msgspec.Struct):
    payment_id: str
    amount: int
    currency: str
    status: str
    phase: str = "chargeback"


class Told(msgspec.Struct, omit_defaults=True):
    """What the vault's road hands to payments: an order, its deciding attempt, and what the shopper has to do."""

    order_id: str
    reference: str
    attempt: Attempt
    state: State
    action: ActionWanted | None = None


class Row(msgspec.Struct):
    """A line of the settlement report."""

    entity_id: str
    type: str
    amount: int
    debit: int
    credit: int
    currency: str
    fee: int = 0
    settled_at: int | None = None
    settlement_id: str | None = None
    order_id: str | None = None
    order_receipt: str | None = None
    dispute_id: str | None = None


def noted(notes: dict[str, Any] | list[Any], name: str) -> str:
    """What we wrote on an object under `name`; empty when nothing."""
    return str(notes.get(name, "")) if isinstance(notes, dict) else ""


def deciding(attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt that says how the order stands; of equals the newest."""
    ranked = sorted(attempts, key=lambda each: (DECIDES.get(each.status, 3), -each.created_at))
    return ranked[0] if ranked else None


def fact_of(
    order_id: str,
    reference: str,
    attempt: Attempt,
    refunds: Sequence[Refund] = (),
    dispute: Dispute | None = None,
    action: ActionWanted | None = None,
) -> PaymentFact:
    """The payment. Raises NotRepresentable."""
    amount = from_wire(attempt.amount, attempt.currency, DECIMALS)
    state = state_of(attempt)
    begun = datetime.fromtimestamp(attempt.created_at, UTC)
    at_stake = dispute is not None and DISPUTES.get(dispute.status) in ("opened", "lost")
    return PaymentFact(
        id=order_id,
        reference=reference,
        amount=amount,
        state=state,
        captured_minor=amount.amount if state == "captured" else 0,
        refunds=tuple(
            RefundFact(each.id, from_wire(each.amount, attempt.currency, DECIMALS).amount, REFUND_STATES[each.status])
            for each in refunds
        ),
        action=action if state == "requires_action" else None,
        decline_code=(attempt.error_reason or attempt.error_code) if state == "declined" else None,
        brand=None if attempt.card is None else attempt.card.network,
        last4=None if attempt.card is None else attempt.card.last4,
        dispute=None if dispute is None else DISPUTES.get(dispute.status),
        disputed_minor=from_wire(dispute.amount, dispute.currency, DECIMALS).amount if dispute and at_stake else 0,
        capture_before=begun + HOLD if state == "authorized" else None,
        key=noted(attempt.notes, KEY) or None,
    )


def state_of(attempt: Attempt) -> State:
    """A refused attempt is told as declined, and may be authorised later all the same."""
    match attempt.status:
        case "created":
            return "requires_action"
        case "authorized":
            return "authorized"
        case "captured":
            return "captured"
        case "refunded":
            # What was never captured has gone back by itself.
            return "captured" if attempt.captured else "lapsed"
        case "failed":
            return "declined"
        case _:
            return "processing"


def movement_of(row: Row) -> Movement:
    """One line of the settlement report. Raises NotRepresentable."""
    amount = from_wire(row.amount, row.currency, DECIMALS)
    signed = amount if row.credit >= row.debit and row.type != "refund" else amount.times(-1)
    kinds: dict[str, Kind] = {"payment": "capture", "refund": "refund"}
    kind = kinds.get(row.type, "other")
    if row.dispute_id is not None and row.type == "adjustment":
        kind = "dispute_won" if row.credit > row.debit else "dispute"
    return Movement(
        id=row.entity_id,
        kind=kind,
        amount=signed,
        fee=from_wire(row.fee, row.currency, DECIMALS),
        at=settled_at(row),
        payment_id=row.order_id,
        reference=row.order_receipt,
    )


def settled_at(row: Row) -> datetime:
    return datetime.fromtimestamp(row.settled_at or 0, UTC)


def paid_out(rows: Iterable[Row]) -> list[Movement]:
    """The payouts that these rows are part of, which have no rows of their own: one for each settlement."""
    net: dict[str, Money] = {}
    at: dict[str, datetime] = {}
    for row in rows:
        if row.settlement_id is not None:
            part = from_wire(row.debit - row.credit, row.currency, DECIMALS)
            net[row.settlement_id] = net.get(row.settlement_id, part.times(0)) + part
            at[row.settlement_id] = settled_at(row)
    return [Movement(name, "settlement", amount, amount.times(0), at[name]) for name, amount in net.items()]
