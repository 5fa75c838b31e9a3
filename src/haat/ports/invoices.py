"""A tax invoice on paper: what is on it, and who prints it."""

from __future__ import annotations

from datetime import date
from typing import Protocol

import msgspec

from haat.kit.money import Money


class Party(msgspec.Struct, frozen=True):
    """Who sells or buys: name, lines of the address, and a tax number when there is one."""

    name: str
    lines: list[str]
    tax_number: str = ""


class InvoiceLine(msgspec.Struct, frozen=True):
    """`total` includes `tax`; `taxable` and `tax` sum to it; the rate is in basis points."""

    title: str
    detail: str
    hsn: str
    quantity: int
    taxable: Money
    rate_basis_points: int
    tax: Money
    total: Money


class TaxSum(msgspec.Struct, frozen=True):
    """One kind of tax at one rate over the whole invoice."""

    title: str
    rate_basis_points: int
    taxable: Money
    amount: Money


class Invoice(msgspec.Struct, frozen=True):
    """Everything on the paper; delivery is a line like the others."""

    number: str
    issued_on: date
    order_number: str
    ordered_on: date
    seller: Party
    buyer: Party
    ship_to: Party
    place_of_supply: str
    payment: str
    lines: list[InvoiceLine]
    taxes: list[TaxSum]
    total: Money


class InvoicePrinter(Protocol):
    """Whatever names and titles hold, they are printed as they are."""

    async def pdf(self, invoice: Invoice) -> bytes:
        """The invoice as a PDF file that screen readers can read."""
        ...
