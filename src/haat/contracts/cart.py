"""Carts of users and guests, validated against stock."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from haat.kit.access import Caller
from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message, Nothing, Page
from haat.kit.money import Money
from haat.kit.rpc import Contract, promise

Quantity = Annotated[int, Meta(ge=1, le=10_000, description="whole units, 1 to 10,000")]


class Owner(Message, frozen=True):
    """A signed-in user's cart, or a guest's by its secret token; with neither, a new guest cart is made."""

    user_id: str | None = None
    token: str | None = None


def owner_of(caller: Caller) -> Owner:
    """Whose cart a caller means: the user's when signed in, else the guest's."""
    return Owner(user_id=caller.user_id) if caller.user_id else Owner(token=caller.cart_token)


def guest_hash(owner: Owner) -> str | None:
    """What checkouts and orders keep of a guest's cart token, to know the guest again."""
    return None if owner.user_id or not owner.token else hashlib.sha256(owner.token.encode()).hexdigest()


class CartItem(Message, frozen=True):
    """`available` is what stock could give at the moment of the answer."""

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
    line_total: Money
    available: int
    added_at: datetime


class CartMessage(Message, frozen=True):
    """Something the shopper should know: `price_changed`, `out_of_stock`, `not_enough`, `unavailable`."""

    code: str
    detail: str
    item_id: str | None = None


class CartView(Message, frozen=True):
    """A cart as the API shows it; `token` only for guests; `version` grows with each change."""

    id: str
    items: list[CartItem]
    subtotal: Money
    messages: list[CartMessage]
    version: int
    token: str | None = None


class ViewCart(Message, frozen=True):
    owner: Owner


class AddItem(Message, frozen=True):
    """By variant, or by product with a single or first variant; units add up with those already there."""

    owner: Owner
    quantity: Quantity
    variant_id: str | None = None
    product_id: str | None = None
    idempotency: Idempotency | None = None


class ChangeItem(Message, frozen=True):
    owner: Owner
    item_id: str
    quantity: Quantity


class RemoveItem(Message, frozen=True):
    owner: Owner
    item_id: str


class CartLine(Message, frozen=True):
    item_id: str
    product_id: str
    variant_id: str
    quantity: int


class CartContents(Message, frozen=True):
    """What is in a cart, without asking anybody about prices or stock."""

    cart_id: str
    version: int
    lines: list[CartLine]


class MergeCarts(Message, frozen=True):
    """At login a guest's cart joins the user's; the guest's token is dead afterwards. Safe to repeat."""

    user_id: str
    token: str


class WishesOf(Message, frozen=True):
    user_id: str


class WishRef(Message, frozen=True):
    user_id: str
    product_id: str


class Wish(Message, frozen=True):
    """A product that a user wants to find again."""

    product_id: str
    added_at: datetime


class WishlistFull(DomainError):
    """A wishlist holds at most 200 products."""

    code = "wishlist_full"
    title = "The wishlist holds 200 products already"


class NotForSale(DomainError):
    """The product or variant does not exist or is not published."""

    code = "not_for_sale"
    status = 404
    title = "This product cannot be bought"


class CartFull(DomainError):
    """A cart holds at most 100 different items."""

    code = "cart_full"
    title = "The cart holds 100 different items already"


class ItemAdded(Event, frozen=True):
    cart_id: str
    product_id: str
    sku: str
    quantity: int
    user_id: str | None = None

    @property
    def key(self) -> str:
        return self.cart_id


class Cart(Contract):
    """Prices shown are today's; the checkout freezes them."""

    @promise(safe_to_repeat=True)
    async def view(self, ask: ViewCart) -> CartView: ...
    @promise(safe_to_repeat=True)
    async def contents(self, ask: ViewCart) -> CartContents: ...
    async def add_item(self, ask: AddItem) -> CartView: ...
    @promise(safe_to_repeat=True)
    async def change_item(self, ask: ChangeItem) -> CartView: ...
    @promise(safe_to_repeat=True)
    async def remove_item(self, ask: RemoveItem) -> CartView: ...
    @promise(safe_to_repeat=True)
    async def merge(self, ask: MergeCarts) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def wishes(self, ask: WishesOf) -> Page[Wish]: ...
    @promise(safe_to_repeat=True)
    async def wish(self, ask: WishRef) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def unwish(self, ask: WishRef) -> Nothing: ...
