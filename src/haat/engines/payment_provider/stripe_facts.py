"""Stripe's objects in the port's words: pure functions from what its API answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from haat.engines.payment_provider.amounts import Decimals, from_wire
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
# Set by a capture, so that its effect can be told from anybody else's.
CAPTURE_KEY = "haat_capture"
EXPAND = ["latest_charge.refunds"]
# Stripe ends no challenge by itself: whoever waits longer than this voids the payment.
ACTION_WINDOW = timedelta(minutes=10)
NO_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())  # noqa: SIM905
THREE_DECIMALS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
# The last two have no decimals any more, and are sent with two that must be 00.
DECIMALS = Decimals(dict.fromkeys(NO_DECIMALS, 0) | dict.fromkeys(THREE_DECIMALS, 3) | {"ISK": 2, "UGX": 2})
REFUND_STATES: dict[str, RefundOutcome] = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
# An inquiry (`warning_…`) moves no money and is not told as a dispute.
DISPUTES = {"needs_response": "opened", "under_review": "opened", "won": "won", "lost": "lost"}
KINDS: dict[str, Kind] = {
    "charge": "capture",
    "payment": "capture",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failed",
    "payment_failure_refund": "refund_failed",
    "payout": "settlement",
    # What the bank did not take, and what was called off, is back in the balance.
    "payout_failure": "settlement",
    "payout_cancel": "settlement",
    "stripe_fee": "fee",
    "stripe_fx_fee": "fee",
    "tax_fee": "fee",
}


class Refund(msgspec.Struct):
    id: str
    amount: int
    status: str | None = None
    metadata: dict[str, str] | None = None


class Refunds(msgspec.Struct):
    """With a charge come the newest ten."""

    data: list[Refund] = []
    has_more: bool = False


class CardDetails(msgspec.Struct):
    brand: str | None = None
    last4: str | None = None
    capture_before: int | None = None


class MethodDetails(msgspec.Struct):
    card: CardDetails | None = None


class Charge(msgspec.Struct):
    id: str
    disputed: bool = False
    refunds: Refunds | None = None
    payment_method_details: MethodDetails | None = None


class Redirect(msgspec.Struct):
    url: str | None = None


class QrCode(msgspec.Struct):
    expires_at: int | None = None


class HostedUpi(msgspec.Struct):
    hosted_instructions_url: str
    qr_code: QrCode | None = None


class NextAction(msgspec.Struct):
    type: str
    redirect_to_url: Redirect | None = None
    upi_handle_redirect_or_display_qr_code: HostedUpi | None = None


class PaymentError(msgspec.Struct):
    code: str | None = None
    decline_code: str | None = None


class Intent(msgspec.Struct, omit_defaults=True):
    """What is read of a PaymentIntent; anything more is passed over."""

    id: str
    amount: int
    currency: str
    status: str
    created: int
    amount_received: int = 0
    metadata: dict[str, str] = {}
    latest_charge: Charge | str | None = None
    last_payment_error: PaymentError | None = None
    next_action: NextAction | None = None
    cancellation_reason: str | None = None
    payment_method: str | dict[str, Any] | None = None
    setup_future_usage: str | None = None
    on_behalf_of: str | None = None

    @property
    def charge(self) -> Charge | None:
        """The charge, when it came with the intent."""
        return self.latest_charge if isinstance(self.latest_charge, Charge) else None


class Dispute(msgspec.Struct):
    amount: int
    currency: str
    status: str


class Source(msgspec.Struct):
    """What a line of the balance came from: a charge, a refund or a dispute."""

    object: str
    currency: str
    amount: int = 0
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None


class Line(msgspec.Struct):
    id: str
    type: str
    amount: int
    fee: int
    currency: str
    created: int
    source: Source | str | None = None


def fact_of(
    intent: Intent,
    disputes: list[Dispute] | None = None,
    ours: Refund | None = None,
    every_refund: list[Refund] | None = None,
) -> PaymentFact:
    """The payment. `ours` is the refund that was asked for: it comes last. Raises NotRepresentable."""
    charge = intent.charge
    card = charge.payment_method_details.card if charge and charge.payment_method_details else None
    told = [] if charge is None or charge.refunds is None else charge.refunds.data
    refunds = list(reversed(told if every_refund is None else every_refund))
    if ours is not None:
        refunds = [*(refund for refund in refunds if refund.id != ours.id), ours]
    case = next((each for each in disputes or [] if each.status in DISPUTES), None)
    error = intent.last_payment_error
    return PaymentFact(
        id=intent.id,
        reference=intent.metadata.get(REFERENCE, ""),
        amount=from_wire(intent.amount, intent.currency, DECIMALS),
        state=_state(intent),
        captured_minor=from_wire(intent.amount_received, intent.currency, DECIMALS).amount,
        refunds=tuple(_refund(refund, intent.currency) for refund in refunds),
        action=_action(intent),
        decline_code=None if error is None else error.decline_code or error.code,
        brand=None if card is None else card.brand,
        last4=None if card is None else card.last4,
        dispute=None if case is None else DISPUTES[case.status],
        disputed_minor=_at_stake(case),
        capture_before=_lapses(intent, card),
        # We never ask on behalf of anybody.
        foreign_merchant=intent.on_behalf_of,
        key=intent.metadata.get(KEY),
    )


def refund_under(refunds: list[Refund], key: str) -> Refund | None:
    """The refund that was made under our key, when there is one."""
    return next((refund for refund in refunds if (refund.metadata or {}).get(KEY) == key), None)


def movement_of(line: Line) -> Movement:
    """One line of the balance. Raises NotRepresentable."""
    source = line.source if isinstance(line.source, Source) else None
    amount = from_wire(line.amount, line.currency, DECIMALS)
    if source is not None and source.currency != line.currency:
        # Settled in another currency than it was paid in: what was paid is what our books know.
        paid = abs(source.amount) * (1 if line.amount >= 0 else -1)
        amount = from_wire(paid, source.currency, DECIMALS)
    kind = KINDS.get(line.type, "other")
    if source is not None and source.object == "dispute":
        kind = "dispute_won" if line.amount > 0 else "dispute"
    return Movement(
        id=line.id,
        kind=kind,
        amount=amount,
        fee=from_wire(line.fee, line.currency, DECIMALS),
        at=datetime.fromtimestamp(line.created, UTC),
        payment_id=None if source is None else source.payment_intent,
        reference=None if source is None else (source.metadata or {}).get(REFERENCE),
    )


def _state(intent: Intent) -> State:
    match intent.status:
        case "requires_action":
            return "requires_action"
        case "requires_capture":
            return "authorized"
        case "succeeded":
            return "captured"
        case "canceled":
            # Nobody asked for it: the hold ran out.
            return "lapsed" if intent.cancellation_reason in ("automatic", "expired") else "voided"
        case "requires_payment_method" if intent.last_payment_error is not None:
            return "declined"
        case _:
            return "processing"


def _action(intent: Intent) -> ActionWanted | None:
    wanted = intent.next_action
    if wanted is None or intent.status != "requires_action":
        return None
    begun = datetime.fromtimestamp(intent.created, UTC)
    if wanted.redirect_to_url is not None and wanted.redirect_to_url.url is not None:
        return ActionWanted("three_d_secure", wanted.redirect_to_url.url, begun + ACTION_WINDOW)
    upi = wanted.upi_handle_redirect_or_display_qr_code
    if upi is None:
        return None
    ends = upi.qr_code.expires_at if upi.qr_code is not None else None
    until = begun + ACTION_WINDOW if ends is None else datetime.fromtimestamp(ends, UTC)
    return ActionWanted("redirect", upi.hosted_instructions_url, until)


def _lapses(intent: Intent, card: CardDetails | None) -> datetime | None:
    if intent.status != "requires_capture" or card is None or card.capture_before is None:
        return None
    return datetime.fromtimestamp(card.capture_before, UTC)


def _refund(refund: Refund, currency: str) -> RefundFact:
    state = REFUND_STATES.get(refund.status or "pending", "pending")
    return RefundFact(refund.id, from_wire(refund.amount, currency, DECIMALS).amount, state)


def _at_stake(case: Dispute | None) -> int:
    if case is None or DISPUTES[case.status] == "won":
        return 0
    return from_wire(case.amount, case.currency, DECIMALS).amount
