"""Orders placed without a checkout around them, where money and stock do not matter."""

from __future__ import annotations

from typing import Any

from haat.contracts.checkout import QuoteLine, Totals
from haat.contracts.orders import OrderLine, OrderPlaced, PlaceOrder
from haat.kit.ids import new_id
from haat.kit.money import Money
from tests.services.shopfloor import ADDRESS


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
