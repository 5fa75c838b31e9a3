"""Checkouts, orders and payments in memory: what the pages need to be walked through, no rules of their own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec

from haat.contracts.cart import Owner, ViewCart
from haat.contracts.checkout import (
    ChangeCheckout,
    Checkout,
    CheckoutRef,
    Checkouts,
    CheckoutStateError,
    Complete,
    EmptyCart,
    OpenCheckout,
    OrderRef,
    QuoteLine,
    Requirement,
    TaxLine,
    Totals,
)
from haat.contracts.identity import Address
from haat.contracts.orders import (
    CancelOrder,
    InvoiceFile,
    ListOrders,
    Order,
    OrderLink,
    OrderOf,
    OrderPayment,
    Orders,
    OrderStateError,
    RequestReturn,
    Return,
    TimelineEntry,
)
from haat.contracts.payments import (
    Action,
    CashMethod,
    CreditOf,
    ForgetMethod,
    GiftCard,
    GiftCardOf,
    Method,
    MethodsOf,
    Payment,
    PaymentDeclined,
    PaymentRef,
    Payments,
    SavedCard,
    StoreCredit,
    UpiMethod,
    digest,
)
from haat.contracts.shipping import Parcel, Shipment, ShippingOption, TrackingEvent
from haat.kit.ids import new_id
from haat.kit.message import NotFound, Nothing, Page, Unauthenticated, Unavailable
from haat.kit.money import Money
from tests.web.storefront.neighbours import MemoryCart

MOMENT = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
STANDARD = ShippingOption(
    id="standard", title="Standard delivery", price=Money(4_900), delivery_date=date(2026, 11, 28)
)
GIVEN = msgspec.structs.replace(STANDARD, price=Money(0))
PERCENT = {"WELCOME10": 10, "FREE": 100}
EXPRESS = ShippingOption(id="express", title="Express delivery", price=Money(14_900), delivery_date=date(2026, 11, 26))


class MemoryCheckouts(Checkouts):
    """`decline-…` tokens are declined; UPI asks for an action until `act` is called."""

    def __init__(self, cart: MemoryCart, orders: MemoryOrders) -> None:
        self._cart = cart
        self._orders = orders
        self.stored: dict[str, Checkout] = {}
        self.owners: dict[str, str] = {}
        self.completed: list[Complete] = []
        # What the next answers tell besides.
        self.told: list[Requirement] = []

    async def open(self, ask: OpenCheckout) -> Checkout:
        items = await self._items(ask.owner)
        if ask.email or ask.shipping_address:
            return await self.change(
                ChangeCheckout(
                    owner=ask.owner,
                    checkout_id=(await self.open(OpenCheckout(owner=ask.owner))).id,
                    email=ask.email,
                    shipping_address=ask.shipping_address,
                    billing_address=ask.billing_address,
                    shipping_method=ask.shipping_method,
                    coupon_codes=ask.coupon_codes,
                )
            )
        made = Checkout(
            id=f"chk_{len(self.stored)}",
            status="open",
            items=items,
            totals=_totals(items, None),
            shipping_options=[],
            requirements=[],
            expires_at=datetime(2099, 1, 1, tzinfo=UTC),
        )
        self.owners[made.id] = self._cart.of(ask.owner)
        return self._save(made)

    async def change(self, ask: ChangeCheckout) -> Checkout:
        stored = self.stored[ask.checkout_id]
        if stored.status != "open":
            raise CheckoutStateError(status=stored.status)
        names = ("email", "shipping_address", "billing_address", "shipping_method", "coupon_codes")
        given = {name: getattr(ask, name) for name in names if getattr(ask, name) is not None}
        items = await self._items(ask.owner) if ask.afresh else stored.items
        changed = msgspec.structs.replace(stored, items=items, **given)
        free = "FREE" in changed.coupon_codes
        options = [GIVEN if free else STANDARD, EXPRESS] if changed.shipping_address else []
        chosen = next((each for each in options if each.id == changed.shipping_method), options[0] if options else None)
        messages = [
            Requirement(code="coupon_unknown", pointer="/coupon_codes", detail=f"We do not know the code {code}")
            for code in changed.coupon_codes
            if code not in PERCENT
        ]
        messages += self.told
        if (await self._cart.view(ViewCart(owner=ask.owner))).messages:
            messages.append(Requirement(code="unavailable", pointer="/items", detail="Something is not sold any more"))
        totals = _totals(changed.items, chosen, max((PERCENT.get(code, 0) for code in changed.coupon_codes), default=0))
        return self._save(
            msgspec.structs.replace(
                changed,
                totals=totals,
                shipping_options=options,
                shipping_method=chosen.id if chosen else None,
                messages=messages,
            )
        )

    async def checkout(self, ask: CheckoutRef) -> Checkout:
        if not (ask.owner.user_id or ask.owner.token):
            raise Unauthenticated()
        if self.owners.get(ask.checkout_id) != self._cart.of(ask.owner):
            raise NotFound()
        return self.stored[ask.checkout_id]

    async def cancel(self, ask: CheckoutRef) -> Checkout:
        return self._save(msgspec.structs.replace(self.stored[ask.checkout_id], status="canceled", action=None))

    async def complete(self, ask: Complete) -> Checkout:
        self.completed.append(ask)
        stored = self.stored[ask.checkout_id]
        if isinstance(ask.payment, UpiMethod):
            action = Action(
                type="upi_qr",
                url="http://sandbox.test/act",
                expires_at=MOMENT + timedelta(minutes=10),
                upi_uri="upi://pay?pa=haat@sandbox&pn=haat&am=4599.00&cu=INR&tr=chk_0",
            )
            return self._save(msgspec.structs.replace(stored, status="requires_action", action=action))
        if getattr(ask.payment, "token", "").startswith("decline"):
            raise PaymentDeclined(decline_code="insufficient_funds")
        return self.act(ask.checkout_id)

    def act(self, checkout_id: str) -> Checkout:
        """The money has come: the order exists, and the cart is empty."""
        stored = self.stored[checkout_id]
        order = self._orders.take(stored, self.completed[-1].payment if self.completed else None)
        for ask in self.completed:
            self._cart.lines.pop(self._cart.of(ask.owner), None)
        ref = OrderRef(id=order.id, number=order.number)
        return self._save(msgspec.structs.replace(stored, status="completed", order=ref, action=None))

    def _save(self, checkout: Checkout) -> Checkout:
        self.stored[checkout.id] = checkout
        return checkout

    async def _items(self, owner: Owner) -> list[QuoteLine]:
        cart = await self._cart.view(ViewCart(owner=owner))
        if not cart.items:
            raise EmptyCart()
        return [
            QuoteLine(
                id=item.id,
                product_id=item.product_id,
                variant_id=item.variant_id,
                sku=item.sku,
                title=item.title,
                slug=item.slug,
                options=item.options,
                image=item.image,
                quantity=item.quantity,
                unit_price=item.unit_price,
                discount=Money(0),
                total=item.line_total,
                tax=Money(0),
                tax_basis_points=1800,
                hsn="",
                weight_grams=500,
            )
            for item in cart.items
        ]


def _totals(items: list[QuoteLine], option: ShippingOption | None, percent: int = 0) -> Totals:
    subtotal = Money(sum(item.total.amount for item in items))
    discount = Money(subtotal.amount * percent // 100)
    shipping = option.price if option else Money(0)
    total = subtotal - discount + shipping
    tax = Money(total.amount * 18 // 118)
    line = TaxLine(title="IGST", rate_basis_points=1800, taxable=total - tax, amount=tax)
    return Totals(subtotal=subtotal, discount=discount, shipping=shipping, tax=tax, total=total, tax_lines=[line])


class MemoryOrders(Orders):
    def __init__(self) -> None:
        self.placed: dict[str, Order] = {}
        # A neighbour of theirs is away: what is asked for is done later.
        self.waits = False
        self.back: dict[str, Return] = {}

    def take(self, checkout: Checkout, paid_by: Method | None = None) -> Order:
        assert checkout.shipping_address is not None
        cash = isinstance(paid_by, CashMethod)
        number = f"H{4100 + len(self.placed)}"
        order = Order(
            id=f"ord_{len(self.placed)}",
            number=number,
            status="confirmed",
            items=checkout.items,
            totals=checkout.totals,
            payment=OrderPayment(
                status="cash_on_delivery" if cash else "paid",
                id="pay_1",
                method="cod" if cash else "card",
                summary="Cash on delivery" if cash else "Visa •••• 4242",
                captured=Money(0) if cash else checkout.totals.total,
                refunded=Money(0),
            ),
            shipments=[],
            timeline=[TimelineEntry(at=MOMENT, type="placed", detail="Order placed")],
            returns=[],
            email=checkout.email or "",
            shipping_address=checkout.shipping_address,
            billing_address=checkout.billing_address,
            placed_at=MOMENT,
        )
        self.placed[order.id] = order
        return order

    def deliver(self, order_id: str, status: str = "delivered") -> None:
        """Move an order on, with a parcel to show."""
        order = self.placed[order_id]
        steps = [
            ("created", "Label printed", "Bengaluru"),
            ("picked_up", "Picked up", "Bengaluru"),
            ("in_transit", "Arrived at the hub", "Hyderabad"),
            ("delivered", "Handed over", "Mumbai"),
        ]
        events = [
            TrackingEvent(at=MOMENT + timedelta(hours=8 * i), code=code, description=text, location=place)
            for i, (code, text, place) in enumerate(steps)
        ]
        shipment = Shipment(
            id="shp_1",
            order_id=order_id,
            carrier="sandbox",
            tracking_number="SBX123456789",
            status=status,
            items=[Parcel(sku=i.sku, title=i.title, quantity=i.quantity, item_id=i.id) for i in order.items],
            events=events,
            created_at=MOMENT,
            estimated_delivery=date(2026, 11, 28),
        )
        entry = TimelineEntry(at=MOMENT + timedelta(hours=25), type=status, detail="Delivered")
        self.placed[order_id] = msgspec.structs.replace(
            order, status=status, shipments=[shipment], timeline=[*order.timeline, entry]
        )

    async def order(self, ask: OrderOf) -> Order:
        order = self.placed.get(ask.order)
        if order is None or not (ask.user_id or ask.cart_token or ask.link == f"link-{order.id}"):
            raise NotFound("There is no such order")
        return order

    async def invoice(self, ask: OrderOf) -> InvoiceFile:
        order = await self.order(ask)
        if order.status == "confirmed":
            raise OrderStateError("The invoice is made when the order is packed")
        return InvoiceFile(number="HT2627-000001", pdf=b"%PDF-")

    async def orders(self, ask: ListOrders) -> Page[Order]:
        return Page(data=list(self.placed.values()))

    async def link(self, ask: OrderOf) -> OrderLink:
        return OrderLink(link=f"link-{ask.order}")

    async def cancel(self, ask: CancelOrder) -> Order:
        if self.waits:
            return self.placed[ask.order_id]
        order = msgspec.structs.replace(self.placed[ask.order_id], status="canceled")
        self.placed[order.id] = order
        return order

    async def request_return(self, ask: RequestReturn) -> Return:
        order = self.placed[ask.order_id]
        key = ask.idempotency.key if ask.idempotency else new_id("key")
        if key in self.back:
            return self.back[key]
        made = self.back[key] = Return(
            id=f"ret_{len(self.back) + 1}",
            order_id=order.id,
            status="requested",
            items=ask.items,
            refund=order.totals.total,
            created_at=MOMENT,
            timeline=[],
        )
        more = {item.item_id: item.quantity for item in ask.items}
        returned = {**order.returned, **{each: n + order.returned.get(each, 0) for each, n in more.items()}}
        returns = [*order.returns, made]
        self.placed[order.id] = msgspec.structs.replace(order, returns=returns, returned=returned)
        return made


GIFT_CODE = "5WJ8-3RTN-91CE-HWB3"


class MemoryPayments(Payments):
    """Gift cards by their codes, one user's credit, and what credit pays of every payment."""

    def __init__(self) -> None:
        self.gifts: dict[str, GiftCard] = {}
        self.credit = Money(0)
        self.by_credit: Money | None = None
        self.silent = False
        self.away = False
        self.cards = [
            SavedCard(
                id="pm_1", token="tok_kept", brand="visa", last4="4242", exp_month=12, exp_year=2030, created_at=MOMENT
            )
        ]

    async def saved_cards(self, ask: MethodsOf) -> Page[SavedCard]:
        return Page(data=self.cards)

    def give(self, code: str, balance: Money, expires_at: datetime | None = None) -> None:
        """A gift card with this code."""
        plain = code.replace("-", "")
        self.gifts[digest(code)] = GiftCard(
            id=f"gft_{len(self.gifts)}", balance=balance, ending=plain[-4:], created_at=MOMENT, expires_at=expires_at
        )

    async def gift_card(self, ask: GiftCardOf) -> GiftCard:
        if self.silent:
            raise Unavailable()
        if digest(ask.code) not in self.gifts:
            raise NotFound()
        return self.gifts[digest(ask.code)]

    async def store_credit(self, ask: CreditOf) -> StoreCredit:
        return StoreCredit(user_id=ask.user_id, balance=self.credit)

    async def payment(self, ask: PaymentRef) -> Payment:
        if self.away:
            raise Unavailable()
        return Payment(
            id=ask.payment_id,
            attempt_id="att_1",
            checkout_id="chk_0",
            amount=Money(4_604_800),
            method="cod",
            state="authorized",
            captured=Money(0),
            refunded=Money(0),
            summary="Gift card + Cash on delivery",
            created_at=MOMENT,
            by_credit=self.by_credit,
        )

    async def forget_card(self, ask: ForgetMethod) -> Nothing:
        self.cards = [card for card in self.cards if card.id != ask.method_id]
        return Nothing()


def address() -> Address:
    return Address(
        name="Asha Rao", line1="12 Lake View Lane", city="Mumbai", region="Maharashtra", postal_code="400001"
    )
