"""A payment as others see it."""

from __future__ import annotations

from haat.contracts.payments import (
    CardMethod,
    CashMethod,
    Method,
    Payment,
    RefundView,
    UpiMethod,
    WalletMethod,
)
from haat.kit.money import Money
from haat.services.payments.model import PaymentState, RefundState


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
        captured=Money(payment.captured_minor, currency),
        refunded=Money(payment.refunded_minor, currency),
        summary=summary(payment),
        created_at=payment.created_at,
        action=payment.action,
        decline_code=payment.decline_code,
        history=list(payment.history),
        user_id=payment.user_id,
    )


def refund_view(payment: PaymentState, refund: RefundState) -> RefundView:
    return RefundView(
        id=refund.refund_id,
        payment_id=payment.payment_id,
        amount=Money(refund.amount_minor, payment.amount.currency),
        state=refund.state,
        reason=refund.reason,
        created_at=refund.created_at,
    )


def summary(payment: PaymentState) -> str:
    """In a few words for the shopper: `Visa •••• 4242`."""
    match payment.method:
        case CardMethod():
            return f"{(payment.brand or 'card').capitalize()} •••• {payment.last4}" if payment.last4 else "Card"
        case UpiMethod(vpa=vpa):
            return f"UPI {vpa}" if vpa else "UPI"
        case WalletMethod(provider=provider):
            return f"{provider} wallet"
        case CashMethod():
            return "Cash on delivery"


def method_name(method: Method) -> str:
    return str(type(method).__struct_config__.tag)
