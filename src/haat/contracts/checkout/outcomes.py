"""What a checkout refuses, and what it tells."""

from __future__ import annotations

from haat.kit.message import DomainError, Event


class EmptyCart(DomainError):
    """There is nothing to check out."""

    code = "empty_cart"
    title = "The cart is empty"


class PriceChanged(DomainError):
    """The quote has run out and the prices are different now; `checkout` holds the new facts."""

    code = "price_changed"
    title = "Prices have changed since the quote"


class CheckoutIncomplete(DomainError):
    """Something is missing; `requirements` lists code and pointer."""

    code = "checkout_incomplete"
    status = 422
    title = "The checkout is not complete yet"


class CheckoutStateError(DomainError):
    """The checkout is canceled, expired or being completed by another request."""

    code = "checkout_state"
    title = "The checkout's state does not allow this"


class CheckoutRefused(DomainError):
    """The order cannot be taken (risk); no reasons are told."""

    code = "checkout_refused"
    status = 402
    title = "We cannot take this order online; please contact us"


class PaymentAbandoned(DomainError):
    """The shopper gave the payment up, or did not make it in time; nothing was charged."""

    code = "payment_abandoned"
    status = 402
    title = "The payment was not completed"


class CheckoutTimedOut(DomainError):
    """The order could not be completed in time; what was taken for it goes back."""

    code = "checkout_timed_out"
    title = "The order could not be completed in time"


class CheckoutAbandoned(Event, frozen=True):
    """Expired or canceled without an order; nothing is held any more."""

    checkout_id: str
    status: str

    @property
    def key(self) -> str:
        return self.checkout_id
