"""Payments: authorise, capture, void, refund; cards by token, UPI, wallets and cash on delivery."""

from __future__ import annotations

from haat.contracts.payments.facts import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
    PaymentStateError,
    SignatureRefused,
)
from haat.contracts.payments.messages import (
    Action,
    AttemptPayment,
    Authorize,
    Capture,
    CardMethod,
    CashMethod,
    ForgetMethod,
    Method,
    MethodsOf,
    Payment,
    PaymentEvent,
    PaymentRef,
    Refund,
    RefundView,
    SavedCard,
    UpiMethod,
    Void,
    WalletMethod,
    Webhook,
)
from haat.kit.message import Nothing, Page
from haat.kit.rpc import Contract, promise

__all__ = [
    "Action",
    "AttemptPayment",
    "Authorize",
    "Capture",
    "CardMethod",
    "CashMethod",
    "ForgetMethod",
    "Method",
    "MethodsOf",
    "Payment",
    "PaymentAuthorized",
    "PaymentCaptured",
    "PaymentDeclined",
    "PaymentDisputed",
    "PaymentEvent",
    "PaymentFailed",
    "PaymentRef",
    "PaymentRefunded",
    "PaymentStateError",
    "Payments",
    "Refund",
    "RefundView",
    "SavedCard",
    "SignatureRefused",
    "UpiMethod",
    "Void",
    "WalletMethod",
    "Webhook",
]


class Payments(Contract):
    """Money. A row before every external call; a timeout is not a decline; a double-entry ledger underneath."""

    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def authorize(self, ask: Authorize) -> Payment: ...
    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def of_attempt(self, ask: AttemptPayment) -> Payment: ...
    @promise(safe_to_repeat=True)
    async def payment(self, ask: PaymentRef) -> Payment: ...
    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def capture(self, ask: Capture) -> Payment: ...
    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def void(self, ask: Void) -> Nothing: ...
    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def refund(self, ask: Refund) -> RefundView: ...
    @promise(safe_to_repeat=True)
    async def webhook(self, ask: Webhook) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def saved_cards(self, ask: MethodsOf) -> Page[SavedCard]: ...
    @promise(safe_to_repeat=True)
    async def forget_card(self, ask: ForgetMethod) -> Nothing: ...
