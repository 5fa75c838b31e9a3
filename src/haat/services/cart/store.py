"""SQL of the cart. Lock order: carts by id, then their items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.cart import Owner, TakeOrdered, Wish, WishCameBack
from haat.kit.database import Connection, Database, Transaction, outbox_row
from haat.kit.message import Event
from haat.kit.sql import load_queries
from haat.services.cart.model import MAX_ITEMS, MAX_QUANTITY, CartState, Item, cart_of, new_cart, opens, secret_hash

MAX_WISHES = 200
queries = load_queries(Path(__file__).with_name("queries.sql"))


class CartStore:
    """Carts by owner. A save names the version it was decided on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("cart")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def load(self, connection: Connection, owners: Sequence[Owner]) -> list[CartState]:
        """Each owner's cart; an empty one at version 0 when none is stored or a guest's token does not fit."""
        named = [cart_of(owner) for owner in owners]
        rows: dict[str, list[Any]] = {cart_id: [] for cart_id, _, _ in named}
        async for row in queries.load(connection, cart_ids=list(rows)):
            rows[row["cart_id"]].append(row)
        squatted = [cart_id for cart_id, user_id, _ in named if user_id and _is_a_guests(rows[cart_id])]
        if squatted:
            await queries.evict_guests(connection, cart_ids=squatted)
            rows |= {cart_id: [] for cart_id in squatted}
        return [_cart(*each, rows[each[0]]) for each in named]

    async def save_item(
        self, connection: Connection, cart: CartState, item: Item, event: Event | None = None
    ) -> int | None:
        """Write one item and tell the event; the new version, or None when the cart has moved on."""
        version: int | None = await queries.save_item(
            connection,
            cart_id=cart.cart_id,
            user_id=cart.user_id,
            secret_hash=secret_hash(cart.token),
            version=cart.version,
            item_id=item.item_id,
            product_id=item.product_id,
            variant_id=item.variant_id,
            quantity=item.quantity,
            price_minor=item.seen_price_minor,
            added_at=item.added_at,
            **outbox_row(event),
        )
        return version

    async def remove_item(self, connection: Connection, cart: CartState, item_id: str) -> int | None:
        """Take one item out; the new version, or None when the cart has moved on."""
        version: int | None = await queries.remove_item(
            connection, cart_id=cart.cart_id, version=cart.version, item_id=item_id
        )
        return version

    async def not_taken(self, connection: Connection, orders: Sequence[TakeOrdered]) -> list[TakeOrdered]:
        """Those whose units have not left a cart yet."""
        # A batch of events may hold one twice.
        once = {each.checkout_id: each for each in orders}
        return [once[row["checkout_id"]] async for row in queries.not_taken(connection, checkout_ids=list(once))]

    async def take_ordered(self, connection: Connection, order: TakeOrdered, *, quickly: bool) -> None:
        """The units of the order leave its cart, once; `quickly` may be forgotten if the server dies."""
        await queries.take_ordered(
            connection,
            quickly=quickly,
            checkout_id=order.checkout_id,
            cart_id=order.cart_id,
            variant_ids=list(order.units),
            quantities=list(order.units.values()),
        )

    async def merge(self, connection: Connection, user_id: str, token: str) -> None:
        """A guest's items join the user's cart and the guest's cart is gone; nothing when the token does not fit."""
        guest_id, _, token_ = cart_of(Owner(token=token))
        user_cart, _, _ = cart_of(Owner(user_id=user_id))
        await queries.evict_guests(connection, cart_ids=[user_cart])
        await queries.ensure_user_cart(connection, cart_id=user_cart, user_id=user_id)
        locked = [row async for row in queries.lock_carts(connection, cart_ids=[guest_id, user_cart])]
        guest = next((row for row in locked if row["cart_id"] == guest_id), None)
        if guest is None or not opens(token_, guest["secret_hash"]):
            return
        await queries.move_items(
            connection, from_cart=guest_id, to_cart=user_cart, max_items=MAX_ITEMS, max_quantity=MAX_QUANTITY
        )
        await queries.remove_joined(connection, cart_id=guest_id, into_cart=user_cart)

    async def wishes(self, connection: Connection, user_id: str) -> list[Wish]:
        """A user's wishlist, the newest first."""
        return [msgspec.convert(dict(row), Wish) async for row in queries.wishes(connection, user_id=user_id)]

    async def wish(self, connection: Connection, user_id: str, product_id: str) -> bool:
        """Put a product on the list; False when it is full."""
        return bool(await queries.wish(connection, user_id=user_id, product_id=product_id, most=MAX_WISHES))

    async def unwish(self, connection: Connection, user_id: str, product_id: str) -> None:
        """Take a product off the list."""
        await queries.unwish(connection, user_id=user_id, product_id=product_id)

    async def wishes_back(self, connection: Connection, back: Mapping[str, datetime], pause_days: int) -> None:
        """Note the wishes for products that are there again since a moment."""
        await queries.wishes_back(connection, product_ids=list(back), ats=list(back.values()), pause_days=pause_days)

    async def tell_wishes(self, connection: Connection, how_many: int) -> list[WishCameBack]:
        """Those that are to be told, the longest noted first; they count as told from here on."""
        rows = queries.tell_wishes(connection, how_many=how_many)
        return [WishCameBack(user_id=row["user_id"], product_id=row["product_id"]) async for row in rows]

    async def not_told(self, connection: Connection, user_id: str, product_id: str) -> None:
        """A wish whose owner heard nothing after all: its pause is over."""
        await queries.not_told(connection, user_id=user_id, product_id=product_id)

    async def forget_old_guests(self, connection: Connection, before: datetime) -> None:
        """Drop guests' carts untouched since `before`, and where those that joined a user's then have gone."""
        await queries.forget_old_guests(connection, before=before)


def _is_a_guests(rows: Sequence[Any]) -> bool:
    return bool(rows) and rows[0]["secret_hash"] is not None


def _cart(cart_id: str, user_id: str | None, token: str | None, rows: Sequence[Any]) -> CartState:
    if not rows:
        return CartState(cart_id, [], 0, user_id, token)
    if user_id is None and not opens(token, rows[0]["secret_hash"]):
        return new_cart()
    items = [
        Item(
            row["item_id"],
            row["product_id"],
            row["variant_id"],
            row["quantity"],
            row["seen_price_minor"],
            row["added_at"],
        )
        for row in rows
        if row["item_id"] is not None
    ]
    return CartState(cart_id, items, rows[0]["version"], user_id, token)
