"""What payments refuse, and what they tell."""

from __future__ import annotations

from haat.kit.message import DomainError, Event
from haat.kit.money import Money


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
    """`amount` was taken now; `total` is all that has been taken of this payment so far."""

    payment_id: str
    attempt_id: str
    checkout_id: str
    amount: Money
    total: Money | None = None

    @property
    def key(self) -> str:
        return self.attempt_id


class PaymentRefunded(Event, frozen=True):
    """Money went back, or did not (`state`): the way it came, or `to_credit`, a gift card or store credit."""

    payment_id: str
    refund_id: str
    attempt_id: str
    checkout_id: str
    amount: Money
    state: str
    to_credit: bool = False

    @property
    def key(self) -> str:
        return self.attempt_id


class PaymentDisputed(Event, frozen=True):
    """The payer's bank asks the money back: `state` is opened, won (we keep it) or lost."""

    payment_id: str
    attempt_id: str
    checkout_id: str
    amount: Money
    state: str

    @property
    def key(self) -> str:
        return self.attempt_id
