"""Wishlists: what users want to find again."""

from __future__ import annotations

import asyncio

import pytest

from haat.contracts.cart import NotForSale, WishesOf, WishlistFull, WishRef
from haat.kit.ids import new_id
from haat.services.cart.store import MAX_WISHES
from tests.services.shopfloor import Floor


async def listed(floor: Floor, user_id: str) -> list[str]:
    return [each.product_id for each in (await floor.cart.wishes(WishesOf(user_id=user_id))).data]


async def product(floor: Floor) -> str:
    variant = await floor.variant()
    order = await floor.bought((variant, 1))
    return order.items[0].product_id


async def test_the_newest_wish_is_first_and_one_is_made_once(floor: Floor):
    user_id, first, second = new_id("usr"), await product(floor), await product(floor)
    for product_id in (first, second, first):
        await floor.cart.wish(WishRef(user_id=user_id, product_id=product_id))
    assert await listed(floor, user_id) == [second, first]
    await floor.cart.unwish(WishRef(user_id=user_id, product_id=second))
    await floor.cart.unwish(WishRef(user_id=user_id, product_id=second))
    assert (await listed(floor, user_id), await listed(floor, new_id("usr"))) == ([first], [])


async def test_what_does_not_exist_cannot_be_wished_for(floor: Floor):
    with pytest.raises(NotForSale):
        await floor.cart.wish(WishRef(user_id=new_id("usr"), product_id=new_id("prd")))


async def test_a_list_has_an_end_and_what_is_on_it_stays(floor: Floor):
    user_id, one, more = new_id("usr"), await product(floor), await product(floor)
    await floor.cart.wish(WishRef(user_id=user_id, product_id=one))
    await floor.rows(
        "INSERT INTO cart.wishes (user_id, product_id) SELECT $1, 'prd_' || n FROM generate_series(2, $2::int) n",
        user_id,
        MAX_WISHES,
    )
    with pytest.raises(WishlistFull):
        await floor.cart.wish(WishRef(user_id=user_id, product_id=more))
    await floor.cart.wish(WishRef(user_id=user_id, product_id=one))
    assert len(await listed(floor, user_id)) == MAX_WISHES


async def test_the_same_wish_ten_times_at_once_is_one(floor: Floor):
    user_id, one = new_id("usr"), await product(floor)
    await asyncio.gather(*(floor.cart.wish(WishRef(user_id=user_id, product_id=one)) for _ in range(10)))
    assert await listed(floor, user_id) == [one]


async def test_a_wishlist_is_its_users_own_over_http(shopfront, floor: Floor, people):
    user_id, headers = await people()
    one = await product(floor)
    assert (await shopfront.get("/v1/wishlist")).status_code == 401
    assert (await shopfront.put(f"/v1/wishlist/{one}", headers=headers)).status_code == 204
    assert (await shopfront.put(f"/v1/wishlist/{new_id('prd')}", headers=headers)).status_code == 404
    body = (await shopfront.get("/v1/wishlist", headers=headers)).json()
    assert ([each["product_id"] for each in body["data"]], await listed(floor, user_id)) == ([one], [one])
    assert (await shopfront.delete(f"/v1/wishlist/{one}", headers=headers)).status_code == 204
    assert await listed(floor, user_id) == []
