"""Carts of users and guests, validated against stock."""

from haat.contracts.cart.calls import Cart, bring_along
from haat.contracts.cart.commands import (
    AddItem,
    ChangeItem,
    MergeCarts,
    Owner,
    Quantity,
    RemoveItem,
    TakeOrdered,
    ViewCart,
    WishesOf,
    WishRef,
    guest_hash,
    owner_of,
)
from haat.contracts.cart.outcomes import CartFull, ItemAdded, NotForSale, WishCameBack, WishlistFull
from haat.contracts.cart.view import CartContents, CartItem, CartLine, CartMessage, CartView, Wish

__all__ = [
    "AddItem",
    "Cart",
    "CartContents",
    "CartFull",
    "CartItem",
    "CartLine",
    "CartMessage",
    "CartView",
    "ChangeItem",
    "ItemAdded",
    "MergeCarts",
    "NotForSale",
    "Owner",
    "Quantity",
    "RemoveItem",
    "TakeOrdered",
    "ViewCart",
    "Wish",
    "WishCameBack",
    "WishRef",
    "WishesOf",
    "WishlistFull",
    "bring_along",
    "guest_hash",
    "owner_of",
]
