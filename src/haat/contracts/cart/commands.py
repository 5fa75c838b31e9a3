"""What may be asked of a cart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from haat.kit.access import Caller
from haat.kit.idempotency import Idempotency
from haat.kit.message import Message

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


class MergeCarts(Message, frozen=True):
    """At login a guest's cart joins the user's; the guest's token is dead afterwards. Safe to repeat."""

    user_id: str
    token: str


class TakeOrdered(Message, frozen=True):
    """What a checkout ordered (units by variant) leaves the cart it came from; once, however often it is told."""

    checkout_id: str
    cart_id: str
    units: Mapping[str, int]


class WishesOf(Message, frozen=True):
    user_id: str


class WishRef(Message, frozen=True):
    user_id: str
    product_id: str
