"""The cart: look, add, change, remove; what an order held once more."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post

from haat.contracts.cart import (
    AddItem,
    Cart,
    CartFull,
    CartView,
    ChangeItem,
    NotForSale,
    Owner,
    RemoveItem,
    ViewCart,
)
from haat.contracts.catalog import Catalog, ProductRef
from haat.contracts.checkout import QuoteLine
from haat.contracts.inventory import OutOfStock
from haat.contracts.orders import Orders
from haat.contracts.recommendations import Recommender
from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, NotFound
from haat.web.storefront.browsing import advice
from haat.web.storefront.choosing import variant_to_buy, what_exists
from haat.web.storefront.forms import inside, typed, whole
from haat.web.storefront.orders import who
from haat.web.storefront.product import buying, page_of
from haat.web.storefront.shell import Shop

MOST_OF_ONE = 10_000


@get("/cart")
async def view_cart(shop: Shop, cart: Cart, recommendations: Recommender) -> Response[str]:
    """The cart with today's prices and stock."""
    if shop.caller.user_id is not None:
        # Left over where the cart was away at the sign-in, or the shopper could not be told from a guest.
        await shop.bring_cart(shop.caller.user_id)
    return await _page(shop, recommendations, await cart.view(ViewCart(owner=shop.owner)))


@post("/cart/items")
async def add_item(shop: Shop, cart: Cart, catalog: Catalog, recommendations: Recommender) -> Response[Any]:
    """Put a variant into the cart: `product` (slug) with its options, and how many."""
    fields = await typed(shop.request)
    product = await catalog.product(ProductRef(ref=fields.get("product", "")))
    variant = variant_to_buy(product, fields)
    quantity = whole(fields.get("quantity"), 1, MOST_OF_ONE) or 1

    async def refused(why: str, status: int) -> Response[Any]:
        if shop.hypermedia:
            return shop.part("parts/buy.html", **buying(product, fields, why))
        return await page_of(shop, catalog, recommendations, product.slug, refusal=fields, problem=why, status=status)

    if variant is None:
        return await refused(what_exists(product, fields), 409)
    try:
        view = await cart.add_item(AddItem(owner=shop.owner, variant_id=variant.id, quantity=quantity))
    except (OutOfStock, CartFull, NotForSale) as error:
        return await refused(_why(error, adding=quantity), error.status)
    shop.keep_cart(view)
    shop.record(recommendations, "add_to_cart", product.id)
    if shop.hypermedia:
        item = next(each for each in view.items if each.variant_id == variant.id)
        return shop.part(
            "parts/added.html", view=view, item=item, units=await _units(shop, cart, view), quantity=quantity
        )
    return shop.go(inside(fields.get("next") or "/cart?said=added"))


@post("/cart/items/{item_id:str}")
async def change_item(item_id: str, shop: Shop, cart: Cart, recommendations: Recommender) -> Response[Any]:
    """Another quantity; 0 takes the item out, and so does the button named `remove`."""
    fields = await typed(shop.request)
    quantity = 0 if "remove" in fields else whole(fields.get("quantity"), 0, MOST_OF_ONE)
    problem = ""
    try:
        if quantity == 0:
            view = await cart.remove_item(RemoveItem(owner=shop.owner, item_id=item_id))
        elif quantity is None:
            view, problem = await cart.view(ViewCart(owner=shop.owner)), "Enter a whole number"
        else:
            view = await cart.change_item(ChangeItem(owner=shop.owner, item_id=item_id, quantity=quantity))
    except NotFound:
        # Removed in another window: what is there now is the answer.
        view = await cart.view(ViewCart(owner=shop.owner))
    except DomainError as error:
        view, problem = await cart.view(ViewCart(owner=shop.owner)), _why(error)
    if not problem:
        shop.keep_cart(view)
    if shop.hypermedia:
        return shop.part(
            "parts/cart.html", view=view, units=await _units(shop, cart, view), problem=problem, swapped=True
        )
    if problem:
        return await _page(shop, recommendations, view, problem=problem, status=409)
    return shop.go(f"/cart?said={'removed' if quantity == 0 else 'changed'}")


@post("/orders/{order_id:str}/again")
async def buy_again(
    order_id: str, shop: Shop, orders: Orders, cart: Cart, recommendations: Recommender
) -> Response[Any]:
    """What an order held into the cart once more, as far as it is to be had; a form sent twice puts it there once."""
    fields = await typed(shop.request)
    caller, attempt = shop.caller, fields.get("attempt", "")[:100]
    order = await orders.order(who(shop, order_id, fields.get("token") or None))
    view = await cart.view(ViewCart(owner=shop.owner))
    # A guest's first cart gets its token here, and all lines join it.
    owner = Owner(user_id=caller.user_id) if caller.user_id else Owner(token=view.token)
    missing = []
    for item in order.items:
        once = shop.once(f"again:{item.id}:{attempt}", order.id)
        if lacking := await _put_again(cart, owner, item, once):
            missing.append(f"{item.title}: {lacking}")
    view = await cart.view(ViewCart(owner=owner))
    shop.keep_cart(view)
    if missing:
        return await _page(shop, recommendations, view, problem=" ".join(missing), status=409)
    return shop.go("/cart?said=added")


async def _put_again(cart: Cart, owner: Owner, item: QuoteLine, once: Idempotency) -> str:
    """Add as many units as there are, up to what was ordered; what is lacking, in words."""
    ask = AddItem(owner=owner, variant_id=item.variant_id, quantity=item.quantity, idempotency=once)
    try:
        await cart.add_item(ask)
    except OutOfStock as error:
        there = error.facts["requested"] - item.quantity
        more = error.facts["available"] - there
        if 0 < more < item.quantity:
            await cart.add_item(msgspec.structs.replace(ask, quantity=more))
            return f"only {more} of {item.quantity} are left."
        return _why(error, adding=item.quantity)
    except (CartFull, NotForSale) as error:
        return f"{error.detail}."
    return ""


async def _page(
    shop: Shop, recommendations: Recommender, view: CartView, *, problem: str = "", status: int = 200
) -> Response[str]:
    first = view.items[0].product_id if view.items else None
    kind = "bought_together" if first else "trending"
    advised = await advice(shop, recommendations, kind, first, 4)
    inside_already = {item.product_id for item in view.items}
    advised = [each for each in advised if each.product.id not in inside_already]
    return await shop.page("cart.html", status=status, view=view, advised=advised, problem=problem, swapped=False)


async def _units(shop: Shop, cart: Cart, view: CartView) -> int:
    """How many things the head of every page counts: what is not sold any more lies in the cart until it is removed."""
    if any(message.code == "unavailable" for message in view.messages):
        return sum(line.quantity for line in (await cart.contents(ViewCart(owner=shop.owner))).lines)
    return sum(item.quantity for item in view.items)


def _why(error: DomainError, adding: int | None = None) -> str:
    """The refusal in words for the shopper, who wanted so many in all or was `adding` to what lies in the cart."""
    if not isinstance(error, OutOfStock):
        return error.detail
    left = error.facts.get("available", 0)
    there = 0 if adding is None else error.facts.get("requested", adding) - adding
    if not left:
        return "This has just sold out."
    if there <= 0:
        return f"Only {left} left: please choose fewer."
    if there >= left:
        return (
            "The only one left is in your cart already." if left == 1 else f"All {left} left are in your cart already."
        )
    return f"Only {left} left, and {there} of them in your cart already: please choose fewer."


ROUTES = [view_cart, add_item, change_item, buy_again]
