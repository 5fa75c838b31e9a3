"""Taxes as integers: one rounding rule per regime; GST by class, price and date, split by place of supply."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from haat.contracts.checkout import TaxLine, TaxRate
from haat.contracts.identity import Address
from haat.kit.money import Money, allocate, divide_half_up
from haat.services.checkout.regions import WITHOUT_LEGISLATURE, state_code

STANDARD_RATE = 1800
INDIA = ZoneInfo("Asia/Kolkata")


class Regime(msgspec.Struct, frozen=True):
    """Whether prices include the tax, and where it is rounded: once a line, or once for all lines of a rate."""

    included: bool
    once_a_line: bool


# India's law rounds the tax of each line, inside the price.
GST = Regime(included=True, once_a_line=True)


class Taxed(msgspec.Struct, frozen=True):
    """What is taxed: an amount, and the rate."""

    amount: int
    rate_basis_points: int

    def within(self, regime: Regime) -> int:
        """The tax on, or inside, the amount, rounded half up."""
        base = 10_000 + (self.rate_basis_points if regime.included else 0)
        return divide_half_up(self.amount * self.rate_basis_points, base)

    @property
    def tax(self) -> int:
        """The tax inside the amount, as the shop sells."""
        return self.within(GST)


def taxes(lines: Sequence[Taxed], regime: Regime) -> list[int]:
    """The tax of each line; the parts of a rate sum to what is owed for it."""
    if regime.once_a_line:
        return [line.within(regime) for line in lines]
    parts = [0] * len(lines)
    for rate in {line.rate_basis_points for line in lines}:
        places = [i for i, line in enumerate(lines) if line.rate_basis_points == rate]
        owed = Taxed(sum(lines[i].amount for i in places), rate).within(regime)
        for i, part in zip(places, allocate(owed, [lines[i].amount for i in places]), strict=True):
            parts[i] = part
    return parts


def tax_day(moment: datetime) -> date:
    """The day whose rates hold: rates change at midnight in India, as its invoices are dated."""
    return moment.astimezone(INDIA).date()


def rate_of(rates: Sequence[TaxRate], tax_class: str, unit_price_minor: int, on: date) -> int:
    """The rate in force for a class at a unit price that includes the tax; a class without any is taxed as standard.

    Bounds are about the value without tax: a higher bracket applies once the value at the lower rate reaches it.
    """
    in_force = [rate for rate in rates if rate.tax_class == tax_class and rate.from_date <= on]
    if not in_force:
        return STANDARD_RATE
    newest = max(rate.from_date for rate in in_force)
    brackets = sorted((r for r in in_force if r.from_date == newest), key=lambda r: r.price_from_minor)
    chosen = brackets[0].rate_basis_points
    for bracket in brackets[1:]:
        if divide_half_up(unit_price_minor * 10_000, 10_000 + chosen) >= bracket.price_from_minor:
            chosen = bracket.rate_basis_points
    return chosen


def tax_lines(taxed: Sequence[Taxed], ship_to: Address | None, seller_state: str, currency: str) -> list[TaxLine]:
    """One line per kind and rate, summing to the sum of the taxes. Without an address: as if sold within the state."""
    if ship_to is not None and ship_to.country != "IN":
        return []
    kinds = _kinds(ship_to, seller_state)
    lines = []
    for rate in sorted({each.rate_basis_points for each in taxed if each.rate_basis_points}):
        group = [each for each in taxed if each.rate_basis_points == rate]
        tax = sum(each.tax for each in group)
        taxable = sum(each.amount for each in group) - tax
        for kind, part in zip(kinds, allocate(tax, [1] * len(kinds)), strict=True):
            lines.append(
                TaxLine(
                    title=kind,
                    rate_basis_points=rate // len(kinds),
                    taxable=Money(taxable, currency),
                    amount=Money(part, currency),
                )
            )
    return lines


def _kinds(ship_to: Address | None, seller_state: str) -> list[str]:
    place = seller_state if ship_to is None else state_code(ship_to.region)
    if place != seller_state:
        return ["IGST"]
    return ["CGST", "UTGST" if place in WITHOUT_LEGISLATURE else "SGST"]
