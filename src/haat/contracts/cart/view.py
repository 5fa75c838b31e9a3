"""A cart as people see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from haat.kit.message import Message
from haat.kit.money import Money


class CartItem(Message, frozen=True):
    """`available` is what stock could give at the moment of the answer."""

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
    items: Sequence[CartItem]
    subtotal: Money
    messages: Sequence[CartMessage]
    version: int
    token: str | None = None


class CartLine(Message, frozen=True):
    item_id: str
    product_id: str
    variant_id: str
    quantity: int


class CartContents(Message, frozen=True):
    """What is in a cart, without asking anybody about prices or stock."""

    cart_id: str
    version: int
    lines: Sequence[CartLine]


class Wish(Message, frozen=True):
    """A product that a user wants to find again."""

    product_id: str
    added_at: datetime
