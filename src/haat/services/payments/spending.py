"""How gift cards and store credit pay, and how refunds go back to them; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from haat.contracts.payments import CreditMethod, PaymentDeclined, digest
from haat.services.payments.model import CREDIT, CreditUse, PaymentState, RefundState, noted


class Spendable(msgspec.Struct, frozen=True):
    """A gift card (with the digest of its code) or a user's credit, and what can be spent of it."""

    account: str
    currency: str
    balance_minor: int
    code_digest: str | None = None
    expired: bool = False
    voided: bool = False


def paid_by_credit(payment: PaymentState, found: Sequence[Spendable], at: datetime) -> PaymentState:
    """The payment with what pays first: the gift cards as they were named, then store credit. Raises PaymentDeclined.

    When nothing is left for the method, the payment is captured: nobody else has to be asked.
    """
    method, left, uses = payment.method, payment.amount.amount, []
    for each in _in_order(payment, found):
        part = min(left, each.balance_minor)
        if part > 0:
            left -= part
            uses.append(CreditUse(each.account, part))
    if left and isinstance(method, CreditMethod):
        raise PaymentDeclined("Gift cards and store credit do not cover the whole", decline_code="insufficient_credit")
    if left and not uses:
        return payment
    after = msgspec.structs.replace(payment, credits=tuple(uses), credit_state="held" if uses else None)
    if left:
        return after
    return noted(payment, msgspec.structs.replace(after, provider=CREDIT, state="captured", save_wanted=False), at)


def _in_order(payment: PaymentState, found: Sequence[Spendable]) -> list[Spendable]:
    cards = {each.code_digest: each for each in found if each.code_digest is not None}
    ordered = []
    for code in dict.fromkeys(digest(code) for code in payment.method.gift_cards):
        card = cards.get(code)
        if card is None or card.currency != payment.amount.currency:
            raise PaymentDeclined("There is no such gift card", decline_code="gift_card_unknown")
        if card.voided:
            raise PaymentDeclined("This gift card is not valid any more", decline_code="gift_card_voided")
        if card.expired:
            raise PaymentDeclined("This gift card has run out", decline_code="gift_card_expired")
        ordered.append(card)
    return ordered + [each for each in found if each.code_digest is None and payment.method.store_credit]


def refunded_to_credit(
    payment: PaymentState, request_id: str, amount_minor: int, reason: str, at: datetime
) -> PaymentState:
    """Part of a refund goes back to the gift cards and the credit it came from, at once. Raises ValueError for more."""
    left, made = amount_minor, list(payment.refunds)
    for i, use in enumerate(payment.credits):
        back = sum(refund.amount_minor for refund in payment.refunds if refund.account == use.account)
        part = min(left, use.amount_minor - back)
        if part > 0:
            left -= part
            made.append(
                RefundState(
                    refund_id=f"ref_{payment.payment_id.removeprefix('pay_')}_{len(made)}",
                    request_id=f"{request_id}#{i}",
                    amount_minor=part,
                    state="succeeded",
                    reason=reason,
                    created_at=at,
                    account=use.account,
                )
            )
    if left or payment.credit_state != "taken":
        raise ValueError(f"{left} more than can go back to credit")
    return noted(payment, msgspec.structs.replace(payment, refunds=tuple(made)), at)
