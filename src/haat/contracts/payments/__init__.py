"""Payments: authorise, capture, void, refund; cards by token, UPI, wallets and cash on delivery."""

from __future__ import annotations

from haat.contracts.payments.credit import (
    AccountBalances,
    AccountRef,
    Balance,
    CreditEntry,
    CreditHistory,
    CreditHistoryOf,
    CreditOf,
    CreditTooLow,
    GiftCard,
    GiftCardEmpty,
    GiftCardHistory,
    GiftCardHistoryOf,
    GiftCardOf,
    GrantCredit,
    IssueGiftCard,
    ListGiftCards,
    Reason,
    StoreCredit,
    VoidGiftCard,
    WithdrawCredit,
)
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
    ForgetMethod,
    MethodsOf,
    Payment,
    PaymentEvent,
    PaymentRef,
    Refund,
    RefundView,
    SavedCard,
    Void,
    Webhook,
)
from haat.contracts.payments.methods import (
    CardMethod,
    CashMethod,
    CreditMethod,
    GiftCode,
    Method,
    UpiMethod,
    WalletMethod,
    digest,
    digest_of_typed,
    sealed,
)
from haat.contracts.payments.reconciling import (
    Break,
    BreakState,
    DayReconciled,
    ExplainBreak,
    ExplainFact,
    FactState,
    ListBreaks,
    ListPutAside,
    PutAside,
    ReconcileDay,
)
from haat.kit.message import Nothing, Page
from haat.kit.rpc import Contract, promise

__all__ = [
    "AccountBalances",
    "AccountRef",
    "Action",
    "AttemptPayment",
    "Authorize",
    "Balance",
    "Break",
    "BreakState",
    "Capture",
    "CardMethod",
    "CashMethod",
    "CreditEntry",
    "CreditHistory",
    "CreditHistoryOf",
    "CreditMethod",
    "CreditOf",
    "CreditTooLow",
    "DayReconciled",
    "ExplainBreak",
    "ExplainFact",
    "FactState",
    "ForgetMethod",
    "GiftCard",
    "GiftCardEmpty",
    "GiftCardHistory",
    "GiftCardHistoryOf",
    "GiftCardOf",
    "GiftCode",
    "GrantCredit",
    "IssueGiftCard",
    "ListBreaks",
    "ListGiftCards",
    "ListPutAside",
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
    "PutAside",
    "Reason",
    "ReconcileDay",
    "Refund",
    "RefundView",
    "SavedCard",
    "SignatureRefused",
    "StoreCredit",
    "UpiMethod",
    "Void",
    "VoidGiftCard",
    "WalletMethod",
    "Webhook",
    "WithdrawCredit",
    "digest",
    "digest_of_typed",
    "sealed",
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
    async def issue_gift_card(self, ask: IssueGiftCard) -> GiftCard: ...
    @promise(safe_to_repeat=True)
    async def gift_card(self, ask: GiftCardOf) -> GiftCard: ...
    @promise(safe_to_repeat=True)
    async def gift_cards(self, ask: ListGiftCards) -> Page[GiftCard]: ...
    @promise(safe_to_repeat=True)
    async def gift_card_history(self, ask: GiftCardHistoryOf) -> GiftCardHistory: ...
    async def void_gift_card(self, ask: VoidGiftCard) -> GiftCard: ...
    async def grant_credit(self, ask: GrantCredit) -> StoreCredit: ...
    async def withdraw_credit(self, ask: WithdrawCredit) -> StoreCredit: ...
    @promise(safe_to_repeat=True)
    async def store_credit(self, ask: CreditOf) -> StoreCredit: ...
    @promise(safe_to_repeat=True)
    async def credit_history(self, ask: CreditHistoryOf) -> CreditHistory: ...
    @promise(safe_to_repeat=True)
    async def balances(self, ask: AccountRef) -> AccountBalances: ...
    @promise(safe_to_repeat=True, timeout_seconds=300)
    async def reconcile(self, ask: ReconcileDay) -> DayReconciled: ...
    @promise(safe_to_repeat=True)
    async def breaks(self, ask: ListBreaks) -> Page[Break]: ...
    @promise(safe_to_repeat=True)
    async def explain_break(self, ask: ExplainBreak) -> Break: ...
    @promise(safe_to_repeat=True)
    async def facts_put_aside(self, ask: ListPutAside) -> Page[PutAside]: ...
    @promise(safe_to_repeat=True)
    async def explain_fact(self, ask: ExplainFact) -> PutAside: ...
