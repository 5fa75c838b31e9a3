"""Invoices on paper: whatever names hold, and readable by those who cannot see."""

from __future__ import annotations

import re
from datetime import date

import pytest

from haat.engines.invoices.typst_printer import TypstPrinter, shown
from haat.kit.money import Money
from haat.ports.invoices import Invoice, InvoiceLine, Party, TaxSum


def invoice(title: str = "Brass lamp", lines: int = 1) -> Invoice:
    line = InvoiceLine(title, "LAMP", "9405", 2, Money(10_000), 1800, Money(1_800), Money(11_800))
    return Invoice(
        number="HT2627-000007",
        issued_on=date(2026, 11, 28),
        order_number="HT-1A2B3C4D",
        ordered_on=date(2026, 11, 27),
        seller=Party("haat", ["Hoskote"], "29ABCDE1234F1Z5"),
        buyer=Party(title, ["12 Lake View"]),
        ship_to=Party("Asha", ["12 Lake View"]),
        place_of_supply="Karnataka",
        payment="Visa 4242",
        lines=[line] * lines,
        taxes=[TaxSum("CGST", 900, Money(10_000), Money(900)), TaxSum("SGST", 900, Money(10_000), Money(900))],
        total=Money(11_800 * lines),
    )


@pytest.mark.parametrize(
    "title",
    [
        "Brass lamp",
        '#panic("no") $x$ \\ ` * _ < > [ ] { } @ref // not a comment',
        "दीया, ₹ and 🪔",
        '"quoted" \u2028 line',
    ],
)
async def test_whatever_a_name_holds_is_printed_as_it_is(title: str):
    pdf = await TypstPrinter().pdf(invoice(title))
    assert pdf.startswith(b"%PDF-1.7")
    assert b"/MarkInfo" in pdf


async def test_a_long_invoice_goes_on_over_the_pages():
    assert len(re.findall(rb"/Type\s*/Page\b", await TypstPrinter().pdf(invoice(lines=120)))) > 2


def test_amounts_rates_and_days_are_words():
    facts = shown(invoice())
    assert facts["lines"] == [
        {
            "title": "Brass lamp",
            "detail": "LAMP",
            "hsn": "9405",
            "quantity": "2",
            "rate": "18 %",
            "taxable": "₹100",
            "tax": "₹18",
            "total": "₹118",
        }
    ]
    assert facts["taxes"][0] == {"title": "CGST 9 %", "taxable": "₹100", "amount": "₹9"}
    assert (facts["issued_on"], facts["total"]) == ("28 November 2026", "₹118")
