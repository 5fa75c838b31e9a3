"""Tax invoices: when one is issued, its number, and what is on it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from haat.contracts.identity import Address
from haat.contracts.orders import OrderStateError
from haat.kit.money import Money
from haat.ports.invoices import Invoice, InvoiceLine, Party, TaxSum
from haat.services.orders.model import StoredOrder

# Goods are invoiced when they leave; what never left needs none.
NOT_YET = frozenset({"placed", "confirmed", "canceled"})
INDIA = ZoneInfo("Asia/Kolkata")
APRIL = 4
# The heading of courier services.
DELIVERY_HSN = "9968"


class Issued(msgspec.Struct, frozen=True):
    """The number under which an order was invoiced, and when."""

    number: str
    issued_at: datetime


def check_invoiceable(order: StoredOrder) -> None:
    """Raises OrderStateError before the order is packed."""
    if order.status in NOT_YET:
        raise OrderStateError("The invoice is made when the order is packed", state=order.status)


def financial_year(moment: datetime) -> str:
    """April to March in India: `2627` from 1 April 2026."""
    day = moment.astimezone(INDIA)
    begun = day.year if day.month >= APRIL else day.year - 1
    return f"{begun % 100:02d}{(begun + 1) % 100:02d}"


def invoice_number(year: str, count: int) -> str:
    """At most 16 characters, as the rules want it."""
    return f"HT{year}-{count:06d}"


def invoice_of(order: StoredOrder, issued: Issued, seller: Party) -> Invoice:
    """What the paper says; lines and delivery sum to the total, their taxes to the order's."""
    body, currency = order.body, order.currency
    lines = [
        InvoiceLine(
            title=line.title,
            detail=", ".join([line.sku, *(f"{name}: {value}" for name, value in line.options.items())]),
            hsn=line.hsn,
            quantity=line.quantity,
            taxable=line.total - line.tax,
            rate_basis_points=line.tax_basis_points,
            tax=line.tax,
            total=line.total,
        )
        for line in body.items
    ]
    delivery = body.totals.shipping
    if delivery.amount:
        tax = Money(body.totals.tax.amount - sum(line.tax.amount for line in body.items), currency)
        without = delivery.amount - tax.amount
        rate = round(tax.amount * 10_000 / without, -2) if without else 0
        lines.append(InvoiceLine("Delivery", "", DELIVERY_HSN, 1, delivery - tax, int(rate), tax, delivery))
    return Invoice(
        number=issued.number,
        issued_on=_day(issued.issued_at),
        order_number=order.number,
        ordered_on=_day(order.placed_at),
        seller=seller,
        buyer=_party(body.billing_address or body.shipping_address),
        ship_to=_party(body.shipping_address),
        place_of_supply=body.shipping_address.region,
        payment=body.payment_summary or body.payment_method,
        lines=lines,
        taxes=[TaxSum(each.title, each.rate_basis_points, each.taxable, each.amount) for each in body.totals.tax_lines],
        total=body.totals.total,
    )


def _party(address: Address) -> Party:
    lines = [address.line1, address.line2 or "", f"{address.city} {address.postal_code}", address.region]
    return Party(address.name, [line for line in lines if line])


def _day(moment: datetime) -> date:
    return moment.astimezone(INDIA).date()
