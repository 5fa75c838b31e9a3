"""Wishlists: what users want to find again."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from haat.contracts.cart import NotForSale, WishesOf, WishlistFull, WishRef
from haat.contracts.catalog import Variant, VariantsForSale
from haat.contracts.inventory import Adjust, StockCameBack
from haat.kit.database import Batch
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
    one, users = await product(floor), [new_id("usr") for _ in range(30)]
    for user_id in users:
        await asyncio.gather(*(floor.cart.wish(WishRef(user_id=user_id, product_id=one)) for _ in range(10)))
    assert [await listed(floor, user_id) for user_id in users] == [[one]] * 30


async def came_back(floor: Floor, variant: Variant) -> list[str]:
    """The last unit is sold, five come in, the cart hears of it and tells; the users that were told of it."""
    before = Counter(await told(floor))
    left = (await floor.stock(variant))[0]
    for quantity in (-left, 5):
        await floor.inventory.adjust(Adjust(sku=variant.sku, quantity=quantity, reason="counted", actor="usr_staff"))
    await floor.deliver("cart", "inventory", variant.sku)
    await floor.house.service("cart").tell_wishes()
    return list((Counter(await told(floor)) - before).elements())


async def told(floor: Floor) -> list[str]:
    rows = await floor.rows("SELECT key FROM cart.outbox WHERE name = 'cart.WishCameBack'")
    return [key for (key,) in rows]


async def wished(floor: Floor) -> tuple[Variant, str, str]:
    """A variant on a shelf, its product, and a user who wishes for it."""
    variant, user_id = await floor.variant(), new_id("usr")
    sold = await floor.catalog.variants_for_sale(VariantsForSale(variant_ids=[variant.id]))
    await floor.cart.wish(WishRef(user_id=user_id, product_id=sold.data[0].product_id))
    return variant, sold.data[0].product_id, user_id


async def test_who_wishes_for_what_was_sold_out_is_told_when_it_is_back(floor: Floor):
    variant, product_id, user_id = await wished(floor)
    gone = new_id("usr")
    await floor.cart.wish(WishRef(user_id=gone, product_id=product_id))
    await floor.cart.unwish(WishRef(user_id=gone, product_id=product_id))
    assert await came_back(floor, variant) == [user_id]


async def test_who_wishes_for_what_never_had_units_is_told_of_the_first_ones(floor: Floor):
    variant, user_id = await floor.variant(stock=0), new_id("usr")
    sold = await floor.catalog.variants_for_sale(VariantsForSale(variant_ids=[variant.id]))
    await floor.cart.wish(WishRef(user_id=user_id, product_id=sold.data[0].product_id))
    before = Counter(await told(floor))
    await floor.inventory.adjust(Adjust(sku=variant.sku, quantity=5, reason="received", actor="usr_staff"))
    await floor.deliver("cart", "inventory", variant.sku)
    await floor.house.service("cart").tell_wishes()
    assert Counter(await told(floor)) - before == Counter([user_id])


async def test_a_wish_is_told_once_a_week_however_often_the_product_comes_and_goes(floor: Floor):
    variant, product_id, user_id = await wished(floor)
    assert [await came_back(floor, variant) for _ in range(2)] == [[user_id], []]
    await floor.rows(
        "UPDATE cart.wishes SET told_at = now() - interval '8 days' WHERE product_id = $1 RETURNING 1", product_id
    )
    assert await came_back(floor, variant) == [user_id]


async def test_a_wish_of_which_nobody_was_told_after_all_is_told_the_next_time(floor: Floor):
    variant, product_id, user_id = await wished(floor)
    other = new_id("usr")
    await floor.cart.wish(WishRef(user_id=other, product_id=product_id))
    assert sorted(await came_back(floor, variant)) == sorted([user_id, other])
    for _ in range(2):
        await floor.cart.not_told(WishRef(user_id=user_id, product_id=product_id))
    assert [await came_back(floor, variant) for _ in range(2)] == [[user_id], []]


async def test_a_wish_that_is_younger_than_the_news_is_not_told(floor: Floor):
    variant, product_id, _ = await wished(floor)
    await floor.rows(
        "UPDATE cart.wishes SET added_at = now() + interval '1 hour' WHERE product_id = $1 RETURNING 1", product_id
    )
    assert await came_back(floor, variant) == []


async def test_the_same_news_twice_and_several_tellers_tell_once(floor: Floor):
    variant, _, user_id = await wished(floor)
    event = StockCameBack(sku=variant.sku, available=5)
    service = floor.house.service("cart")
    await service.stock_came_back(Batch([event]))
    await asyncio.gather(*(service.tell_wishes() for _ in range(4)))
    await service.stock_came_back(Batch([event]))
    await service.tell_wishes()
    assert (await told(floor)).count(user_id) == 1


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
