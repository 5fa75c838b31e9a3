"""The calls of the cart."""

from __future__ import annotations

from haat.contracts.cart.commands import (
    AddItem,
    ChangeItem,
    MergeCarts,
    RemoveItem,
    TakeOrdered,
    ViewCart,
    WishesOf,
    WishRef,
)
from haat.contracts.cart.view import CartContents, CartView, Wish
from haat.kit.message import Nothing, Page
from haat.kit.rpc import Contract, promise


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
    @promise(safe_to_repeat=True, timeout_seconds=0.5)
    async def take_ordered(self, ask: TakeOrdered) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def wishes(self, ask: WishesOf) -> Page[Wish]: ...
    @promise(safe_to_repeat=True)
    async def wish(self, ask: WishRef) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def unwish(self, ask: WishRef) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def not_told(self, ask: WishRef) -> Nothing:
        """Nobody was told of `WishCameBack` after all: the next time it comes back counts."""
        ...
