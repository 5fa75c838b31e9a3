"""The cart's SQL, on real PostgreSQL."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from haat.contracts.cart import ItemAdded, Owner, TakeOrdered
from haat.engines.database.pool import PostgresDatabase
from haat.kit.clock import now
from haat.kit.database import Connection, Transaction
from haat.kit.ids import new_id
from haat.services.cart.model import CartState, Item
from haat.services.cart.store import CartStore


def item(variant_id: str = "var_a", quantity: int = 1) -> Item:
    return Item(new_id("itm"), "prd_a", variant_id, quantity, 4900, now())


async def loaded(store: CartStore, connection: Connection, owner: Owner) -> CartState:
    (cart,) = await store.load(connection, [owner])
    return cart


async def saved(store: CartStore, owner: Owner, *items: Item) -> CartState:
    for each in items:
        async with store.connection() as connection:
            cart = await loaded(store, connection, owner)
            await store.save_item(connection, cart, each)
    async with store.connection() as connection:
        return await loaded(store, connection, owner)


def user() -> Owner:
    return Owner(user_id=new_id("usr"))


async def test_a_cart_comes_back_as_it_was_saved(database: PostgresDatabase):
    store, owner, lamp, kettle = CartStore(database), user(), item("var_a", 2), item("var_b", 1)
    first = await saved(store, owner, lamp)
    cart = await saved(store, owner, kettle)
    assert (cart.items, cart.version) == ([lamp, kettle], first.version + 1)


async def test_a_save_decided_on_an_older_version_writes_nothing(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    old = await saved(store, owner, item())
    await saved(store, owner, item("var_b"))
    async with store.connection() as connection:
        assert await store.save_item(connection, old, item("var_c")) is None
    assert len((await saved(store, owner)).items) == 2


async def test_of_ten_saves_on_one_version_exactly_one_wins(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    cart = await saved(store, owner, item())

    async def save(number: int) -> int | None:
        async with store.connection() as connection:
            return await store.save_item(connection, cart, item(f"var_{number}"))

    versions = await asyncio.gather(*(save(number) for number in range(10)))
    assert sorted(version or 0 for version in versions) == [0] * 9 + [cart.version + 1]


async def test_the_event_is_told_with_the_save(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    event = ItemAdded(cart_id="crt_told", product_id="prd_a", sku="A", quantity=1)
    async with store.connection() as connection:
        await store.save_item(connection, await loaded(store, connection, owner), item(), event)
        told = await connection.fetch("SELECT id, name FROM cart.outbox WHERE key = 'crt_told'")
    assert [tuple(row) for row in told] == [(event.id, "cart.ItemAdded")]


async def test_a_guests_cart_needs_its_secret(database: PostgresDatabase):
    store = CartStore(database)
    async with store.connection() as connection:
        cart = await loaded(store, connection, Owner())
        await store.save_item(connection, cart, item())
        asked = [Owner(token=f"{cart.cart_id}.{'x' * 32}"), Owner(token=cart.token)]
        stranger, owner = await store.load(connection, asked)
    assert (stranger.items, stranger.cart_id == cart.cart_id, len(owner.items)) == ([], False, 1)


async def test_merging_adds_units_up_and_removes_the_guests_cart(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    await saved(store, owner, item("var_a", 2))
    guest = await guest_with(store, item("var_a", 3))
    async with store.transaction() as transaction:
        await store.merge(transaction.connection, owner.user_id or "", guest.token or "")
    merged = await saved(store, owner)
    async with store.connection() as connection:
        gone = await loaded(store, connection, Owner(token=guest.token))
    assert ([(i.variant_id, i.quantity) for i in merged.items], gone.items) == ([("var_a", 5)], [])


async def test_a_merged_item_is_the_one_that_it_was(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    mine, theirs, both = item("var_a", 2), item("var_b", 1), item("var_a", 3)
    await saved(store, owner, mine)
    guest = await guest_with(store, theirs, both)
    for _ in range(2):
        async with store.transaction() as transaction:
            await store.merge(transaction.connection, owner.user_id or "", guest.token or "")
    merged = await saved(store, owner)
    found = {(i.item_id, i.variant_id, i.quantity, i.added_at) for i in merged.items}
    assert found == {(mine.item_id, "var_a", 5, mine.added_at), (theirs.item_id, "var_b", 1, theirs.added_at)}


def ordered(cart: CartState, **units: int) -> TakeOrdered:
    return TakeOrdered(checkout_id=new_id("chk"), cart_id=cart.cart_id, units=units)


async def take(store: CartStore, *orders: TakeOrdered) -> None:
    async with store.connection() as connection:
        for order in orders:
            await store.take_ordered(connection, order, quickly=True)


async def left(store: CartStore, owner: Owner) -> dict[str, int]:
    return {each.variant_id: each.quantity for each in (await saved(store, owner)).items}


async def test_ordered_units_leave_and_units_and_items_added_meanwhile_stay(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    cart = await saved(store, owner, item("var_a", 5), item("var_b", 1), item("var_c", 1))
    await take(store, ordered(cart, var_a=3, var_b=1, var_gone=2))
    assert await left(store, owner) == {"var_a": 2, "var_c": 1}


async def test_a_cart_that_was_looked_at_before_is_not_saved_after(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    cart = await saved(store, owner, item("var_a", 5))
    await take(store, ordered(cart, var_a=3))
    async with store.connection() as connection:
        assert await store.save_item(connection, cart, cart.items[0]) is None


async def test_an_order_told_ten_times_at_once_is_taken_out_once(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    order = ordered(await saved(store, owner, item("var_a", 25)), var_a=2)
    await asyncio.gather(*(take(store, order) for _ in range(10)))
    await take(store, order, order)
    assert await left(store, owner) == {"var_a": 23}


async def test_those_that_were_taken_out_before_are_known(database: PostgresDatabase):
    store = CartStore(database)
    cart = await saved(store, user(), item("var_a", 9))
    before, new = ordered(cart, var_a=1), ordered(cart, var_a=2)
    await take(store, before)
    async with store.connection() as connection:
        assert await store.not_taken(connection, [before, new, before, new]) == [new]


async def somebody_waits(transaction: Transaction) -> None:
    """Until somebody stands at a lock of this transaction."""
    while await transaction.fetchval("SELECT count(*) FROM pg_sleep(0.01), pg_locks WHERE NOT granted") == 0:
        pass


async def guest_with(store: CartStore, *items: Item) -> CartState:
    async with store.connection() as connection:
        cart = await loaded(store, connection, Owner())
        await store.save_item(connection, cart, items[0])
    await saved(store, Owner(token=cart.token), *items[1:])
    return cart


async def test_a_guests_order_leaves_the_cart_that_theirs_has_joined(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    guest = await guest_with(store, item("var_a", 2), item("var_b", 1))
    await saved(store, owner, item("var_a", 1))
    async with store.transaction() as transaction:
        await store.merge(transaction.connection, owner.user_id or "", guest.token or "")
    order = ordered(guest, var_a=2, var_b=1)
    await take(store, order)
    await take(store, order)
    assert await left(store, owner) == {"var_a": 1}


async def test_an_order_that_comes_while_the_carts_join_is_taken_out_by_its_event(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    guest = await guest_with(store, item("var_a", 2))
    order = ordered(guest, var_a=2)
    async with store.transaction() as transaction:
        await store.merge(transaction.connection, owner.user_id or "", guest.token or "")
        taking = asyncio.create_task(take(store, order))
        await somebody_waits(transaction)
    await taking
    joined = await left(store, owner)
    async with store.connection() as connection:
        await store.take_ordered(connection, order, quickly=False)
    assert (joined, await left(store, owner)) == ({"var_a": 2}, {})


async def test_units_added_while_the_carts_join_bring_the_joined_cart_not_back(database: PostgresDatabase):
    store, owner, lamp = CartStore(database), user(), item("var_a", 2)
    guest = await saved(store, Owner(token=(await guest_with(store, lamp)).token))
    more = msgspec.structs.replace(lamp, quantity=3)

    async def add() -> int | None:
        async with store.connection() as connection:
            return await store.save_item(connection, guest, more)

    async with store.transaction() as transaction:
        await store.merge(transaction.connection, owner.user_id or "", guest.token or "")
        adding = asyncio.create_task(add())
        await somebody_waits(transaction)
    assert [await adding, await add()] == [None, None]
    assert (await left(store, Owner(token=guest.token)), await left(store, owner)) == ({}, {"var_a": 2})


async def test_no_item_outlives_its_cart(database: PostgresDatabase):
    store = CartStore(database)

    async def join(guest: CartState) -> None:
        async with store.transaction() as transaction:
            await store.merge(transaction.connection, new_id("usr"), guest.token or "")

    async def add(guest: CartState) -> None:
        async with store.connection() as connection:
            await store.save_item(connection, guest, item("var_b"))

    guests = [await guest_with(store, item("var_a")) for _ in range(20)]
    await asyncio.gather(*(each for guest in guests for each in (add(guest), join(guest))))
    async with store.connection() as connection:
        await connection.execute("UPDATE cart.carts SET updated_at = now() - interval '31 days' WHERE user_id IS NULL")
        await store.forget_old_guests(connection, now() - timedelta(days=30))
        left_behind = "SELECT count(*) FROM cart.items WHERE cart_id NOT IN (SELECT cart_id FROM cart.carts)"
        assert await connection.fetchval(left_behind) == 0


async def test_where_a_guests_cart_went_is_forgotten_with_old_carts(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    guest = await guest_with(store, item("var_a", 2))
    async with store.transaction() as transaction:
        await store.merge(transaction.connection, owner.user_id or "", guest.token or "")
    async with store.connection() as connection:
        known = "SELECT count(*) FROM cart.joined WHERE cart_id = $1"
        await store.forget_old_guests(connection, now() - timedelta(days=30))
        kept = await connection.fetchval(known, guest.cart_id)
        await connection.execute(
            "UPDATE cart.joined SET at = at - interval '31 days' WHERE cart_id = $1", guest.cart_id
        )
        await store.forget_old_guests(connection, now() - timedelta(days=30))
        assert (kept, await connection.fetchval(known, guest.cart_id)) == (1, 0)


@pytest.mark.parametrize(("before", "after", "stays"), [(2, 3, {"var_a": 1}), (5, 2, {}), (2, 2, {})])
async def test_a_quantity_changed_at_the_same_moment_counts(
    database: PostgresDatabase, before: int, after: int, stays: dict[str, int]
):
    store, owner = CartStore(database), user()
    cart = await saved(store, owner, item("var_a", before))
    async with store.transaction() as transaction:
        changed = msgspec.structs.replace(cart.items[0], quantity=after)
        assert await store.save_item(transaction.connection, cart, changed)
        taking = asyncio.create_task(take(store, ordered(cart, var_a=2)))
        await somebody_waits(transaction)
    await taking
    assert await left(store, owner) == stays


async def test_carts_told_of_in_opposite_orders_and_joined_meanwhile_never_lock_each_other_up(
    database: PostgresDatabase,
):
    store, owners = CartStore(database), [user() for _ in range(10)]
    for _ in range(20):
        carts = [await saved(store, owner, item("var_a", 9)) for owner in owners]
        orders = [ordered(cart, var_a=1) for cart in carts]
        more = [ordered(cart, var_a=1) for cart in carts]
        await asyncio.gather(take(store, *orders, *more), take(store, *reversed(orders)), take(store, *reversed(more)))
    assert [await left(store, owner) for owner in owners] == [{"var_a": 7}] * 10


async def test_carts_that_are_looked_up_together_are_each_their_owners(database: PostgresDatabase):
    store, one, other = CartStore(database), user(), user()
    await saved(store, one, item("var_a", 2), item("var_b", 1))
    await saved(store, other, item("var_a", 7))
    async with store.connection() as connection:
        found = await store.load(connection, [other, user(), one, other])
    units = [[(each.variant_id, each.quantity) for each in cart.items] for cart in found]
    assert units == [[("var_a", 7)], [], [("var_a", 2), ("var_b", 1)], [("var_a", 7)]]
