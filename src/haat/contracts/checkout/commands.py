"""What may be asked of a checkout."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from msgspec import Meta

from haat.contracts.cart import Owner
from haat.contracts.identity import Address, Email
from haat.contracts.payments import Method
from haat.kit.idempotency import Idempotency
from haat.kit.message import Message

AttemptIds = Annotated[Sequence[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=100)]
Codes = Annotated[Sequence[Annotated[str, Meta(min_length=1, max_length=40)]], Meta(max_length=10)]


class OpenCheckout(Message, frozen=True):
    """Freeze the owner's cart into a quote."""

    owner: Owner
    email: Email | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_method: str | None = None
    coupon_codes: Codes = []
    network_address: str = ""
    idempotency: Idempotency | None = None


class ChangeCheckout(Message, frozen=True):
    """Fields that are given replace the old ones; items and prices stay frozen while they hold.

    `afresh` quotes today's cart and prices instead: for the shop's own page, which shows what it has quoted.
    """

    owner: Owner
    checkout_id: str
    email: Email | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_method: str | None = None
    coupon_codes: Codes | None = None
    afresh: bool = False


class CheckoutRef(Message, frozen=True):
    owner: Owner
    checkout_id: str


class Complete(Message, frozen=True):
    """Pay and order. Safe to repeat: one checkout gives at most one order and one charge.

    Where the total is zero nothing is charged, whichever method is named.
    """

    owner: Owner
    checkout_id: str
    payment: Method
    idempotency: Idempotency
    return_url: str | None = None
    network_address: str = ""


class ContactOf(Message, frozen=True):
    """Whom to tell about a checkout that led to no order; for other services only."""

    checkout_id: str


class TaxRate(Message, frozen=True):
    """`rate_basis_points` of a class from a date on, for values without tax from `price_from_minor` up."""

    tax_class: str
    from_date: date
    price_from_minor: int
    rate_basis_points: int


class SaveTaxRates(Message, frozen=True):
    """Add or correct rates; safe to repeat."""

    rates: Sequence[TaxRate]


class ParkedOf(Message, frozen=True):
    """Staff: attempts that cannot go on by themselves, the oldest first."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: str | None = None


class ParkedRef(Message, frozen=True):
    """Staff: one attempt that is parked, or was."""

    attempt_id: str


class GoOn(Message, frozen=True):
    """Staff: try parked attempts again now rather than within the hour; others are left alone."""

    attempt_ids: AttemptIds
    idempotency: Idempotency | None = None
