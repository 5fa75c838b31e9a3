"""A payment as others see it."""

from __future__ import annotations

from haat.contracts.payments import (
    CardMethod,
    CashMethod,
    CreditMethod,
    Method,
    Payment,
    RefundView,
    UpiMethod,
    WalletMethod,
)
from haat.kit.money import Money
from haat.services.payments.model import GIFT, PaymentState, RefundState


def view(payment: PaymentState) -> Payment:
    """The payment for others."""
    currency = payment.amount.currency
    return Payment(
        id=payment.payment_id,
        attempt_id=payment.attempt_id,
        checkout_id=payment.checkout_id,
        amount=payment.amount,
        method=method_name(payment.method),
        state=payment.shown,
        captured=Money(payment.taken_minor, currency),
        refunded=Money(payment.refunded_minor + payment.credit_refunded_minor, currency),
        summary=summary(payment),
        created_at=payment.created_at,
        action=payment.action,
        decline_code=payment.decline_code,
        history=list(payment.history),
        user_id=payment.user_id,
        by_credit=Money(payment.credit_minor, currency) if payment.credits else None,
        refundable=Money(refundable(payment), currency),
    )


def refund_view(payment: PaymentState, request_id: str) -> RefundView:
    """All that goes back by one request, by the method and to credit."""
    parts = refunds_of(payment, request_id)
    good = [part for part in parts if part.state != "failed"]
    states, currency = {part.state for part in good}, payment.amount.currency
    return RefundView(
        id=parts[0].refund_id,
        payment_id=payment.payment_id,
        amount=Money(sum(part.amount_minor for part in good or parts), currency),
        state="pending" if "pending" in states else "succeeded" if states else "failed",
        reason=parts[0].reason,
        created_at=parts[0].created_at,
        parts={part.refund_id: Money(part.amount_minor if part in good else 0, currency) for part in parts},
    )


def refundable(payment: PaymentState) -> int:
    """What can still go back, by the method and to credit."""
    return payment.refundable_minor + payment.credit_refundable_minor


def refunds_of(payment: PaymentState, request_id: str) -> list[RefundState]:
    """The refunds that a request led to."""
    return [each for each in payment.refunds if each.request_id.partition("#")[0] == request_id]


def summary(payment: PaymentState) -> str:
    """In a few words for the shopper: `Visa •••• 4242`, `Gift card + UPI`."""
    if not payment.amount.amount:
        return "Nothing to pay"
    kinds = {"Gift card" if use.account.startswith(GIFT) else "Store credit" for use in payment.credits}
    return " + ".join([*sorted(kinds), *([_method_words(payment)] if payment.asked.amount else [])])


def _method_words(payment: PaymentState) -> str:
    match payment.method:
        case CardMethod():
            return f"{(payment.brand or 'card').capitalize()} •••• {payment.last4}" if payment.last4 else "Card"
        case UpiMethod(vpa=vpa):
            return f"UPI {vpa}" if vpa else "UPI"
        case WalletMethod(provider=provider):
            return f"{provider} wallet"
        case CashMethod():
            return "Cash on delivery"
        case CreditMethod():
            return "Store credit"


def method_name(method: Method) -> str:
    return str(type(method).__struct_config__.tag)
