"""Invoices by typst: a template beside this file, the data as JSON, never as source."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from haat.kit.money import Money, format_money
from haat.ports.invoices import Invoice

TEMPLATE = Path(__file__).with_name("invoice.typ")
AT_ONCE = 2


class TypstPrinter:
    """The adapter of `ports.invoices.InvoicePrinter`: about 15 ms of one core an invoice, outside the loop."""

    def __init__(self) -> None:
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def pdf(self, invoice: Invoice) -> bytes:
        """Tagged PDF."""
        async with self._gate:
            return await asyncio.to_thread(_compiled, msgspec.json.encode(shown(invoice)).decode())


def shown(invoice: Invoice) -> dict[str, Any]:
    """The invoice as the template prints it: every amount and date as text."""
    facts: dict[str, Any] = msgspec.to_builtins(invoice)
    facts |= {
        "issued_on": _day(invoice.issued_on),
        "ordered_on": _day(invoice.ordered_on),
        "total": format_money(invoice.total),
        "lines": [
            {
                "title": line.title,
                "detail": line.detail,
                "hsn": line.hsn,
                "quantity": str(line.quantity),
                "rate": _rate(line.rate_basis_points),
                **_amounts(taxable=line.taxable, tax=line.tax, total=line.total),
            }
            for line in invoice.lines
        ],
        "taxes": [
            {
                "title": f"{each.title} {_rate(each.rate_basis_points)}",
                **_amounts(taxable=each.taxable, amount=each.amount),
            }
            for each in invoice.taxes
        ],
    }
    return facts


def _amounts(**amounts: Money) -> dict[str, str]:
    return {name: format_money(money) for name, money in amounts.items()}


def _rate(basis_points: int) -> str:
    return f"{basis_points / 100:g} %"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _compiled(data: str) -> bytes:
    # 37 MB of engine: loaded by the first invoice, not by every process.
    import typst  # noqa: PLC0415

    pdf: bytes = typst.compile(str(TEMPLATE), sys_inputs={"invoice": data}, format="pdf")
    return pdf
