"""A checkout as people see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from haat.contracts.identity import Address
from haat.contracts.payments import Action
from haat.contracts.shipping import ShippingOption
from haat.kit.message import Message
from haat.kit.money import Money


class QuoteLine(Message, frozen=True):
    """One line at its frozen price; `discount` and `tax` are this line's shares, tax is inside `total`."""

    id: str
    product_id: str
    variant_id: str
    sku: str
    title: str
    slug: str
    options: Mapping[str, str]
    image: str
    quantity: int
    unit_price: Money
    discount: Money
    total: Money
    tax: Money
    tax_basis_points: int
    hsn: str
    weight_grams: int
    category_path: Sequence[str] = []


class TaxLine(Message, frozen=True):
    """One kind of tax at one rate, such as CGST 9 %; `included` says the prices contain it."""

    title: str
    rate_basis_points: int
    taxable: Money
    amount: Money
    included: bool = True


class Totals(Message, frozen=True):
    """total = subtotal - discount + shipping (+ tax where it is not included)."""

    subtotal: Money
    discount: Money
    shipping: Money
    tax: Money
    total: Money
    tax_lines: Sequence[TaxLine]


class Requirement(Message, frozen=True):
    """What is still missing before `complete`: a code and the JSON pointer of the field."""

    code: str
    pointer: str
    detail: str = ""


class OrderRef(Message, frozen=True):
    id: str
    number: str


class Contact(Message, frozen=True):
    """Where to write to, and to whom."""

    email: str
    name: str


class Checkout(Message, frozen=True):
    """`status` is open, completing, requires_action, completed, canceled or expired."""

    id: str
    status: str
    items: Sequence[QuoteLine]
    totals: Totals
    shipping_options: Sequence[ShippingOption]
    requirements: Sequence[Requirement]
    expires_at: datetime
    email: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_method: str | None = None
    coupon_codes: Sequence[str] = []
    messages: Sequence[Requirement] = []
    action: Action | None = None
    order: OrderRef | None = None
    failure: str | None = None


class ParkedAttempt(Message, frozen=True):
    """An attempt that cannot go on by itself: where it stands, and why. Its alarm has been raised."""

    attempt_id: str
    checkout_id: str
    state: str
    error: str
    created_at: datetime


class ParkedCheckout(Message, frozen=True):
    """A parked attempt and what is at stake: who buys what, and how far stock and money have got.

    `sold` says that the units have left the stock: from there it only goes forward. `parked` is false, and `order` may
    be there, once it has gone on. `payment_id` is None while no payment is known of.
    """

    attempt: ParkedAttempt
    parked: bool
    tries: int
    next_try_at: datetime
    email: str
    name: str
    method: str
    items: Sequence[QuoteLine]
    totals: Totals
    sold: bool
    user_id: str | None = None
    payment_id: str | None = None
    payment_summary: str = ""
    failure: str | None = None
    order: OrderRef | None = None
