"""What the tests of orders ask: to place an order on its own, and what staff and shoppers do to one."""

from __future__ import annotations

from typing import Any

from haat.contracts.checkout import QuoteLine, Totals
from haat.contracts.orders import (
    CancelOrder,
    Order,
    OrderLine,
    OrderPlaced,
    PlaceOrder,
    ReceiveReturn,
    RefundOrder,
    RequestReturn,
    Return,
    ReturnItem,
    ShipItem,
    ShipOrder,
)
from haat.contracts.payments import PaymentRef
from haat.engines.invoices.typst_printer import TypstPrinter
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.money import Money
from haat.ports.invoices import Party
from haat.services.orders.model import StoredOrder
from haat.services.orders.service import OrderService
from haat.services.orders.store import OrderStore
from tests.services.shopfloor import ADDRESS, Away, Floor


def line(item_id: str, quantity: int, total: int) -> QuoteLine:
    """A line of an order; its total need not divide by its quantity."""
    words = {"variant_id": f"var_{item_id}", "sku": f"SKU-{item_id}", "title": "Lamp", "slug": "lamp", "image": ""}
    money = {"unit_price": Money(total // quantity), "discount": Money(0), "total": Money(total), "tax": Money(0)}
    numbers = {"tax_basis_points": 1800, "weight_grams": 900}
    return QuoteLine(
        id=item_id, product_id=f"prd_{item_id}", options={}, quantity=quantity, hsn="9405", **words, **money, **numbers
    )


def placing(*lines: QuoteLine, **changes: Any) -> PlaceOrder:
    """An ask to place an order of a new checkout."""
    items = list(lines or [line("itm_a", 3, 1000)])
    total = Money(sum(each.total.amount for each in items))
    totals = Totals(subtotal=total, discount=Money(0), shipping=Money(0), tax=Money(0), total=total, tax_lines=[])
    asked = {
        "checkout_id": new_id("chk"),
        "attempt_id": new_id("att"),
        "cart_id": new_id("crt"),
        "items": items,
        "totals": totals,
        "email": "asha@example.com",
        "shipping_address": ADDRESS,
        "shipping_method": "standard",
        "payment_id": new_id("pay"),
        "payment_method": "card",
        "payment_summary": "Visa •••• 4242",
        "paid": True,
    }
    return PlaceOrder(**{**asked, **changes})


def placed_event(order_id: str, ask: PlaceOrder) -> OrderPlaced:
    lines = [
        OrderLine(
            product_id=each.product_id,
            variant_id=each.variant_id,
            sku=each.sku,
            title=each.title,
            quantity=each.quantity,
            total=each.total,
        )
        for each in ask.items
    ]
    about = {"checkout_id": ask.checkout_id, "cart_id": ask.cart_id, "lines": lines, "total": ask.totals.total}
    return OrderPlaced(order_id=order_id, number="HT-1", **about)


STAFF = "usr_staff"
SELLER = Party("haat", ["Hoskote"])


def ship(order: Order, quantity: int | None = None, key: Idempotency | None = None) -> ShipOrder:
    items = None if quantity is None else [ShipItem(item_id=order.items[0].id, quantity=quantity)]
    return ShipOrder(order_id=order.id, actor=STAFF, items=items, idempotency=key)


def refund(order: Order, *, amount: int | None = None, quantity: int | None = None, **more: Any) -> RefundOrder:
    money = None if amount is None else Money(amount)
    items = None if quantity is None else [ShipItem(item_id=order.items[0].id, quantity=quantity)]
    return RefundOrder(order_id=order.id, actor=STAFF, reason="goodwill", amount=money, items=items, **more)


def cancel(order: Order, **more: Any) -> CancelOrder:
    return CancelOrder(order_id=order.id, actor=STAFF, reason="changed my mind", any_owner=True, **more)


def sent_back(order: Order, quantity: int = 1, **more: Any) -> RequestReturn:
    items = [ReturnItem(item_id=order.items[0].id, quantity=quantity, reason="too bright")]
    return RequestReturn(order_id=order.id, items=items, **{"any_owner": True, **more})


def received(made: Return, restock: bool = True) -> ReceiveReturn:
    return ReceiveReturn(return_id=made.id, actor=STAFF, restock=restock)


def key() -> Idempotency:
    return Idempotency(account=STAFF, key=new_id("key"), fingerprint="the same")


class OlderLook(OrderStore):
    """Somebody who looked at an order, and at a return of it, before the others acted."""

    async def look(self, order: Order, made: Return | None = None) -> None:
        self.seen, self.made = await super().load(order.id), made

    async def one_return(self, return_id: str) -> Return | None:
        return self.made

    async def load(self, ref: str) -> StoredOrder | None:
        return self.seen


def orders_without(floor: Floor, store: OrderStore | None = None, **away: str) -> tuple[OrderService, dict[str, Away]]:
    """The service with neighbours that do not answer certain calls, until told to."""
    real: dict[str, Any] = {"payments": floor.payments, "inventory": floor.inventory, "shipping": floor.shipping}
    asked: dict[str, Any] = {name: Away(each, away.get(name, "")) for name, each in real.items()}
    store = store or OrderStore(floor.database)
    return OrderService(
        store, **asked, printer=TypstPrinter(), seller=SELLER, link_secret="only-for-tests", auto_fulfil=False
    ), asked


async def due(floor: Floor, order: Order) -> None:
    """The wait of a task that was put off is over."""
    await floor.rows("UPDATE orders.tasks SET lease_until = now() WHERE order_id = $1 AND NOT done", order.id)


async def refunded(floor: Floor, order: Order) -> int:
    return (await floor.payments.payment(PaymentRef(payment_id=order.payment.id))).refunded.amount


def types(order: Order) -> list[str]:
    return [entry.type for entry in order.timeline]
