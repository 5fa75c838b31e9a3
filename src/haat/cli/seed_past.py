"""The demo's last weeks, lived through once: real purchases by the services' contracts, at earlier dates.

Stock, money, parcels and letters come about as they always do, and agree. Only the events of stock, whose dates are
sealed, tell when they were really made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from haat.background import told_by
from haat.cli.past_world import PastWorld
from haat.compose import House
from haat.contracts.cart import AddItem, Cart, Owner
from haat.contracts.catalog import Catalog, ProductRef
from haat.contracts.checkout import Checkout, CheckoutRef, Checkouts, Complete, OpenCheckout
from haat.contracts.identity import Address, EnsureStaff, Identity, ListOfUser, SaveAddress
from haat.contracts.orders import (
    CancelOrder,
    ListOrders,
    Order,
    Orders,
    ReceiveReturn,
    RequestReturn,
    ReturnItem,
    ShipOrder,
)
from haat.contracts.payments import CashMethod, UpiMethod
from haat.demo.past import DAYS, Purchase
from haat.demo.people import Customer
from haat.demo.records import DemoProduct
from haat.engines.events.postgres_log import until_read
from haat.kit.idempotency import Idempotency, fingerprint
from haat.kit.message import DomainError
from haat.kit.secret import write_whole

ACTOR = "seed"
DAY = timedelta(days=1)
UPI_TAKES = timedelta(seconds=2)
SETTLED_EVERY = 8
# Two come back on each of these days before today; what came last still waits for the staff.
RETURNS, RETURNED_AT_ONCE, UNDECIDED_FROM = (8, 5, 3, 1), 2, 1
Advance = Callable[[int], None]


class Past:
    """Lives through the purchases of a plan, from the oldest to the newest."""

    def __init__(self, house: House, catalogue: Sequence[DemoProduct], plan: Sequence[Purchase]) -> None:
        self._house, self._catalogue, self._plan = house, catalogue, plan
        self._orders, self._checkouts = house.ask(Orders), house.ask(Checkouts)
        self._world = PastWorld()
        self._ids: dict[int, str] = {}
        self._variants: dict[str, str] = {}

    async def customers(self) -> dict[int, str]:
        """User ids by number. The accounts are without a password that anybody could know: nobody can sign in."""
        identity = self._house.ask(Identity)
        people = {purchase.customer.number: purchase.customer for purchase in self._plan}
        for person in sorted(people.values(), key=lambda each: -each.joined_days_ago):
            await self._world.turn(timedelta(days=person.joined_days_ago))
            ask = EnsureStaff(email=person.email, name=person.name, password=None, roles=[])
            self._ids[person.number] = (await identity.ensure_staff(ask)).id
        await self._world.turn(timedelta())

        async def move_in(person: Customer) -> None:
            user_id = self._ids[person.number]
            if not (await identity.addresses(ListOfUser(user_id=user_id))).data:
                await identity.save_address(SaveAddress(user_id=user_id, address=_home(person), is_default=True))

        await asyncio.gather(*map(move_in, people.values()))
        await self._world.redate(self._house.dsn("events"))
        return self._ids

    async def live(self, advance: Advance) -> None:
        """Every purchase that is not there yet, with what became of it until now; a killed start is gone on with."""
        lived = self._house.settings.data / "past"
        done = int(lived.read_text()) if lived.exists() else 0
        advance(done)
        if done == len(self._plan):
            return
        await self._look_up()
        async with self._world.outside(self._house, timedelta(seconds=self._plan[done].seconds_ago) + DAY):
            async for safe in self._days(done):
                write_whole(lived, str(safe))
                advance(1)
            await self._world.turn(timedelta())
            await self._settle()
        # Only now: until here the sandboxes live in the past.
        write_whole(lived, str(len(self._plan)))

    async def _days(self, done: int) -> AsyncIterator[int]:
        """Place the purchases after so many; after each, how many need not be placed again."""
        today = DAYS
        for place, purchase in enumerate(self._plan[done:], done):
            behind = timedelta(seconds=purchase.seconds_ago)
            if behind // DAY < today:
                today = behind // DAY
                await self._world.turn((today + 1) * DAY)
                if today % SETTLED_EVERY == 0:
                    await self._settle()
                await self._pack()
                if today in RETURNS:
                    await self._take_back(received=today > UNDECIDED_FROM)
            await self._world.turn(behind)
            with suppress(DomainError):
                await self._buy(purchase, behind)
            yield min(place + 1, len(self._plan) - 1)

    async def _buy(self, purchase: Purchase, behind: timedelta) -> None:
        """Raises DomainError when it cannot be had any more: so it is with shoppers."""
        customer, owner = purchase.customer, Owner(user_id=self._ids[purchase.customer.number])
        for sku, quantity in purchase.lines.items():
            ask = AddItem(owner=owner, variant_id=self._variants[sku], quantity=quantity)
            await self._house.ask(Cart).add_item(ask)
        opened = await self._checkouts.open(OpenCheckout(owner=owner, shipping_address=_home(customer)))
        name = f"{ACTOR}-{customer.number}-{purchase.seconds_ago}"
        done: Checkout = await self._checkouts.complete(
            Complete(
                owner=owner,
                checkout_id=opened.id,
                payment=CashMethod() if purchase.method == "cod" else UpiMethod(vpa="ok@sandbox"),
                idempotency=Idempotency(account=ACTOR, key=name, fingerprint=fingerprint(ACTOR, name.encode())),
            )
        )
        if done.order is None:
            # The app is answered, and the shopper looks.
            await self._world.wait(behind - UPI_TAKES)
            done = await self._checkouts.checkout(CheckoutRef(owner=owner, checkout_id=opened.id))
        if purchase.canceled and done.order is not None:
            ask_for = CancelOrder(order_id=done.order.id, actor="customer", reason="Ordered by mistake", any_owner=True)
            await self._orders.cancel(ask_for)

    async def _settle(self) -> None:
        """Let everybody act on what was told, which takes seconds, and date it; a start that is killed goes on here."""
        await self._read()
        await self._world.redate(self._house.dsn("events"))

    async def _pack(self) -> None:
        async def ship(order: Order) -> None:
            with suppress(DomainError):
                await self._orders.ship(ShipOrder(order_id=order.id, actor="warehouse"))

        # All at one moment, so that none need wait for another.
        await asyncio.gather(*map(ship, await self._all("confirmed")))

    async def _take_back(self, *, received: bool) -> None:
        async def take_back(order: Order) -> None:
            items = [
                ReturnItem(item_id=line.id, quantity=line.quantity, reason="Not as expected") for line in order.items
            ]
            asked = await self._orders.request_return(RequestReturn(order_id=order.id, items=items, any_owner=True))
            if received:
                await self._orders.receive_return(ReceiveReturn(return_id=asked.id, actor="warehouse"))

        delivered = [each for each in await self._all("delivered") if each.payment.method != "cod"]
        await asyncio.gather(*map(take_back, delivered[:RETURNED_AT_ONCE]))

    async def _all(self, status: str) -> Sequence[Order]:
        return (await self._orders.orders(ListOrders(status=status, limit=100))).data

    async def _look_up(self) -> None:
        await self._read()
        bought = {sku for purchase in self._plan for sku in purchase.lines}
        slugs = [p.slug for p in self._catalogue if any(variant.sku in bought for variant in p.variants)]
        catalog = self._house.ask(Catalog)
        for product in await asyncio.gather(*(catalog.product(ProductRef(ref=slug)) for slug in slugs)):
            self._variants |= {variant.sku: variant.id for variant in product.variants}

    async def _read(self) -> None:
        """Until everybody has acted on everything that was told."""
        await until_read(self._house.dsn("events"), told_by(list(self._house.serves)))


def _home(customer: Customer) -> Address:
    return Address(
        name=customer.name,
        line1=customer.street,
        city=customer.city,
        region=customer.state,
        postal_code=customer.pin,
    )
