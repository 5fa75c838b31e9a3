"""The quote: lines, discounts, shipping and taxes as integers that sum to the total; and what is still missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from haat.contracts.cart import CartContents, CartLine, Owner, guest_hash
from haat.contracts.catalog import ForSale
from haat.contracts.checkout import Checkout, QuoteLine, Requirement, TaxRate, Totals
from haat.contracts.identity import Address
from haat.contracts.payments import Method, UpiMethod
from haat.contracts.promotions import Discounts
from haat.contracts.shipping import ShippingOption
from haat.kit.message import Invalid, Unauthenticated
from haat.kit.money import LIMIT, Money, format_money
from haat.services.checkout.tax import STANDARD_RATE, Taxed, rate_of, tax_day, tax_lines

# Read by the shopper's choices, frozen with the quote.
_CHOICES = ("email", "shipping_address", "billing_address", "shipping_method")


class Choices(msgspec.Struct, frozen=True):
    """What the shopper has told so far."""

    email: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_method: str | None = None
    coupon_codes: list[str] = []
    network_address: str = ""

    def changed(self, ask: Any) -> Choices:
        """These choices with those of a request put over them."""
        given = {name: getattr(ask, name) for name in (*_CHOICES, "coupon_codes") if getattr(ask, name) is not None}
        return msgspec.structs.replace(self, **given)


class Quote(msgspec.Struct, frozen=True):
    """Everything frozen at one moment: what is bought, for how much, and how it is sent."""

    items: list[QuoteLine]
    totals: Totals
    options: list[ShippingOption]
    choices: Choices
    messages: list[Requirement]
    shipping_method: str | None = None
    # Codes that took something off; None in what older code has frozen.
    applied: list[str] | None = None
    # By line, so that taxes can be worked out again; empty in what older code has frozen.
    tax_classes: list[str] = []

    @property
    def redeemed(self) -> list[str]:
        """The codes that an order uses up: one that gave nothing is left to the shopper."""
        return self.choices.coupon_codes if self.applied is None else self.applied


class Facts(msgspec.Struct, frozen=True):
    """What others answered for the quote."""

    contents: CartContents
    variants: Sequence[ForSale]
    stock: Mapping[str, int]
    discounts: Discounts
    options: Sequence[ShippingOption]
    rates: Sequence[TaxRate]
    at: datetime


class Shop(msgspec.Struct, frozen=True):
    """Where the shop sells from, in which currency, and whether it asks a shopper's app by UPI ID (collect)."""

    currency: str = "INR"
    seller_state: str = "KA"
    upi_collect: bool = True


GUEST = "guest:"


def owner_key(owner: Owner) -> str:
    """The stored owner of a checkout. Raises Unauthenticated when the caller has neither user nor cart token."""
    if owner.user_id is not None:
        return owner.user_id
    hashed = guest_hash(owner)
    if hashed is None:
        raise Unauthenticated("Send the Cart-Token of the guest's cart, or sign in")
    return GUEST + hashed


def guest_of(owner: str) -> str | None:
    """What a stored owner keeps of a guest's cart token; None for a user."""
    return owner.removeprefix(GUEST) if owner.startswith(GUEST) else None


def quote(facts: Facts, choices: Choices, shop: Shop) -> Quote:
    """Freeze prices, discounts, shipping and taxes."""
    variants = {variant.variant_id: variant for variant in facts.variants}
    bought = [line for line in facts.contents.lines if line.variant_id in variants]
    discounts = _discount_per_line(facts.discounts, len(bought))
    option = _chosen(facts.options, choices.shipping_method)
    items = []
    for line, discount in zip(bought, discounts, strict=True):
        variant = variants[line.variant_id]
        gross = variant.price.times(line.quantity)
        rate = rate_of(facts.rates, variant.tax_class, variant.price.amount, tax_day(facts.at))
        rate = rate if _taxed(choices.shipping_address) else 0
        total = gross.amount - discount
        items.append(_line(line.item_id, line.quantity, variant, shop, (discount, total, rate)))
    totals = _totals(items, option, choices.shipping_address, shop)
    return Quote(
        items=items,
        totals=totals,
        options=list(facts.options),
        choices=choices,
        messages=_messages(facts, variants),
        shipping_method=option.id if option else None,
        applied=[each.code for each in facts.discounts.applied if each.discount.amount],
        tax_classes=[variants[line.variant_id].tax_class for line in bought],
    )


def frozen(quoted: Quote, cart_id: str, cart_version: int) -> tuple[CartContents, list[ForSale]]:
    """What a quote has frozen, as cart and catalogue told it then."""
    lines = [
        CartLine(item_id=line.id, product_id=line.product_id, variant_id=line.variant_id, quantity=line.quantity)
        for line in quoted.items
    ]
    variants = [
        ForSale(
            variant_id=line.variant_id,
            product_id=line.product_id,
            sku=line.sku,
            title=line.title,
            slug=line.slug,
            options=line.options,
            price=line.unit_price,
            tax_class=tax_class,
            hsn=line.hsn,
            weight_grams=line.weight_grams,
            category_path=line.category_path,
            image_url=line.image,
        )
        for line, tax_class in zip(quoted.items, quoted.tax_classes, strict=True)
    ]
    return CartContents(cart_id=cart_id, version=cart_version, lines=lines), variants


def with_told(quoted: Quote, before: Quote, *, still_holds: bool) -> Quote:
    """A quote that follows another with what has to be told of it: what was left out, or that prices are different."""
    told = [each for each in before.messages if each.code == "unavailable"] if still_holds else []
    if not same_items(quoted, before):
        detail = "Prices or the cart have changed since the quote"
        told.append(Requirement(code="price_changed", pointer="/items", detail=detail))
    return msgspec.structs.replace(quoted, messages=[*told, *quoted.messages])


def _line(item_id: str, quantity: int, variant: ForSale, shop: Shop, amounts: tuple[int, int, int]) -> QuoteLine:
    discount, total, rate = amounts
    return QuoteLine(
        id=item_id,
        product_id=variant.product_id,
        variant_id=variant.variant_id,
        sku=variant.sku,
        title=variant.title,
        slug=variant.slug,
        options=variant.options,
        image=variant.image_url,
        quantity=quantity,
        unit_price=variant.price,
        discount=Money(discount, shop.currency),
        total=Money(total, shop.currency),
        tax=Money(Taxed(total, rate).tax, shop.currency),
        tax_basis_points=rate,
        hsn=variant.hsn,
        weight_grams=variant.weight_grams,
        category_path=variant.category_path,
    )


def _totals(items: Sequence[QuoteLine], option: ShippingOption | None, ship_to: Address | None, shop: Shop) -> Totals:
    subtotal = sum(line.unit_price.amount * line.quantity for line in items)
    discount = sum(line.discount.amount for line in items)
    shipping = option.price.amount if option else 0
    taxed = [Taxed(line.total.amount, line.tax_basis_points) for line in items]
    if _taxed(ship_to):
        taxed.append(Taxed(shipping, STANDARD_RATE))
    money = {
        "subtotal": subtotal,
        "discount": discount,
        "shipping": shipping,
        "tax": sum(each.tax for each in taxed),
        "total": subtotal - discount + shipping,
    }
    return Totals(
        **{name: Money(amount, shop.currency) for name, amount in money.items()},
        tax_lines=tax_lines(taxed, ship_to, shop.seller_state, shop.currency),
    )


def _taxed(ship_to: Address | None) -> bool:
    # Exports are zero-rated.
    return ship_to is None or ship_to.country == "IN"


def _discount_per_line(discounts: Discounts, lines: int) -> list[int]:
    totals = [0] * lines
    for applied in discounts.applied:
        totals = [sum_ + part for sum_, part in zip(totals, applied.per_line, strict=True)]
    return totals


def _chosen(options: Sequence[ShippingOption], method: str | None) -> ShippingOption | None:
    """The option asked for, else the cheapest."""
    asked = next((option for option in options if option.id == method), None)
    return asked or min(options, key=lambda option: option.price.amount, default=None)


def _messages(facts: Facts, variants: Mapping[str, ForSale]) -> list[Requirement]:
    found = []
    bought = [line for line in facts.contents.lines if line.variant_id in variants]
    if len(bought) < len(facts.contents.lines):
        detail = "Something in the cart is not sold any more and is left out"
        found.append(Requirement(code="unavailable", pointer="/items", detail=detail))
    for i, line in enumerate(bought):
        variant = variants[line.variant_id]
        if facts.stock.get(variant.sku, 0) < line.quantity:
            left = facts.stock.get(variant.sku, 0)
            detail = f"Only {left} of {variant.title} left" if left else f"{variant.title} is sold out"
            found.append(Requirement(code="out_of_stock", pointer=f"/items/{i}", detail=detail))
    for fault in facts.discounts.faults:
        found.append(Requirement(code=f"coupon_{fault.reason}", pointer="/coupon_codes", detail=fault.detail))
    return found


def requirements(quoted: Quote) -> list[Requirement]:
    """What is missing before the order can be placed."""
    choices = quoted.choices
    found = []
    if not choices.email:
        found.append(Requirement(code="required", pointer="/email", detail="Where to send the confirmation"))
    if choices.shipping_address is None:
        found.append(Requirement(code="required", pointer="/shipping_address", detail="Where to deliver"))
    elif not quoted.options:
        found.append(
            Requirement(code="not_deliverable", pointer="/shipping_address", detail="We do not deliver to this address")
        )
    elif choices.shipping_method is not None and choices.shipping_method != quoted.shipping_method:
        found.append(
            Requirement(code="not_offered", pointer="/shipping_method", detail="This way of delivery is not offered")
        )
    return found


def same_prices(one: Quote, other: Quote) -> bool:
    """Whether a shopper would pay the same for the same."""
    return one.totals == other.totals and same_items(one, other)


def same_items(one: Quote, other: Quote) -> bool:
    """Whether the same is bought at the same prices, whatever is taken off and added to them."""
    bought = [[(line.variant_id, line.quantity, line.unit_price) for line in each.items] for each in (one, other)]
    return bought[0] == bought[1]


def check_payable(total: Money) -> None:
    """Raises Invalid for more than can be paid at once."""
    if total.amount > LIMIT:
        detail = f"come to more than can be paid at once, {format_money(Money(LIMIT, total.currency))}"
        raise Invalid(errors=[{"pointer": "/items", "code": "out_of_range", "detail": detail}])


def check_offered(payment: Method, shop: Shop) -> None:
    """Raises Invalid for a way to pay that this shop does not take."""
    if isinstance(payment, UpiMethod) and payment.vpa is not None and not shop.upi_collect:
        detail = "this shop does not ask by UPI ID: scan the code, or open the app"
        raise Invalid(errors=[{"pointer": "/payment/vpa", "code": "not_allowed", "detail": detail}])


def view(checkout_id: str, status: str, quoted: Quote, expires_at: datetime, **more: Any) -> Checkout:
    """The checkout as the API shows it; `more` are action, order and failure."""
    return Checkout(
        id=checkout_id,
        status=status,
        items=quoted.items,
        totals=quoted.totals,
        shipping_options=quoted.options,
        requirements=requirements(quoted) if status == "open" else [],
        expires_at=expires_at,
        email=quoted.choices.email,
        shipping_address=quoted.choices.shipping_address,
        billing_address=quoted.choices.billing_address,
        shipping_method=quoted.shipping_method,
        coupon_codes=quoted.choices.coupon_codes,
        messages=quoted.messages,
        **more,
    )
