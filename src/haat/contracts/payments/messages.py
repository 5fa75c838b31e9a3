"""What payments are asked and what they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from haat.contracts.payments.methods import Method
from haat.kit.idempotency import Idempotency
from haat.kit.message import Message
from haat.kit.money import Money


class Action(Message, frozen=True):
    """What the shopper must do next: `type` is three_d_secure, upi_intent, upi_qr, upi_collect or redirect.

    `amount` is what it pays: all but what gift cards and store credit pay.
    """

    type: str
    url: str
    expires_at: datetime
    upi_uri: str | None = None
    amount: Money | None = None


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
    captured, partially_captured, voided, partially_refunded, refunded, disputed; `summary` such as "Visa •••• 4242".

    `by_credit` is the part of `amount` that gift cards and store credit pay, where they do; `refundable` is what can
    still go back: captured, and neither refunded nor disputed."""

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
    history: Sequence[PaymentEvent] = []
    user_id: str | None = None
    by_credit: Money | None = None
    refundable: Money | None = None

    @property
    def due(self) -> Money:
        """What is still to be paid, as in cash at the door: credit pays first, and is held before it is taken."""
        paid = max(self.captured.amount, self.by_credit.amount if self.by_credit else 0)
        return Money(self.amount.amount - paid, self.amount.currency)


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
    """`state` is pending, succeeded or failed; `amount` is all that goes back by this request, however it was paid.

    `parts` are its refunds by the ids that are told of when they end: one by the method, one for each credit; zero for
    one that failed already.
    """

    id: str
    payment_id: str
    amount: Money
    state: str
    reason: str
    created_at: datetime
    parts: Mapping[str, Money] = {}


class Webhook(Message, frozen=True):
    """The raw bytes and headers of a provider's notice; verified, stored once, merged by rank."""

    provider: str
    body: bytes
    headers: Mapping[str, str]


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
    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 100


class ForgetMethod(Message, frozen=True):
    user_id: str
    method_id: str
    idempotency: Idempotency | None = None
