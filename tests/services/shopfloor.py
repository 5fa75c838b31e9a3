"""Shoppers at a house where everything is real: products, carts, checkouts, orders, and what others tell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import aiohttp
import msgspec

from haat.compose import House
from haat.contracts.cart import AddItem, Cart, Owner
from haat.contracts.catalog import (
    Catalog,
    ChangeProduct,
    CreateProduct,
    NewCategory,
    NewProduct,
    NewVariant,
    ProductRef,
    SaveCategories,
    Variant,
    VariantsForSale,
)
from haat.contracts.checkout import Checkout, CheckoutRef, Checkouts, Complete, OpenCheckout
from haat.contracts.fraud import Fraud, ReviewDecided
from haat.contracts.identity import Address
from haat.contracts.inventory import Inventory, SkuRef, StockCameBack
from haat.contracts.orders import Order, OrderMoved, OrderOf, OrderPlaced, Orders, ParcelUndelivered, ReturnMoved
from haat.contracts.payments import (
    CardMethod,
    CashMethod,
    Method,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    Payments,
)
from haat.contracts.promotions import NewCoupon, Promotions, SaveCoupon
from haat.contracts.shipping import ShipmentMoved, Shipping
from haat.contracts.vault import NewCard, Vault
from haat.kit.database import Batch, Transaction
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import Event, Unavailable, event_name
from haat.kit.money import Money

ADDRESS = Address(
    name="Asha Rao",
    line1="12 Residency Road",
    city="Bengaluru",
    region="Karnataka",
    postal_code="560025",
    country="IN",
    phone="+919876543210",
)
PRICE = 259_900
DECLINED, CHALLENGED = "4000000000000002", "4000002760003184"
KINDS = {
    event_name(kind): kind
    for kind in (
        OrderMoved,
        OrderPlaced,
        ParcelUndelivered,
        PaymentAuthorized,
        PaymentCaptured,
        PaymentFailed,
        PaymentRefunded,
        ReturnMoved,
        ReviewDecided,
        ShipmentMoved,
        StockCameBack,
    )
}


_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"

_ALL_WAIT = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
)


async def waited_for(transaction: Transaction, work: asyncio.Task[Any]) -> bool:
    """Whether this work comes to wait for the transaction, or ends without."""
    while not work.done() and not await transaction.connection.fetchval(_WAITS):  # noqa: ASYNC110 - PostgreSQL tells nobody
        await asyncio.sleep(0.01)
    return not work.done()


async def all_wait(transaction: Transaction, how_many: int) -> None:
    """Until so many statements wait, for this transaction or one behind another."""
    while await transaction.connection.fetchval(_ALL_WAIT) < how_many:
        await asyncio.sleep(0.01)
        # Within a transaction it tells of the sessions that there were at the first question.
        await transaction.connection.execute("SELECT pg_stat_clear_snapshot()")


class Away:
    """A neighbour that does not answer the calls in `dead`; the others reach it."""

    def __init__(self, neighbour: object, *dead: str) -> None:
        self.neighbour, self.dead = neighbour, set(dead)

    def __getattr__(self, call: str) -> Any:
        return self._nobody if call in self.dead else getattr(self.neighbour, call)

    async def _nobody(self, _: object) -> Any:
        raise Unavailable("nobody answers")


class Floor:
    """One house, and short words for what people do there."""

    def __init__(self, house: House, session: aiohttp.ClientSession) -> None:
        self.house = house
        self.database = house.database("orders")
        self.session = session
        self.cart, self.checkouts, self.orders = house.ask(Cart), house.ask(Checkouts), house.ask(Orders)
        self.payments, self.inventory, self.shipping = house.ask(Payments), house.ask(Inventory), house.ask(Shipping)
        self.promotions, self.catalog, self.fraud = house.ask(Promotions), house.ask(Catalog), house.ask(Fraud)

    async def variant(self, stock: int = 10, amount: int = PRICE) -> Variant:
        """A new product of one variant, with units on the shelf."""
        await self.catalog.save_categories(SaveCategories(categories=[NewCategory(slug="lamps", title="Lamps")]))
        variant = NewVariant(sku=new_id("sku"), price=Money(amount), stock=stock, weight_grams=900)
        product = NewProduct(title="Reading lamp", category="lamps", variants=[variant])
        made = await self.catalog.create_product(CreateProduct(product=product, actor="usr_staff"))
        return made.variants[0]

    async def price(self, variant: Variant, amount: int) -> None:
        """The staff change a price."""
        (sold,) = (await self.catalog.variants_for_sale(VariantsForSale(variant_ids=[variant.id]))).data
        product = await self.catalog.product(ProductRef(ref=sold.product_id))
        price = {"amount": amount, "currency": "INR"}
        changes = {"variants": [{"id": variant.id, "sku": variant.sku, "price": price, "weight_grams": 900}]}
        await self.catalog.change_product(
            ChangeProduct(product_id=product.id, changes=changes, version=product.version, actor="usr_staff")
        )

    async def withdraw(self, variant: Variant) -> None:
        """The staff sell a product no more."""
        (sold,) = (await self.catalog.variants_for_sale(VariantsForSale(variant_ids=[variant.id]))).data
        product = await self.catalog.product(ProductRef(ref=sold.product_id))
        await self.catalog.change_product(
            ChangeProduct(
                product_id=product.id, changes={"status": "archived"}, version=product.version, actor="usr_staff"
            )
        )

    async def coupon(self, percent: int = 10, **limits: Any) -> str:
        """A new coupon, of ten percent unless told otherwise; its code."""
        code = new_id("off").upper()
        coupon = NewCoupon(code=code, title=f"{percent} percent", percent_basis_points=percent * 100, **limits)
        await self.promotions.save_coupon(SaveCoupon(coupon=coupon, actor="usr_staff"))
        return code

    async def guest(self, *wanted: tuple[Variant, int]) -> Owner:
        """A new guest with units in the cart."""
        return await self.put(Owner(), *wanted)

    async def put(self, owner: Owner, *wanted: tuple[Variant, int]) -> Owner:
        """Units into somebody's cart; the owner with a token, when a guest."""
        for variant, quantity in wanted:
            cart = await self.cart.add_item(AddItem(owner=owner, variant_id=variant.id, quantity=quantity))
            owner = Owner(token=cart.token) if owner.user_id is None else owner
        return owner

    async def open(self, owner: Owner, **choices: Any) -> Checkout:
        """A checkout with all that an order needs."""
        given = {"email": f"{new_id('asha')}@example.com", "shipping_address": ADDRESS, **choices}
        return await self.checkouts.open(OpenCheckout(owner=owner, **given))

    async def card(self, number: str = "4242424242424242") -> CardMethod:
        card = NewCard(number=number, exp_month=12, exp_year=2040, cvc="123", name="Asha Rao")
        return CardMethod(token=(await self.house.ask(Vault).tokenize(card)).token)

    def asked(self, owner: Owner, checkout_id: str, payment: Method, key: str | None = None) -> Complete:
        """The ask to pay; the same key and payment make the same request."""
        account, told = owner.user_id or owner.token or "", msgspec.json.encode(payment).decode()
        idempotency = Idempotency(account=account, key=key or new_id("key"), fingerprint=f"{checkout_id} {told}")
        return Complete(owner=owner, checkout_id=checkout_id, payment=payment, idempotency=idempotency)

    async def complete(self, owner: Owner, checkout_id: str, payment: Method, key: str | None = None) -> Checkout:
        return await self.checkouts.complete(self.asked(owner, checkout_id, payment, key))

    async def seen(self, owner: Owner, checkout_id: str) -> Checkout:
        return await self.checkouts.checkout(CheckoutRef(owner=owner, checkout_id=checkout_id))

    async def bought(
        self, *wanted: tuple[Variant, int], user_id: str | None = None, payment: Method | None = None, **choices: Any
    ) -> Order:
        """From an empty cart to an order whose money has been taken (by card, unless told otherwise)."""
        owner = await self.put(Owner(user_id=user_id), *wanted)
        checkout = await self.open(owner, **choices)
        done = await self.complete(owner, checkout.id, payment or await self.card())
        assert done.order is not None
        await self.taken(done.order.id)
        return await self.order(done.order.id)

    async def taken(self, order_id: str) -> None:
        """The payments hear of the order and take the money, the orders hear of it."""
        await self.deliver("payments", "orders", order_id)
        attempt = await self.value("SELECT attempt_id FROM orders.orders WHERE id = $1", order_id)
        await self.deliver("orders", "payments", attempt)

    async def delivered(self, *wanted: tuple[Variant, int], **how: Any) -> Order:
        """An order that has reached the shopper."""
        order = await self.bought(*wanted, **how)
        await self.parcel(order.id, "picked_up", "delivered")
        return await self.order(order.id)

    async def parcel(
        self,
        order_id: str,
        *statuses: str,
        shipment: str = "shp_1",
        units: dict[str, int] | None = None,
        direction: str = "outbound",
    ) -> None:
        """The orders hear how a parcel (of the whole order, unless told otherwise) moves."""
        about = {"shipment_id": shipment, "order_id": order_id, "carrier": "sandbox", "tracking_number": "SB1"}
        for status in statuses:
            moved = ShipmentMoved(**about, status=status, direction=direction, units=units or {})
            await self.house.service("orders").following.shipments_moved(Batch([moved]))

    async def order(self, order_id: str) -> Order:
        return await self.orders.order(OrderOf(order=order_id, any_owner=True))

    async def told(self, schema: str, key: str) -> list[Event]:
        """The events that a service has told about one thing, oldest first."""
        rows = await self.rows(f"SELECT name, body FROM {schema}.outbox WHERE key = $1 ORDER BY position", key)
        return [msgspec.json.decode(body, type=KINDS[name]) for name, body in rows if name in KINDS]

    async def deliver(self, to: str, schema: str, key: str) -> None:
        """Hand a service what another has told about one thing, as the log would."""
        reactions = import_module(f"haat.services.{to}.reactions").REACTIONS
        for event in await self.told(schema, key):
            if type(event) in reactions:
                await reactions[type(event)](self.house.service(to), Batch([event]))

    async def stock(self, variant: Variant) -> tuple[int, int, int]:
        """on_hand, reserved, available."""
        (level,) = (await self.inventory.levels(SkuRef(sku=variant.sku))).data
        return level.on_hand, level.reserved, level.available

    async def books(self, checkout_id: str) -> list[dict[str, Any]]:
        """The provider's own rows on a checkout."""
        async with self.session.get(f"{self.house.settings.provider_url}/sandbox/books") as answer:
            rows = (await answer.json())["data"]
        return [row for row in rows if row["reference"] == checkout_id]

    async def let_go_at_the_bank(self, checkout_id: str) -> None:
        """The bank ends a hold by itself."""
        (row,) = await self.books(checkout_id)
        url = f"{self.house.settings.provider_url}/v1/payments/{row['id']}/voids"
        async with self.session.post(url, json={}, headers={"Idempotency-Key": new_id("key")}) as answer:
            assert answer.status < 300, await answer.text()

    async def act(self, url: str, outcome: str) -> None:
        """The shopper presses a button on the provider's page."""
        async with self.session.post(url, data={"outcome": outcome}) as answer:
            assert answer.status == 200, await answer.text()

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.database.connection() as connection:
            return [tuple(row) for row in await connection.fetch(query, *values)]

    async def value(self, query: str, *values: Any) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(query, *values)


def later(**delta: float) -> datetime:
    return datetime.now(UTC) + timedelta(**delta)


async def outcomes(asks: Sequence[Any]) -> list[Any]:
    """What asks that run at once come to: the answer, or the code of the refusal."""
    found = await asyncio.gather(*asks, return_exceptions=True)
    return [getattr(each, "code", each) for each in found]


CASH = CashMethod()
