"""The cart's SQL, on real PostgreSQL."""

import asyncio

from haat.contracts.cart import ItemAdded, Owner
from haat.engines.database.pool import PostgresDatabase
from haat.kit.clock import now
from haat.kit.ids import new_id
from haat.services.cart.model import CartState, Item
from haat.services.cart.store import CartStore


def item(variant_id: str = "var_a", quantity: int = 1) -> Item:
    return Item(new_id("itm"), "prd_a", variant_id, quantity, 4900, now())


async def saved(store: CartStore, owner: Owner, *items: Item) -> CartState:
    for each in items:
        async with store.connection() as connection:
            cart = await store.load(connection, owner)
            await store.save_item(connection, cart, each, [])
    async with store.connection() as connection:
        return await store.load(connection, owner)


def user() -> Owner:
    return Owner(user_id=new_id("usr"))


async def test_a_cart_comes_back_as_it_was_saved(database: PostgresDatabase):
    lamp, kettle = item("var_a", 2), item("var_b", 1)
    cart = await saved(CartStore(database), user(), lamp, kettle)
    assert (cart.items, cart.version) == ([lamp, kettle], 2)


async def test_a_save_decided_on_an_older_version_writes_nothing(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    old = await saved(store, owner, item())
    await saved(store, owner, item("var_b"))
    async with store.connection() as connection:
        assert await store.save_item(connection, old, item("var_c"), []) is None
    assert len((await saved(store, owner)).items) == 2


async def test_of_ten_saves_on_one_version_exactly_one_wins(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    cart = await saved(store, owner, item())

    async def save(number: int) -> int | None:
        async with store.connection() as connection:
            return await store.save_item(connection, cart, item(f"var_{number}"), [])

    versions = await asyncio.gather(*(save(number) for number in range(10)))
    assert sorted(version or 0 for version in versions) == [0] * 9 + [2]


async def test_the_event_is_told_with_the_save(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    event = ItemAdded(cart_id="crt_told", product_id="prd_a", sku="A", quantity=1)
    async with store.connection() as connection:
        await store.save_item(connection, await store.load(connection, owner), item(), [event])
        told = await connection.fetch("SELECT id, name FROM cart.outbox WHERE key = 'crt_told'")
    assert [tuple(row) for row in told] == [(event.id, "cart.ItemAdded")]


async def test_a_guests_cart_needs_its_secret(database: PostgresDatabase):
    store = CartStore(database)
    async with store.connection() as connection:
        cart = await store.load(connection, Owner())
        await store.save_item(connection, cart, item(), [])
        stranger = await store.load(connection, Owner(token=f"{cart.cart_id}.{'x' * 32}"))
        owner = await store.load(connection, Owner(token=cart.token))
    assert (stranger.items, stranger.cart_id == cart.cart_id, len(owner.items)) == ([], False, 1)


async def test_merging_adds_units_up_and_removes_the_guests_cart(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    await saved(store, owner, item("var_a", 2))
    async with store.connection() as connection:
        guest = await store.load(connection, Owner())
        await store.save_item(connection, guest, item("var_a", 3), [])
    async with store.transaction() as transaction:
        await store.merge(transaction.connection, owner.user_id or "", guest.token or "")
    merged = await saved(store, owner)
    async with store.connection() as connection:
        gone = await store.load(connection, Owner(token=guest.token))
    assert ([(i.variant_id, i.quantity) for i in merged.items], gone.items) == ([("var_a", 5)], [])


async def test_ordered_units_leave_and_units_added_meanwhile_stay(database: PostgresDatabase):
    store, owner = CartStore(database), user()
    cart = await saved(store, owner, item("var_a", 5), item("var_b", 1))
    async with store.transaction() as transaction:
        await store.take_ordered(transaction.connection, cart.cart_id, {"var_a": 3, "var_b": 1})
    assert [(i.variant_id, i.quantity) for i in (await saved(store, owner)).items] == [("var_a", 2)]
