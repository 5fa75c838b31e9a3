"""What a change of a payment means for the double-entry ledger and for the rest of the house; pure."""

from __future__ import annotations

from typing import Any

import msgspec

from haat.contracts.payments import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
)
from haat.kit.message import Event
from haat.kit.money import Money
from haat.services.payments.model import HELD, OPEN, CreditUse, PaymentState, RefundState


class Posting(msgspec.Struct, frozen=True):
    """One ledger transaction. The amounts of `entries` sum to zero; `txn_id` names its cause: it is written only once.

    A pending transaction announces money; posted ones carry it out, voided ones take the announcement back.
    """

    kind: str
    txn_id: str
    phase: str
    entries: tuple[tuple[str, int], ...]
    pending_ref: str | None = None


def postings(before: PaymentState, after: PaymentState) -> list[Posting]:
    """The transactions that lead from one state of a payment to the next."""
    found: list[Posting] = []
    hold = f"{after.payment_id}:authorize" + (":late" if before.state == "voided" else "")
    if after.state in HELD and before.state not in HELD and after.asked.amount:
        found.append(Posting("authorize", hold, "pending", _in(after, after.asked.amount)))
    taken = after.captured_minor - before.captured_minor
    if taken > 0:
        ref = f"{after.payment_id}:capture:{after.captured_minor}"
        found.append(Posting("capture", ref, "posted", _in(after, taken), hold))
    if before.state == "authorized" and after.state == "voided":
        ref = f"{after.payment_id}:void"
        found.append(Posting("void", ref, "voided", _in(after, -after.asked.amount), hold))
    if after.credit_state != before.credit_state:
        found.append(_credit_posting(after))
    known = {refund.refund_id: refund for refund in before.refunds}
    for refund in after.refunds:
        found += _refund_postings(after, known.get(refund.refund_id), refund)
    return found if after.dispute == before.dispute else found + _dispute_postings(before, after)


def events(before: PaymentState, after: PaymentState) -> list[Event]:
    """What is told to the others about the step from one state to the next."""
    about: dict[str, Any] = {
        "payment_id": after.payment_id,
        "attempt_id": after.attempt_id,
        "checkout_id": after.checkout_id,
    }
    told: list[Event] = []
    if after.state in HELD and before.state not in HELD:
        whole = after.captured_minor == after.asked.amount
        told.append(PaymentAuthorized(**about, amount=after.amount, captured=whole))
    taken = after.taken_minor - before.taken_minor
    if taken > 0:
        currency = after.amount.currency
        told.append(PaymentCaptured(**about, amount=Money(taken, currency), total=Money(after.taken_minor, currency)))
    if after.state != before.state and after.state in ("declined", "expired"):
        told.append(PaymentFailed(**about, state=after.state))
    if after.state == "voided" and before.state in (*OPEN, "authorized") and after.void_reason is None:
        # Nobody here let go of it: the hold ran out, or the time to act.
        told.append(PaymentFailed(**about, state="expired"))
    states = {refund.refund_id: refund.state for refund in before.refunds}
    for refund in after.refunds:
        if refund.state != "pending" and states.get(refund.refund_id) != refund.state:
            money = Money(refund.amount_minor, after.amount.currency)
            given: dict[str, Any] = {"refund_id": refund.refund_id, "amount": money, "state": refund.state}
            told.append(PaymentRefunded(**about, **given, to_credit=refund.account is not None))
    if after.dispute != before.dispute:
        money = Money(after.disputed_minor or before.disputed_minor, after.amount.currency)
        told.append(PaymentDisputed(**about, amount=money, state=after.dispute or ""))
    return told


def credit_hold(payment: PaymentState) -> Posting:
    """The announcement that credit pays a part."""
    return Posting("credit_hold", f"{payment.payment_id}:credit", "pending", _from_credit(payment, 1))


def to_credit(before: PaymentState, after: PaymentState) -> list[CreditUse]:
    """What a step gives back to gift cards and store credit, so that it can be spent again."""
    known = {refund.refund_id for refund in before.refunds}
    back = [
        CreditUse(refund.account, refund.amount_minor)
        for refund in after.refunds
        if refund.account is not None and refund.refund_id not in known
    ]
    if after.credit_state == "given_back" and before.credit_state == "held":
        back += after.credits
    # Always in one order, so that two steps never wait for each other.
    return sorted(back, key=lambda use: use.account)


def _credit_posting(payment: PaymentState) -> Posting:
    hold = f"{payment.payment_id}:credit"
    if payment.credit_state == "taken":
        return Posting("credit", f"{hold}:taken", "posted", _from_credit(payment, 1), hold)
    return Posting("credit_void", f"{hold}:given_back", "voided", _from_credit(payment, -1), hold)


def _from_credit(payment: PaymentState, sign: int) -> tuple[tuple[str, int], ...]:
    uses = tuple((use.account, sign * use.amount_minor) for use in payment.credits)
    return (*uses, (f"customer_due:{payment.checkout_id}", -sign * payment.credit_minor))


def _dispute_postings(before: PaymentState, after: PaymentState) -> list[Posting]:
    """The provider takes disputed money back until it is decided; what is lost is a loss of ours."""
    clearing, found = f"psp_clearing:{after.provider}", []
    amount = after.disputed_minor or before.disputed_minor
    if before.dispute is None and amount:
        opened = (("dispute_reserve", amount), (clearing, -amount))
        found.append(Posting("dispute_opened", f"{after.payment_id}:dispute:opened", "posted", opened))
    if after.dispute == "won" and before.dispute == "opened":
        won = ((clearing, amount), ("dispute_reserve", -amount))
        found.append(Posting("dispute_won", f"{after.payment_id}:dispute:won", "posted", won))
    if after.dispute == "lost":
        # It may be lost for another amount than it was opened for: the rest is the provider's to give back.
        held = before.disputed_minor or amount
        lost = (("dispute_losses", amount), ("dispute_reserve", -held), (clearing, held - amount))
        entries = tuple(entry for entry in lost if entry[1])
        found.append(Posting("dispute_lost", f"{after.payment_id}:dispute:lost", "posted", entries))
    return found


def _refund_postings(payment: PaymentState, before: RefundState | None, after: RefundState) -> list[Posting]:
    request, amount = f"{after.refund_id}:request", after.amount_minor
    if after.account is not None:
        back = ((after.account, -amount), (f"customer_due:{payment.checkout_id}", amount))
        return [] if before is not None else [Posting("credit_refund", f"{after.refund_id}:succeeded", "posted", back)]
    found = []
    old = before.state if before is not None else None
    if before is None:
        found.append(Posting("refund", request, "pending", _in(payment, -amount)))
        old = "pending"
    if after.state == old:
        return found
    if old == "pending" and after.state == "succeeded":
        found.append(Posting("refund", f"{after.refund_id}:succeeded", "posted", _in(payment, -amount), request))
    elif old == "pending":
        found.append(Posting("refund_failed", f"{after.refund_id}:failed", "voided", _in(payment, amount), request))
    else:
        found.append(Posting("refund_returned", f"{after.refund_id}:returned", "posted", _in(payment, amount)))
    return found


def _in(payment: PaymentState, amount: int) -> tuple[tuple[str, int], ...]:
    """Money that comes in (out when negative): the provider owes us, the customer owes less."""
    return ((f"psp_clearing:{payment.provider}", amount), (f"customer_due:{payment.checkout_id}", -amount))
