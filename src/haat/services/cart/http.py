"""`/v1/cart`: the signed-in user's cart, or a guest's by the Cart-Token header."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, delete, get, patch, post, put
from litestar.params import Parameter

from haat.contracts.cart import (
    AddItem,
    Cart,
    CartView,
    ChangeItem,
    Quantity,
    RemoveItem,
    ViewCart,
    Wish,
    WishesOf,
    WishRef,
    owner_of,
)
from haat.kit.access import Caller, needs_user
from haat.kit.idempotency import Idempotency
from haat.kit.message import Message, Page
from haat.kit.problem import problems

ProductId = Annotated[str, Parameter(description="a product, `prd_…`", max_length=100)]
ItemId = Annotated[str, Parameter(description="an item of this cart, `itm_…`")]


class AddItemBody(Message, frozen=True):
    """A variant, or a product with one variant, and how many."""

    quantity: Quantity
    variant_id: str | None = None
    product_id: str | None = None


class ChangeItemBody(Message, frozen=True):
    """The new quantity."""

    quantity: Quantity


@get("/v1/cart", tags=["cart"], responses=problems(401))
async def view_cart(cart: Cart, caller: Caller) -> Response[CartView]:
    """The cart with today's prices and stock; `messages` tell what has changed."""
    return _answer(await cart.view(ViewCart(owner=owner_of(caller))))


@post("/v1/cart/items", tags=["cart"], responses=problems(401, 404, 409, 422))
async def add_item(
    data: AddItemBody, cart: Cart, caller: Caller, idempotency: Idempotency | None
) -> Response[CartView]:
    """Add units, validated against stock: 409 `out_of_stock` with `available`."""
    ask = AddItem(
        owner=owner_of(caller),
        quantity=data.quantity,
        variant_id=data.variant_id,
        product_id=data.product_id,
        idempotency=idempotency,
    )
    return _answer(await cart.add_item(ask), 201)


@patch("/v1/cart/items/{item_id:str}", tags=["cart"], responses=problems(401, 404, 409, 422))
async def change_item(item_id: ItemId, data: ChangeItemBody, cart: Cart, caller: Caller) -> Response[CartView]:
    """Set the quantity, validated against stock."""
    return _answer(await cart.change_item(ChangeItem(owner=owner_of(caller), item_id=item_id, quantity=data.quantity)))


@delete("/v1/cart/items/{item_id:str}", status_code=200, tags=["cart"], responses=problems(401, 404))
async def remove_item(item_id: ItemId, cart: Cart, caller: Caller) -> Response[CartView]:
    """Take an item out."""
    return _answer(await cart.remove_item(RemoveItem(owner=owner_of(caller), item_id=item_id)))


@get("/v1/wishlist", tags=["cart"], guards=[needs_user], responses=problems(401))
async def view_wishlist(cart: Cart, caller: Caller) -> Page[Wish]:
    """Products that you want to find again, the newest first; at most 200."""
    return await cart.wishes(WishesOf(user_id=caller.signed_in()))


@put(
    "/v1/wishlist/{product_id:str}",
    status_code=204,
    tags=["cart"],
    guards=[needs_user],
    responses=problems(401, 404, 409),
)
async def wish(product_id: ProductId, cart: Cart, caller: Caller) -> None:
    """Put a product on your wishlist."""
    await cart.wish(WishRef(user_id=caller.signed_in(), product_id=product_id))


@delete("/v1/wishlist/{product_id:str}", tags=["cart"], guards=[needs_user], responses=problems(401))
async def unwish(product_id: ProductId, cart: Cart, caller: Caller) -> None:
    """Take a product off your wishlist."""
    await cart.unwish(WishRef(user_id=caller.signed_in(), product_id=product_id))


def _answer(view: CartView, status: int = 200) -> Response[CartView]:
    headers = {"Cart-Token": view.token} if view.token else {}
    return Response(view, status_code=status, headers=headers)


ROUTES = [view_cart, add_item, change_item, remove_item, view_wishlist, wish, unwish]
