"""Carts with a real catalogue and real stock beside them."""

from __future__ import annotations

import pytest

from haat.compose import SERVICES, House
from haat.contracts.cart import (
    AddItem,
    CartFull,
    CartView,
    ChangeItem,
    MergeCarts,
    NotForSale,
    Owner,
    RemoveItem,
    TakeOrdered,
    ViewCart,
)
from haat.contracts.catalog import CreateProduct, NewProduct, NewVariant
from haat.contracts.inventory import Adjust, OutOfStock
from haat.contracts.orders import OrderLine, OrderPlaced
from haat.kit.database import Batch
from haat.kit.idempotency import Idempotency, IdempotencyConflict
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound
from haat.kit.money import Money
from haat.services.cart.model import MAX_ITEMS
from haat.services.cart.reactions import on_orders_placed
from tests.services.shopfloor import PRICE, Floor, outcomes


def user() -> Owner:
    return Owner(user_id=new_id("usr"))


def same_key(fingerprint: str = "the same") -> Idempotency:
    return Idempotency(account="usr_a", key=new_id("key"), fingerprint=fingerprint)


async def seen(floor: Floor, owner: Owner) -> CartView:
    return await floor.cart.view(ViewCart(owner=owner))


async def quantities(floor: Floor, owner: Owner) -> list[int]:
    return [item.quantity for item in (await seen(floor, owner)).items]


def order_of(cart: CartView, event_id: str, checkout_id: str) -> OrderPlaced:
    """All that a cart holds was ordered."""
    lines = [
        OrderLine(
            product_id=item.product_id,
            variant_id=item.variant_id,
            sku=item.sku,
            title=item.title,
            quantity=item.quantity,
            total=item.line_total,
        )
        for item in cart.items
    ]
    about = {"order_id": "ord_1", "number": "HT-1", "checkout_id": checkout_id, "cart_id": cart.id, "lines": lines}
    return OrderPlaced(id=event_id, total=cart.subtotal, **about)


async def hear(floor: Floor, *events: OrderPlaced) -> None:
    await on_orders_placed(floor.house.service("cart"), Batch(events))


async def test_an_empty_cart_needs_no_row_and_gives_a_guest_a_token(floor: Floor):
    view = await seen(floor, Owner())
    assert (view.items, view.subtotal, view.version) == ([], Money(0), 0)
    assert view.token is not None and view.token.startswith(view.id + ".")


async def test_a_cart_counts_in_the_currency_of_the_shop(floor: Floor):
    elsewhere = House(floor.house.settings.model_copy(update={"currency": "USD"}), frozenset(SERVICES))
    view = await elsewhere.service("cart").view(ViewCart(owner=Owner()))
    assert view.subtotal == Money(0, "USD")


async def test_units_add_up_at_todays_price(floor: Floor):
    lamp, owner = await floor.variant(stock=10), user()
    await floor.put(owner, (lamp, 2), (lamp, 3))
    view = await seen(floor, owner)
    (item,) = view.items
    assert (item.quantity, item.unit_price, item.line_total, item.available) == (5, Money(PRICE), Money(PRICE * 5), 10)
    assert (view.subtotal, view.messages, view.token) == (Money(PRICE * 5), [], None)


async def test_a_product_stands_for_its_variant(floor: Floor):
    lamp, owner = await floor.variant(), user()
    product_id = (await seen(floor, await floor.put(user(), (lamp, 1)))).items[0].product_id
    view = await floor.cart.add_item(AddItem(owner=owner, product_id=product_id, quantity=1))
    assert view.items[0].variant_id == lamp.id


async def test_a_product_stands_for_its_first_variant_whichever_lies_in_the_cart(floor: Floor):
    sizes = [NewVariant(sku=new_id("sku"), price=Money(PRICE), stock=5, options={"Size": size}) for size in "SM"]
    lamp = await floor.variant()
    product = NewProduct(title="Lamp in sizes", category="lamps", variants=sizes)
    made = await floor.catalog.create_product(CreateProduct(product=product, actor="usr_staff"))
    small, medium = made.variants
    owner = await floor.put(user(), (lamp, 1), (medium, 1))
    for _ in range(2):
        view = await floor.cart.add_item(AddItem(owner=owner, product_id=made.id, quantity=2))
    found = [(item.variant_id, item.quantity) for item in view.items]
    assert found == [(lamp.id, 1), (medium.id, 1), (small.id, 4)]


async def test_a_variant_or_a_product_but_not_both_or_neither(floor: Floor):
    asks = [AddItem(owner=user(), quantity=1), AddItem(owner=user(), quantity=1, variant_id="a", product_id="b")]
    assert await outcomes([floor.cart.add_item(ask) for ask in asks]) == [Invalid.code] * 2


async def test_what_is_not_sold_cannot_be_added(floor: Floor):
    with pytest.raises(NotForSale):
        await floor.cart.add_item(AddItem(owner=user(), variant_id=new_id("var"), quantity=1))


async def test_more_than_there_is_is_refused_with_what_there_is(floor: Floor):
    lamp, owner = await floor.variant(stock=3), user()
    await floor.put(owner, (lamp, 2))
    with pytest.raises(OutOfStock) as refused:
        await floor.put(owner, (lamp, 2))
    assert refused.value.facts == {"sku": lamp.sku, "available": 3, "requested": 4}
    assert await quantities(floor, owner) == [2]


async def test_a_quantity_is_set_and_validated(floor: Floor):
    lamp, owner = await floor.variant(stock=3), user()
    await floor.put(owner, (lamp, 1))
    item_id = (await seen(floor, owner)).items[0].id
    view = await floor.cart.change_item(ChangeItem(owner=owner, item_id=item_id, quantity=3))
    with pytest.raises(OutOfStock):
        await floor.cart.change_item(ChangeItem(owner=owner, item_id=item_id, quantity=4))
    assert (view.items[0].quantity, await quantities(floor, owner)) == (3, [3])


async def test_what_is_not_sold_any_more_is_named_and_can_be_taken_out(floor: Floor):
    lamp, bulb = await floor.variant(), await floor.variant()
    owner = await floor.put(user(), (lamp, 1), (bulb, 2))
    before = await seen(floor, owner)
    await floor.withdraw(lamp)
    view = await seen(floor, owner)
    told = [(message.code, message.item_id, message.detail) for message in view.messages]
    assert told == [("unavailable", before.items[0].id, "Reading lamp is not sold any more")]
    assert (view.items, view.subtotal) == (before.items[1:], Money(PRICE * 2))
    after = await floor.cart.remove_item(RemoveItem(owner=owner, item_id=before.items[0].id))
    assert (after.items, after.messages) == (view.items, [])


async def test_an_item_is_taken_out(floor: Floor):
    owner = await floor.put(user(), (await floor.variant(), 1))
    before = await seen(floor, owner)
    view = await floor.cart.remove_item(RemoveItem(owner=owner, item_id=before.items[0].id))
    assert (view.items, view.version) == ([], before.version + 1)


async def test_an_item_of_another_cart_is_not_found(floor: Floor):
    lamp = await floor.variant()
    item_id = (await seen(floor, await floor.put(user(), (lamp, 1)))).items[0].id
    owner = await floor.put(user(), (lamp, 1))
    asks = [
        floor.cart.change_item(ChangeItem(owner=owner, item_id=item_id, quantity=2)),
        floor.cart.remove_item(RemoveItem(owner=owner, item_id=item_id)),
    ]
    assert await outcomes(asks) == [NotFound.code] * 2


async def test_a_changed_price_and_too_little_stock_are_told(floor: Floor):
    lamp = await floor.variant(stock=5)
    owner = await floor.put(user(), (lamp, 4))
    await floor.price(lamp, PRICE + 100)
    await floor.inventory.adjust(Adjust(sku=lamp.sku, quantity=-3, reason="water", actor="usr_staff"))
    view = await seen(floor, owner)
    assert [message.code for message in view.messages] == ["not_enough", "price_changed"]
    assert (view.items[0].available, view.subtotal) == (2, Money((PRICE + 100) * 4))


async def test_five_who_add_at_once_all_count(floor: Floor):
    owner, lamp = user(), await floor.variant(stock=100)
    await floor.put(owner, (lamp, 1))
    ask = AddItem(owner=owner, variant_id=lamp.id, quantity=2)
    found = await outcomes([floor.cart.add_item(ask) for _ in range(5)])
    assert ([isinstance(each, CartView) for each in found], await quantities(floor, owner)) == ([True] * 5, [11])


async def test_those_who_add_at_once_never_pass_the_stock(floor: Floor):
    owner, lamp = user(), await floor.variant(stock=3)
    await floor.put(owner, (lamp, 1))
    found = await outcomes(
        [floor.cart.add_item(AddItem(owner=owner, variant_id=lamp.id, quantity=1)) for _ in range(5)]
    )
    assert (found.count(OutOfStock.code), await quantities(floor, owner)) == (3, [3])


async def test_the_same_key_adds_once(floor: Floor):
    lamp, owner = await floor.variant(), user()
    ask = AddItem(owner=owner, variant_id=lamp.id, quantity=2, idempotency=same_key())
    views = [await floor.cart.add_item(ask) for _ in range(3)]
    assert (views[1:], await quantities(floor, owner)) == ([views[0]] * 2, [2])


async def test_the_same_key_is_answered_though_the_last_unit_is_in_the_cart(floor: Floor):
    lamp, owner = await floor.variant(stock=1), user()
    ask = AddItem(owner=owner, variant_id=lamp.id, quantity=1, idempotency=same_key())
    first = await floor.cart.add_item(ask)
    assert await floor.cart.add_item(ask) == first


async def test_another_request_under_the_key_is_a_conflict(floor: Floor):
    lamp, owner, key = await floor.variant(), user(), same_key()
    await floor.cart.add_item(AddItem(owner=owner, variant_id=lamp.id, quantity=1, idempotency=key))
    other = Idempotency(account=key.account, key=key.key, fingerprint="another")
    with pytest.raises(IdempotencyConflict):
        await floor.cart.add_item(AddItem(owner=owner, variant_id=lamp.id, quantity=2, idempotency=other))


async def test_a_guests_token_is_answered_under_the_same_key_and_kept_nowhere(floor: Floor):
    lamp = await floor.variant()
    owner, key = await floor.guest((lamp, 1)), same_key()
    ask = AddItem(owner=owner, variant_id=lamp.id, quantity=2, idempotency=key)
    first, again = [await floor.cart.add_item(ask) for _ in range(2)]
    assert (first.token, again, await quantities(floor, owner)) == (owner.token, first, [3])
    kept = "SELECT convert_from(reply, 'UTF8')::jsonb -> 'token' FROM cart.idempotency WHERE key = $1"
    assert await floor.rows(kept, key.key) == [(None,)]


@pytest.mark.parametrize("token", [None, "undefined"])
async def test_newcomers_who_chose_the_same_key_do_not_share_a_cart(floor: Floor, token: str | None):
    lamp = await floor.variant()
    ask = AddItem(owner=Owner(token=token), variant_id=lamp.id, quantity=1, idempotency=same_key())
    one, other = [await floor.cart.add_item(ask) for _ in range(2)]
    assert (one.token == other.token, one.id == other.id) == (False, False)
    assert [await quantities(floor, Owner(token=each.token)) for each in (one, other)] == [[1], [1]]


async def test_the_same_key_many_times_at_once_adds_once(floor: Floor):
    lamp, owner = await floor.variant(), user()
    await floor.put(owner, (lamp, 1))
    ask = AddItem(owner=owner, variant_id=lamp.id, quantity=2, idempotency=same_key())
    found = await outcomes([floor.cart.add_item(ask) for _ in range(5)])
    assert {each for each in found if isinstance(each, str)} <= {"idempotency_in_flight"}
    assert await quantities(floor, owner) == [3]


async def test_a_guests_cart_joins_the_users_and_its_token_is_dead(floor: Floor):
    lamp, bulb, owner = await floor.variant(), await floor.variant(), user()
    await floor.put(owner, (lamp, 1))
    guest = await floor.guest((lamp, 2), (bulb, 1))
    for _ in range(2):
        await floor.cart.merge(MergeCarts(user_id=owner.user_id or "", token=guest.token or ""))
    assert (await quantities(floor, owner), await quantities(floor, guest)) == ([3, 1], [])


async def test_a_guessed_token_merges_nothing(floor: Floor):
    owner, guest = user(), await floor.guest((await floor.variant(), 2))
    cart_id = (guest.token or "").partition(".")[0]
    await floor.cart.merge(MergeCarts(user_id=owner.user_id or "", token=f"{cart_id}.{'x' * 32}"))
    assert (await quantities(floor, owner), await quantities(floor, guest)) == ([], [2])


async def squatted(floor: Floor, owner: Owner) -> Owner:
    """Somebody has put something into a cart under this user's id, by a token of their own making."""
    thief = Owner(token=f"crt_{(owner.user_id or '').removeprefix('usr_')}.{'x' * 32}")
    await floor.put(thief, (await floor.variant(), 3))
    return thief


async def test_a_cart_that_a_stranger_made_under_a_users_id_is_not_the_users(floor: Floor):
    lamp, owner = await floor.variant(), user()
    thief = await squatted(floor, owner)
    before = await quantities(floor, owner)
    await floor.put(owner, (lamp, 1))
    assert (before, await quantities(floor, owner), await quantities(floor, thief)) == ([], [1], [])


async def test_a_guests_cart_joins_no_cart_that_a_stranger_made_under_the_users_id(floor: Floor):
    owner, guest = user(), await floor.guest((await floor.variant(), 2))
    thief = await squatted(floor, owner)
    await floor.cart.merge(MergeCarts(user_id=owner.user_id or "", token=guest.token or ""))
    assert (await quantities(floor, owner), await quantities(floor, thief)) == ([2], [])


async def test_merging_never_passes_the_limit_of_items(floor: Floor):
    lamp, owner = await floor.variant(), user()
    guest = await floor.guest((lamp, 2), (await floor.variant(), 1), (await floor.variant(), 1))
    await floor.put(owner, (lamp, 1))
    await floor.rows(
        "INSERT INTO cart.items (item_id, cart_id, product_id, variant_id, quantity, seen_price_minor)"
        " SELECT 'itm_' || gen_random_uuid(), cart_id, 'prd_x', 'var_' || n, 1, 1"
        " FROM cart.carts, generate_series(1, $2) n WHERE user_id = $1",
        owner.user_id,
        MAX_ITEMS - 2,
    )
    await floor.cart.merge(MergeCarts(user_id=owner.user_id or "", token=guest.token or ""))
    query = "SELECT i.quantity FROM cart.items i JOIN cart.carts USING (cart_id) WHERE user_id = $1"
    found = [quantity for (quantity,) in await floor.rows(query, owner.user_id)]
    assert (len(found), max(found)) == (MAX_ITEMS, 3)


async def test_a_full_cart_takes_no_other_item(floor: Floor):
    owner = await floor.put(user(), (await floor.variant(), 1))
    await floor.rows(
        "INSERT INTO cart.items (item_id, cart_id, product_id, variant_id, quantity, seen_price_minor)"
        " SELECT 'itm_' || gen_random_uuid(), cart_id, 'prd_x', 'var_' || n, 1, 1"
        " FROM cart.carts, generate_series(1, $2) n WHERE user_id = $1",
        owner.user_id,
        MAX_ITEMS - 1,
    )
    with pytest.raises(CartFull):
        await floor.put(owner, (await floor.variant(), 1))


async def test_what_was_ordered_leaves_the_cart_once(floor: Floor):
    lamp, checkout_id, event_id = await floor.variant(stock=20), new_id("chk"), new_id("evt")
    owner = await floor.put(user(), (lamp, 2))
    event = order_of(await seen(floor, owner), event_id, checkout_id)
    await floor.put(owner, (lamp, 3))
    await hear(floor, event)
    await hear(floor, event, event, order_of(await seen(floor, owner), new_id("evt"), checkout_id))
    assert await quantities(floor, owner) == [3]


async def test_what_the_checkout_has_told_is_not_taken_out_by_the_event_again(floor: Floor):
    lamp = await floor.variant(stock=20)
    owner = await floor.put(user(), (lamp, 2))
    event = order_of(await seen(floor, owner), new_id("evt"), new_id("chk"))
    told = TakeOrdered(checkout_id=event.checkout_id, cart_id=event.cart_id, units={lamp.id: 2})
    await floor.put(owner, (lamp, 3))
    await floor.cart.take_ordered(told)
    await floor.cart.take_ordered(told)
    await hear(floor, event)
    assert await quantities(floor, owner) == [3]


async def test_what_the_event_has_told_is_not_taken_out_by_the_checkout_again(floor: Floor):
    lamp = await floor.variant(stock=20)
    owner = await floor.put(user(), (lamp, 2))
    event = order_of(await seen(floor, owner), new_id("evt"), new_id("chk"))
    await floor.put(owner, (lamp, 3))
    await hear(floor, event)
    await floor.cart.take_ordered(TakeOrdered(checkout_id=event.checkout_id, cart_id=event.cart_id, units={lamp.id: 2}))
    assert await quantities(floor, owner) == [3]


async def test_only_old_carts_of_guests_are_forgotten(floor: Floor):
    lamp = await floor.variant()
    old, fresh, owner = await floor.guest((lamp, 1)), await floor.guest((lamp, 1)), await floor.put(user(), (lamp, 1))
    ids = [(await seen(floor, each)).id for each in (old, owner)]
    await floor.rows("UPDATE cart.carts SET updated_at = now() - interval '31 days' WHERE cart_id = ANY($1)", ids)
    await floor.house.service("cart").forget_old_guests()
    assert [await quantities(floor, each) for each in (old, fresh, owner)] == [[], [1], [1]]
