"""The cart's use cases: view, add, change, remove, merge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from haat.contracts.cart import (
    AddItem,
    Cart,
    CartContents,
    CartLine,
    CartView,
    ChangeItem,
    ItemAdded,
    MergeCarts,
    NotForSale,
    Owner,
    RemoveItem,
    TakeOrdered,
    ViewCart,
    Wish,
    WishesOf,
    WishlistFull,
    WishRef,
)
from haat.contracts.catalog import Catalog, Products, VariantsForSale, VariantsOfSkus
from haat.contracts.inventory import Inventory, StockCameBack, StockOf
from haat.contracts.orders import OrderPlaced
from haat.kit.clock import now
from haat.kit.database import Batch, Transaction
from haat.kit.gathering import GatheredMeanwhile
from haat.kit.message import DomainError, Invalid, Nothing, Page, Unavailable
from haat.services.cart.model import CartState, Facts, Item, check_stock, for_sale, new_cart, ordered, view
from haat.services.cart.store import CartStore

ATTEMPTS = 5
KEEP_GUESTS = timedelta(days=30)
# A product that comes and goes must not fill anybody's mailbox.
PAUSE_DAYS = 7
TOLD_AT_ONCE = 200


class CartService(Cart):
    """Prices come from the catalogue and stock from the inventory at each answer; the cart stores neither."""

    def __init__(self, store: CartStore, catalog: Catalog, inventory: Inventory, currency: str) -> None:
        self._store = store
        self._catalog = catalog
        self._inventory = inventory
        self._currency = currency
        self._carts = GatheredMeanwhile(self._load_all)

    async def view(self, ask: ViewCart) -> CartView:
        cart = await self._load(ask.owner)
        return view(cart, await self._facts(cart, None), self._currency)

    async def contents(self, ask: ViewCart) -> CartContents:
        cart = await self._load(ask.owner)
        lines = [
            CartLine(
                item_id=item.item_id, product_id=item.product_id, variant_id=item.variant_id, quantity=item.quantity
            )
            for item in cart.items
        ]
        return CartContents(cart_id=cart.cart_id, version=cart.version, lines=lines)

    async def add_item(self, ask: AddItem) -> CartView:
        if (ask.variant_id is None) == (ask.product_id is None):
            raise Invalid(errors=[_which_fault()])
        wanted = ask.variant_id or await self._first_variant(ask.product_id)
        for _ in range(ATTEMPTS):
            cart = await self._load(ask.owner)
            if cart.token != ask.owner.token:
                # Its token is about to be told to a newcomer, whom nothing but their address tells from others.
                ask = msgspec.structs.replace(ask, idempotency=None)
            # Asked before anything is written: a call to another service must never hold our locks.
            facts = await self._facts(cart, wanted)
            try:
                variant = for_sale(facts.variants, wanted)
                item = cart.with_added(variant, ask.quantity, facts.stock.get(variant.sku, 0))
            except DomainError:
                # The units that are missing now may be those this very request has put into the cart.
                done = await self._answered_before(ask)
                if done is None:
                    raise
                return done
            event = ItemAdded(
                cart_id=cart.cart_id,
                product_id=variant.product_id,
                sku=variant.sku,
                quantity=ask.quantity,
                user_id=cart.user_id,
            )
            answer = await self._save(ask, cart, item, facts, event)
            if answer is not None:
                return answer
        raise Unavailable("This cart is being changed elsewhere; try again")

    async def change_item(self, ask: ChangeItem) -> CartView:
        for _ in range(ATTEMPTS):
            cart = await self._load(ask.owner)
            item = cart.item(ask.item_id)
            facts = await self._facts(cart, None)
            variant = for_sale(facts.variants, item.variant_id)
            check_stock(variant.sku, ask.quantity, facts.stock.get(variant.sku, 0))
            changed = Item(
                item.item_id, item.product_id, item.variant_id, ask.quantity, variant.price.amount, item.added_at
            )
            async with self._store.connection() as connection:
                version = await self._store.save_item(connection, cart, changed)
            if version is not None:
                return view(cart.after(changed, version), facts, self._currency)
        raise Unavailable("This cart is being changed elsewhere; try again")

    async def remove_item(self, ask: RemoveItem) -> CartView:
        for _ in range(ATTEMPTS):
            cart = await self._load(ask.owner)
            cart.item(ask.item_id)
            async with self._store.connection() as connection:
                version = await self._store.remove_item(connection, cart, ask.item_id)
            if version is not None:
                return await self.view(ViewCart(owner=ask.owner))
        raise Unavailable("This cart is being changed elsewhere; try again")

    async def wishes(self, ask: WishesOf) -> Page[Wish]:
        async with self._store.connection() as connection:
            return Page(data=await self._store.wishes(connection, ask.user_id))

    async def wish(self, ask: WishRef) -> Nothing:
        if not (await self._catalog.products(Products(ids=[ask.product_id]))).data:
            raise NotForSale()
        async with self._store.connection() as connection:
            if not await self._store.wish(connection, ask.user_id, ask.product_id):
                raise WishlistFull()
        return Nothing()

    async def unwish(self, ask: WishRef) -> Nothing:
        async with self._store.connection() as connection:
            await self._store.unwish(connection, ask.user_id, ask.product_id)
        return Nothing()

    async def not_told(self, ask: WishRef) -> Nothing:
        async with self._store.connection() as connection:
            await self._store.not_told(connection, ask.user_id, ask.product_id)
        return Nothing()

    async def merge(self, ask: MergeCarts) -> Nothing:
        async with self._store.transaction() as transaction:
            await self._store.merge(transaction.connection, ask.user_id, ask.token)
        return Nothing()

    async def take_ordered(self, ask: TakeOrdered) -> Nothing:
        async with self._store.connection() as connection:
            await self._store.take_ordered(connection, ask, quickly=True)
        return Nothing()

    async def orders_placed(self, batch: Batch[OrderPlaced]) -> None:
        """The net below `take_ordered`: what the checkout could not tell the cart, or the cart forgot."""
        async with self._store.connection() as connection:
            for order in await self._store.not_taken(connection, [ordered(event) for event in batch.events]):
                await self._store.take_ordered(connection, order, quickly=False)

    async def stock_came_back(self, batch: Batch[StockCameBack]) -> None:
        """Note the wishes for what was sold out: their owners are told by the sweep, some at a time."""
        skus = sorted({event.sku for event in batch.events})
        found = (await self._catalog.variants_of_skus(VariantsOfSkus(skus=skus))).data
        products = {variant.sku: variant.product_id for variant in found}
        async with self._store.transaction() as transaction:
            fresh = [event for event in await transaction.accept(batch) if event.sku in products]
            back = {products[event.sku]: event.at for event in fresh}
            if back:
                await self._store.wishes_back(transaction.connection, back, PAUSE_DAYS)

    async def tell_wishes(self) -> None:
        """Sweep: tell of wishes that can be had again."""
        async with self._store.transaction() as transaction:
            transaction.publish(*await self._store.tell_wishes(transaction.connection, TOLD_AT_ONCE))

    async def forget_old_guests(self) -> None:
        """Drop guests' carts that nobody touched for a month."""
        async with self._store.connection() as connection:
            await self._store.forget_old_guests(connection, now() - KEEP_GUESTS)

    async def _load(self, owner: Owner) -> CartState:
        if owner.user_id is None and owner.token is None:
            # A guest who has just come: nothing can be stored under the id that is being made for them.
            return new_cart()
        return await self._carts.ask(owner)

    async def _load_all(self, owners: Sequence[Owner]) -> list[CartState]:
        async with self._store.connection() as connection:
            return await self._store.load(connection, owners)

    async def _first_variant(self, product_id: str | None) -> str | None:
        """What a product is sold as; asked for alone, because an answer may hold other variants of it as well."""
        found = await self._catalog.variants_for_sale(VariantsForSale(product_ids=[product_id] if product_id else []))
        return found.data[0].variant_id if found.data else None

    async def _facts(self, cart: CartState, wanted: str | None) -> Facts:
        variant_ids = [item.variant_id for item in cart.items]
        if wanted is not None:
            variant_ids.append(wanted)
        if not variant_ids:
            return Facts()
        found = await self._catalog.variants_for_sale(VariantsForSale(variant_ids=variant_ids))
        stock = await self._inventory.stock_of(StockOf(skus=[variant.sku for variant in found.data]))
        sold = {variant.variant_id for variant in found.data}
        gone = [item.product_id for item in cart.items if item.variant_id not in sold]
        named = (await self._catalog.products(Products(ids=gone, any_status=True))).data if gone else []
        titles = {product.id: product.title for product in named}
        return Facts(variants=found.data, stock=stock.available, titles=titles)

    async def _answered_before(self, ask: AddItem) -> CartView | None:
        async with self._store.transaction() as transaction:
            return await _stored(transaction, ask)

    async def _save(self, ask: AddItem, cart: CartState, item: Item, facts: Facts, event: ItemAdded) -> CartView | None:
        if ask.idempotency is None:
            async with self._store.connection() as connection:
                version = await self._store.save_item(connection, cart, item, event)
            return None if version is None else view(cart.after(item, version), facts, self._currency)
        async with self._store.transaction() as transaction:
            stored = await _stored(transaction, ask)
            if stored is not None:
                return stored
            version = await self._store.save_item(transaction.connection, cart, item, event)
            if version is None:
                return None
            answer = view(cart.after(item, version), facts, self._currency)
            # The token is a key, and keys are not stored.
            transaction.remember(msgspec.structs.replace(answer, token=None))
            return answer


async def _stored(transaction: Transaction, ask: AddItem) -> CartView | None:
    stored = await transaction.replay(ask.idempotency, CartView)
    return None if stored is None else msgspec.structs.replace(stored, token=ask.owner.token)


def _which_fault() -> dict[str, str]:
    return {"pointer": "/variant_id", "code": "required", "detail": "give either variant_id or product_id"}
