"""Notifications on real PostgreSQL; Orders is a shelf of ready orders, the mail server writes down what it gets."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from haat.contracts.cart import Cart, WishRef
from haat.contracts.catalog import Catalog, CategoryRef, Product, ProductRef, Rating, Variant
from haat.contracts.checkout import Checkouts, Contact, ContactOf, QuoteLine, TaxLine, Totals
from haat.contracts.identity import AccountLetter, Address, Identity, LetterRef, OfUser, User
from haat.contracts.orders import ListOrders, Order, OrderLink, OrderOf, OrderPayment, OrderPlaced, Orders
from haat.contracts.payments import Payment, PaymentRef, Payments
from haat.contracts.shipping import Shipment
from haat.engines.database.pool import PostgresDatabase
from haat.kit.ids import new_id
from haat.kit.message import NotFound, Nothing, Page
from haat.kit.money import Money
from haat.kit.rpc import local
from haat.ports.mail import Letter
from haat.services.notifications.service import NotificationsService
from haat.services.notifications.store import MailStore


class Shelf(Orders):
    """Orders as their service would answer; those not on the shelf do not exist."""

    def __init__(self) -> None:
        self.known: dict[str, Order] = {}
        self.of_checkouts: dict[str, str] = {}

    async def order(self, ask: OrderOf) -> Order:
        if ask.order not in self.known or not ask.any_owner:
            raise NotFound()
        return self.known[ask.order]

    async def orders(self, ask: ListOrders) -> Page[Order]:
        found = self.of_checkouts.get(ask.text)
        return Page(data=[] if found is None else [self.known[found]])

    async def link(self, ask: OrderOf) -> OrderLink:
        return OrderLink(link=f"signed-{(await self.order(ask)).number}")


class Desk(Checkouts):
    """A checkout knows whom to write to, whatever became of it."""

    async def contact(self, ask: ContactOf) -> Contact:
        return Contact(email=f"{ask.checkout_id}@example.in", name="Asha")


class People(Identity):
    """Accounts and letters as their service would answer."""

    def __init__(self) -> None:
        self.letters: dict[str, AccountLetter] = {}

    async def user(self, ask: OfUser) -> User:
        email = f"{ask.user_id}@example.in"
        return User(
            id=ask.user_id,
            email=email,
            name="Asha {facts} & Co",
            roles=[],
            created_at=datetime(2026, 11, 24, tzinfo=UTC),
        )

    async def letter(self, ask: LetterRef) -> AccountLetter:
        if ask.letter_id not in self.letters:
            raise NotFound()
        return self.letters[ask.letter_id]


class Stall(Catalog):
    """The lamp `prd_lamp`, and how many of it there are; without its `ref` it is not sold."""

    def __init__(self) -> None:
        self.available = 3
        self.ref = "prd_lamp"

    async def product(self, ask: ProductRef) -> Product:
        if ask.ref != self.ref:
            raise NotFound()
        lamp = Variant(id="var_lamp", sku="LAMP", options={}, price=Money(99_900), available=self.available)
        return Product(
            id="prd_lamp",
            slug="brass-lamp",
            title="Brass {lamp}",
            description="",
            brand="",
            category=CategoryRef(id="lamps", slug="lamps", path=["lamps"], title="Lamps"),
            price=lamp.price,
            images=[],
            variants=[lamp],
            attributes={},
            rating=Rating(),
        )


class Basket(Cart):
    """Writes down the wishes whose owners heard nothing."""

    def __init__(self) -> None:
        self.not_told_of: list[WishRef] = []

    async def not_told(self, ask: WishRef) -> Nothing:
        self.not_told_of.append(ask)
        return Nothing()


class Till(Payments):
    """Cash on delivery of ₹2,500, of which a gift card pays ₹400."""

    async def payment(self, ask: PaymentRef) -> Payment:
        return Payment(
            id=ask.payment_id,
            attempt_id="att_1",
            checkout_id="chk_1",
            amount=Money(250_000),
            method="cod",
            state="authorized",
            captured=Money(0),
            refunded=Money(0),
            summary="Gift card + Cash on delivery",
            created_at=datetime(2026, 11, 24, tzinfo=UTC),
            by_credit=Money(40_000),
        )


class Pen:
    """A mail server that takes every letter, unless a test gave it faults to raise first."""

    keeps_letters = True

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.faults: list[Exception] = []

    async def send(self, letter: Letter) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.letters.append(letter)


def _line(title: str) -> QuoteLine:
    return QuoteLine(
        id=new_id("itm"),
        product_id="prd_1",
        variant_id="var_1",
        sku="LAMP",
        title=title,
        slug="lamp",
        options={"colour": "brass"},
        image="/media/abc/800.jpg",
        quantity=2,
        unit_price=Money(129_900),
        discount=Money(0),
        total=Money(259_800),
        tax=Money(39_631),
        tax_basis_points=1800,
        hsn="9405",
        weight_grams=900,
    )


def _order(title: str, number: str) -> Order:
    placed = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
    tax = TaxLine(title="IGST 18 %", rate_basis_points=1800, taxable=Money(220_169), amount=Money(39_631))
    shipment = Shipment(
        id="shp_1",
        order_id="",
        carrier="sandbox",
        tracking_number="HC123456789012IN",
        status="in_transit",
        items=[],
        events=[],
        created_at=placed,
        estimated_delivery=date(2026, 11, 28),
    )
    return Order(
        id=new_id("ord"),
        number=number,
        status="shipped",
        items=[_line(title)],
        totals=Totals(
            subtotal=Money(259_800),
            discount=Money(9_800),
            shipping=Money(0),
            tax=Money(39_631),
            total=Money(250_000),
            tax_lines=[tax],
        ),
        payment=OrderPayment(
            status="paid", id="pay_1", method="card", summary="Visa 4242", captured=Money(250_000), refunded=Money(0)
        ),
        shipments=[shipment],
        timeline=[],
        returns=[],
        email=f"{number.lower()}@example.in",
        shipping_address=Address(
            name="Asha <Rao>", line1="12 Lake View", city="Bengaluru", region="KA", postal_code="560001"
        ),
        placed_at=placed,
    )


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def people() -> People:
    return People()


@pytest.fixture
def pen() -> Pen:
    return Pen()


@pytest.fixture
async def clean(database: PostgresDatabase) -> None:
    """Nothing of other tests is due: a sweep takes what it finds."""
    async with database.connection() as connection:
        await connection.execute("DELETE FROM notifications.mails")


@pytest.fixture
def stall() -> Stall:
    return Stall()


@pytest.fixture
def basket() -> Basket:
    return Basket()


@pytest.fixture
def notifications(
    database: PostgresDatabase, shelf: Shelf, people: People, stall: Stall, basket: Basket, pen: Pen, clean: None
) -> NotificationsService:
    orders, identity, checkouts = local(Orders, shelf), local(Identity, people), local(Checkouts, Desk())
    catalog, cart, store = local(Catalog, stall), local(Cart, basket), MailStore(database)
    till = local(Payments, Till())
    return NotificationsService(
        store, orders, identity, checkouts, catalog, cart, till, pen, "https://shop.example", "staff@shop.example"
    )


@pytest.fixture
def placed(shelf: Shelf) -> Callable[..., tuple[Order, OrderPlaced]]:
    """An order on the shelf and the event that told it."""

    def make(title: str = "Brass lamp", **changes: Any) -> tuple[Order, OrderPlaced]:
        number = "H" + new_id("x")[-8:].upper()
        order = _order(title, number)
        shelf.known[order.id] = order
        event = OrderPlaced(
            order_id=order.id,
            number=number,
            checkout_id=new_id("chk"),
            cart_id="crt_1",
            lines=[],
            total=order.totals.total,
            **changes,
        )
        shelf.of_checkouts[event.checkout_id] = order.id
        return order, event

    return make


@pytest.fixture
def due_now(database: PostgresDatabase) -> Callable[[], Any]:
    """Every wait is over."""

    async def past() -> None:
        async with database.connection() as connection:
            await connection.execute("UPDATE notifications.mails SET next_try_at = now() WHERE state = 'queued'")

    return past
