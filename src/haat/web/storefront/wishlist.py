"""The wishlist: products to find again, for those who have an account."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from haat.contracts.cart import Cart, WishesOf, WishRef
from haat.contracts.catalog import Catalog, ProductRef, Products
from haat.contracts.search import Card
from haat.kit.message import DomainError
from haat.web.storefront.forms import typed
from haat.web.storefront.shell import Shop


@get("/wishlist")
async def view_wishlist(shop: Shop, cart: Cart, catalog: Catalog) -> Response[Any]:
    """What was put aside, the newest first; also what is not sold any more, for it counts until it is taken off."""
    if shop.caller.user_id is None:
        return shop.go("/sign-in?next=/wishlist")
    wishes = (await cart.wishes(WishesOf(user_id=shop.caller.user_id))).data
    ids = [each.product_id for each in wishes]
    found = (await catalog.products(Products(ids=ids, any_status=True))).data if wishes else []
    by_id = {product.id: product for product in found}
    products = [by_id.get(each) for each in ids]
    cards = [Card.of(product) if product else None for product in products]
    wished = list(zip(ids, products, cards, strict=True))
    return await shop.page("wishlist.html", wished=wished)


@post("/wishlist")
async def wish(shop: Shop, cart: Cart, catalog: Catalog) -> Response[Any]:
    """Put a product (`product`, its slug) aside; strangers sign in first and find it afterwards."""
    fields = await typed(shop.request)
    product = await catalog.product(ProductRef(ref=fields.get("product", "")))
    if shop.caller.user_id is None:
        return shop.go(f"/sign-in?next=/p/{product.slug}")
    try:
        await cart.wish(WishRef(user_id=shop.caller.user_id, product_id=product.id))
    except DomainError as error:
        if error.status != 409:
            raise
        return shop.go("/wishlist?said=wishes-full")
    return shop.go("/wishlist?said=wished")


@post("/wishlist/{product_id:str}/remove")
async def unwish(product_id: str, shop: Shop, cart: Cart) -> Response[Any]:
    """Take a product off the list."""
    await cart.unwish(WishRef(user_id=shop.caller.signed_in(), product_id=product_id[:100]))
    return shop.go("/wishlist?said=unwished")


ROUTES = [view_wishlist, wish, unwish]
