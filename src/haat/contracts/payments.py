"""Payments: authorise, capture, void, refund; cards by token, UPI, wallets and cash on delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message, Nothing, Page
from haat.kit.money import Money
from haat.kit.rpc import Contract, promise


class CardMethod(Struct, frozen=True, tag_field="method", tag="card", forbid_unknown_fields=True):
    """A vault token; `save` keeps the card for the signed-in user."""

    token: Annotated[str, Meta(min_length=1, max_length=200)]
    save: bool = False


class UpiMethod(Struct, frozen=True, tag_field="method", tag="upi", forbid_unknown_fields=True):
    """`intent` opens the app on a phone, `qr` shows a code; `vpa` such as ok@sandbox pays directly."""

    flow: Literal["intent", "qr"] = "intent"
    vpa: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{2,64}@[A-Za-z]{2,64}$")] | None = None


class WalletMethod(Struct, frozen=True, tag_field="method", tag="wallet", forbid_unknown_fields=True):
    provider: Annotated[str, Meta(min_length=1, max_length=40)]


class CashMethod(Struct, frozen=True, tag_field="method", tag="cod", forbid_unknown_fields=True):
    """Cash on delivery."""


Method = CardMethod | UpiMethod | WalletMethod | CashMethod


class Action(Message, frozen=True):
    """What the shopper must do next: `type` is three_d_secure, upi_intent, upi_qr, upi_collect or redirect."""

    type: str
    url: str
    expires_at: datetime
    upi_uri: str | None = None


class Authorize(Message, frozen=True):
    """One payment of one checkout attempt; repeating it gives the same payment."""

    attempt_id: str
    checkout_id: str
    amount: Money
    method: Method
    user_id: str | None = None
    return_url: str | None = None


class PaymentEvent(Message, frozen=True):
    at: datetime
    type: str
    detail: str = ""


class Payment(Message, frozen=True):
    """`state` by money-and-stock rank: authorizing, requires_action, pending, unknown, authorized, declined, expired,
    captured, partially_captured, voided, partially_refunded, refunded, disputed; `summary` such as "Visa •••• 4242"."""

    id: str
    attempt_id: str
    checkout_id: str
    amount: Money
    method: str
    state: str
    captured: Money
    refunded: Money
    summary: str
    created_at: datetime
    action: Action | None = None
    decline_code: str | None = None
    history: list[PaymentEvent] = []
    user_id: str | None = None


class PaymentRef(Message, frozen=True):
    """`user_id` limits the answer to the owner; staff leave it out. `confirm` asks the provider again."""

    payment_id: str
    user_id: str | None = None
    confirm: bool = False


class AttemptPayment(Message, frozen=True):
    """The payment of an attempt, confirmed with the provider when it is still open."""

    attempt_id: str


class Capture(Message, frozen=True):
    """Take (part of) what is authorised; without amount the rest. `request_id` makes it idempotent."""

    payment_id: str
    request_id: str
    amount: Money | None = None


class Void(Message, frozen=True):
    """Let go of an authorisation; a payment that only may exist is refused from now on (tombstone)."""

    attempt_id: str
    reason: str


class Refund(Message, frozen=True):
    """Give back up to what is captured and not yet refunded."""

    payment_id: str
    request_id: str
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    amount: Money | None = None


class RefundView(Message, frozen=True):
    """`state` is pending, succeeded or failed."""

    id: str
    payment_id: str
    amount: Money
    state: str
    reason: str
    created_at: datetime


class Webhook(Message, frozen=True):
    """The raw bytes and headers of a provider's notice; verified, stored once, merged by rank."""

    provider: str
    body: bytes
    headers: dict[str, str]


class SavedCard(Message, frozen=True):
    """Usable as `token` in a card payment."""

    id: str
    token: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    created_at: datetime


class MethodsOf(Message, frozen=True):
    user_id: str


class ForgetMethod(Message, frozen=True):
    user_id: str
    method_id: str
    idempotency: Idempotency | None = None


class PaymentDeclined(DomainError):
    """The bank or wallet said no; `decline_code` says why in provider-neutral words."""

    code = "payment_declined"
    status = 402
    title = "The payment was declined"


class PaymentStateError(DomainError):
    """The payment's state does not allow this (capture after void, refund above what is captured)."""

    code = "payment_state"
    title = "The payment's state does not allow this"


class SignatureRefused(DomainError):
    """A webhook whose signature, age or target does not check out."""

    code = "signature_refused"
    status = 401
    title = "The signature does not check out"


class PaymentAuthorized(Event, frozen=True):
    """Also told for a late authorisation; `captured` is true for methods that take the money at once."""

    payment_id: str
    attempt_id: str
    checkout_id: str
    amount: Money
    captured: bool = False

    @property
    def key(self) -> str:
        return self.attempt_id


class PaymentFailed(Event, frozen=True):
    """Declined or expired; `state` says which."""

    payment_id: str
    attempt_id: str
    checkout_id: str
    state: str

    @property
    def key(self) -> str:
        return self.attempt_id


class PaymentCaptured(Event, frozen=True):
    payment_id: str
    attempt_id: str
    checkout_id: str
    amount: Money

    @property
    def key(self) -> str:
        return self.attempt_id


class PaymentRefunded(Event, frozen=True):
    payment_id: str
    refund_id: str
    attempt_id: str
    checkout_id: str
    amount: Money
    state: str

    @property
    def key(self) -> str:
        return self.attempt_id


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
