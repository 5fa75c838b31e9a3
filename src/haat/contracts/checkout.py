"""Checkout: validation, a frozen quote, and the saga that turns it into exactly one order."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from haat.contracts.cart import Owner
from haat.contracts.identity import Address, Email
from haat.contracts.payments import Action, Method
from haat.contracts.shipping import ShippingOption
from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message, Nothing
from haat.kit.money import Money
from haat.kit.rpc import Contract, promise

Codes = Annotated[list[Annotated[str, Meta(min_length=1, max_length=40)]], Meta(max_length=10)]


class QuoteLine(Message, frozen=True):
    """One line at its frozen price; `discount` and `tax` are this line's shares, tax is inside `total`."""

    id: str
    product_id: str
    variant_id: str
    sku: str
    title: str
    slug: str
    options: dict[str, str]
    image: str
    quantity: int
    unit_price: Money
    discount: Money
    total: Money
    tax: Money
    tax_basis_points: int
    hsn: str
    weight_grams: int
    category_path: list[str] = []


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
    tax_lines: list[TaxLine]


class Requirement(Message, frozen=True):
    """What is still missing before `complete`: a code and the JSON pointer of the field."""

    code: str
    pointer: str
    detail: str = ""


class OrderRef(Message, frozen=True):
    id: str
    number: str


class Checkout(Message, frozen=True):
    """`status` is open, completing, requires_action, completed, canceled or expired."""

    id: str
    status: str
    items: list[QuoteLine]
    totals: Totals
    shipping_options: list[ShippingOption]
    requirements: list[Requirement]
    expires_at: datetime
    email: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_method: str | None = None
    coupon_codes: list[str] = []
    messages: list[Requirement] = []
    action: Action | None = None
    order: OrderRef | None = None
    failure: str | None = None


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
    """Fields that are given replace the old ones; prices stay frozen while they hold."""

    owner: Owner
    checkout_id: str
    email: Email | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_method: str | None = None
    coupon_codes: Codes | None = None


class CheckoutRef(Message, frozen=True):
    owner: Owner
    checkout_id: str


class Complete(Message, frozen=True):
    """Pay and order. Safe to repeat: one checkout gives at most one order and one charge."""

    owner: Owner
    checkout_id: str
    payment: Method
    idempotency: Idempotency
    return_url: str | None = None
    network_address: str = ""


class TaxRate(Message, frozen=True):
    """`rate_basis_points` of a class from a date on, for values without tax from `price_from_minor` up."""

    tax_class: str
    from_date: date
    price_from_minor: int
    rate_basis_points: int


class SaveTaxRates(Message, frozen=True):
    """Add or correct rates; safe to repeat."""

    rates: list[TaxRate]


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


class CheckoutCompleted(Event, frozen=True):
    checkout_id: str
    attempt_id: str
    order_id: str

    @property
    def key(self) -> str:
        return self.checkout_id


class CheckoutAbandoned(Event, frozen=True):
    """Expired or canceled without an order; nothing is held any more."""

    checkout_id: str
    status: str

    @property
    def key(self) -> str:
        return self.checkout_id


class Checkouts(Contract):
    """The saga: reserve, redeem, assess, authorise, commit, place, capture; undone in reverse until the commit."""

    async def open(self, ask: OpenCheckout) -> Checkout: ...
    @promise(safe_to_repeat=True)
    async def change(self, ask: ChangeCheckout) -> Checkout: ...
    @promise(safe_to_repeat=True)
    async def checkout(self, ask: CheckoutRef) -> Checkout: ...
    @promise(safe_to_repeat=True)
    async def cancel(self, ask: CheckoutRef) -> Checkout: ...
    @promise(safe_to_repeat=True, timeout_seconds=45)
    async def complete(self, ask: Complete) -> Checkout: ...
    @promise(safe_to_repeat=True)
    async def save_tax_rates(self, ask: SaveTaxRates) -> Nothing: ...
