"""The rules of a cart: what may be added, changed and merged."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from haat.contracts.cart import CartFull, CartItem, CartMessage, CartView, NotForSale, Owner, TakeOrdered
from haat.contracts.catalog import ForSale
from haat.contracts.inventory import OutOfStock
from haat.contracts.orders import OrderPlaced
from haat.kit.clock import now
from haat.kit.ids import is_id, new_id
from haat.kit.message import NotFound
from haat.kit.money import Money

MAX_ITEMS = 100
MAX_QUANTITY = 10_000


class Item(msgspec.Struct, frozen=True):
    """One line as stored."""

    item_id: str
    product_id: str
    variant_id: str
    quantity: int
    seen_price_minor: int
    added_at: datetime


class Facts(msgspec.Struct, frozen=True):
    """What others answered about a cart: variants for sale, units by SKU, titles of products no more for sale."""

    variants: Sequence[ForSale] = []
    stock: Mapping[str, int] = {}
    titles: Mapping[str, str] = {}


class CartState(msgspec.Struct, frozen=True):
    """A cart as stored; `version` 0 means that no row exists yet."""

    cart_id: str
    items: list[Item]
    version: int = 0
    user_id: str | None = None
    token: str | None = None

    def with_added(self, variant: ForSale, quantity: int, available: int) -> Item:
        """The item after adding units. Raises OutOfStock, CartFull."""
        there = next((item for item in self.items if item.variant_id == variant.variant_id), None)
        if there is None and len(self.items) >= MAX_ITEMS:
            raise CartFull(limit=MAX_ITEMS)
        wanted = quantity + (there.quantity if there else 0)
        check_stock(variant.sku, wanted, available)
        price = variant.price.amount
        if there is not None:
            return msgspec.structs.replace(there, quantity=wanted, seen_price_minor=price)
        return Item(new_id("itm"), variant.product_id, variant.variant_id, wanted, price, now())

    def item(self, item_id: str) -> Item:
        """One item. Raises NotFound."""
        for item in self.items:
            if item.item_id == item_id:
                return item
        raise NotFound("There is no such item in the cart")

    def after(self, changed: Item, version: int) -> CartState:
        """The cart once `changed` is saved under `version`."""
        kept = [changed if item.item_id == changed.item_id else item for item in self.items]
        items = kept if changed in kept else [*kept, changed]
        return msgspec.structs.replace(self, items=items, version=version)


def check_stock(sku: str, wanted: int, available: int) -> None:
    """Raises OutOfStock when fewer than `wanted` units can be sold, in one order at most MAX_QUANTITY."""
    left = min(available, MAX_QUANTITY)
    if wanted > left:
        raise OutOfStock(f"Only {left} left" if left else "Sold out", sku=sku, available=left, requested=wanted)


def for_sale(variants: Sequence[ForSale], variant_id: str | None) -> ForSale:
    """The variant that was asked for. Raises NotForSale."""
    for variant in variants:
        if variant.variant_id == variant_id:
            return variant
    raise NotForSale()


def cart_of(owner: Owner) -> tuple[str, str | None, str | None]:
    """Cart id, user id and guest token of an owner; a guest without a token gets a new one.

    A user's cart id comes from the user's id, a guest's token is the cart's id and a secret: no row is needed to
    answer for an empty cart. A malformed token counts as none.
    """
    if owner.user_id is not None:
        return "crt_" + owner.user_id.partition("_")[2], owner.user_id, None
    cart_id, _, secret = (owner.token or "").partition(".")
    if not is_id(cart_id, "crt") or len(secret) < 20:
        cart_id, secret = new_id("crt"), secrets.token_urlsafe(24)
    return cart_id, None, f"{cart_id}.{secret}"


def new_cart() -> CartState:
    """The empty cart of a guest who has no token yet."""
    cart_id, _, token = cart_of(Owner())
    return CartState(cart_id, [], 0, None, token)


def ordered(event: OrderPlaced) -> TakeOrdered:
    """What an order takes out of the cart it came from."""
    units = {line.variant_id: line.quantity for line in event.lines}
    return TakeOrdered(checkout_id=event.checkout_id, cart_id=event.cart_id, units=units)


def secret_hash(token: str | None) -> bytes | None:
    """What is stored of a guest's token."""
    return None if token is None else hashlib.sha256(token.partition(".")[2].encode()).digest()


def opens(token: str | None, stored: bytes | None) -> bool:
    """Whether a guest's token fits the stored hash, compared in constant time."""
    given = secret_hash(token)
    return given is not None and stored is not None and hmac.compare_digest(given, stored)


def view(cart: CartState, facts: Facts, currency: str) -> CartView:
    """The cart for the shopper: today's prices, and what has changed since the items were added."""
    variants = {variant.variant_id: variant for variant in facts.variants}
    items: list[CartItem] = []
    messages: list[CartMessage] = []
    for item in cart.items:
        variant = variants.get(item.variant_id)
        if variant is None:
            detail = f"{facts.titles.get(item.product_id, 'This')} is not sold any more"
            messages.append(CartMessage(code="unavailable", detail=detail, item_id=item.item_id))
            continue
        shown = _shown(item, variant, facts.stock.get(variant.sku, 0))
        items.append(shown)
        messages += _messages(item, shown)
    subtotal = sum((item.line_total.amount for item in items), 0)
    return CartView(
        id=cart.cart_id,
        items=items,
        subtotal=Money(subtotal, currency),
        messages=messages,
        version=cart.version,
        token=cart.token,
    )


def _shown(item: Item, variant: ForSale, available: int) -> CartItem:
    return CartItem(
        id=item.item_id,
        product_id=variant.product_id,
        variant_id=variant.variant_id,
        sku=variant.sku,
        title=variant.title,
        slug=variant.slug,
        options=variant.options,
        image=variant.image_url,
        quantity=item.quantity,
        unit_price=variant.price,
        line_total=variant.price.times(item.quantity),
        available=available,
        added_at=item.added_at,
    )


def _messages(item: Item, shown: CartItem) -> list[CartMessage]:
    found = []
    if shown.available == 0:
        found.append(CartMessage(code="out_of_stock", detail=f"{shown.title} is sold out", item_id=item.item_id))
    elif shown.available < item.quantity:
        detail = f"Only {shown.available} of {shown.title} left"
        found.append(CartMessage(code="not_enough", detail=detail, item_id=item.item_id))
    if shown.unit_price.amount != item.seen_price_minor:
        detail = f"The price of {shown.title} has changed since you added it"
        found.append(CartMessage(code="price_changed", detail=detail, item_id=item.item_id))
    return found
