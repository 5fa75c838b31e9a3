"""Which of the made-up purchases of the last weeks are placed in the shop, and what becomes of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from haat.demo.history import History
from haat.demo.people import Customer
from haat.demo.records import DemoProduct

DAYS = 16
CUSTOMERS = 40
# Cash on delivery for more is looked at by a person, see the rules of risk.
CASH_UP_TO, REVIEWED_FROM = 2_400_000, 11_000_000
HELD_HOURS_AGO = (20, 13, 7, 2)
_DAY = 86_400


class Purchase(Struct, frozen=True):
    """One customer's purchase: quantities by SKU. A `canceled` one the customer takes back at once."""

    customer: Customer
    seconds_ago: int
    lines: dict[str, int]
    method: Literal["upi", "cod"]
    canceled: bool = False


def purchases(past: History, products: Sequence[DemoProduct]) -> list[Purchase]:
    """The last weeks of the customers who bought most in them, the oldest first; the newest wait for a review."""
    recent = [order for order in past.orders if order.seconds_ago < DAYS * _DAY]
    best = {number for number, _ in Counter(order.customer for order in recent).most_common(CUSTOMERS)}
    people = {customer.number: customer for customer in past.customers}
    found: list[Purchase] = []
    for order in (order for order in recent if order.customer in best):
        number, total = len(found), sum(line.quantity * line.unit_price_minor for line in order.lines)
        method: Literal["upi", "cod"] = "cod" if number % 5 < 2 and total < CASH_UP_TO else "upi"
        lines = {line.sku: line.quantity for line in order.lines}
        found.append(Purchase(people[order.customer], order.seconds_ago, lines, method, canceled=number % 13 == 6))
    return sorted([*found, *_to_review(found, products)], key=lambda purchase: -purchase.seconds_ago)


def _to_review(known: Sequence[Purchase], products: Sequence[DemoProduct]) -> list[Purchase]:
    dear = [v for product in products for v in product.variants if v.price_minor >= REVIEWED_FROM and v.stock]
    dear.sort(key=lambda variant: (variant.price_minor, variant.sku))
    chosen = zip(known, dear, HELD_HOURS_AGO, strict=False)
    return [Purchase(p.customer, hours * 3600, {v.sku: 1}, "cod") for p, v, hours in chosen]
