"""The calls of the cart."""

from __future__ import annotations

import structlog

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
from haat.kit.message import DomainError, Nothing, Page
from haat.kit.rpc import Contract, promise

log = structlog.get_logger("haat.cart")


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


async def bring_along(cart: Cart, user_id: str, token: str) -> bool:
    """After a sign-in: the guest's cart of this token joins the user's; False when it stays where it is, for now.

    Signing in must not depend on the cart.
    """
    try:
        await cart.merge(MergeCarts(user_id=user_id, token=token))
    except DomainError as error:
        log.warning("cart not merged", user_id=user_id, error=error.code)
        return False
    return True
