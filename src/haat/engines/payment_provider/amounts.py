"""Amounts as a provider counts them: how many decimals it sends is not always how many a currency has here."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from haat.kit.money import Money, exponent

# What reading a provider's object may raise: a wrong form, a missing part, an amount or a moment out of any range.
UNREADABLE = (msgspec.MsgspecError, KeyError, TypeError, ValueError, OverflowError, OSError)


class NotRepresentable(ValueError):
    """An amount that the provider cannot be told, or has told us, without losing a part of it."""


class Decimals(msgspec.Struct, frozen=True):
    """Digits after the point by currency, `usual` for those not named.

    Where there are three, the last has to be 0: the card networks settle two.
    """

    known: Mapping[str, int]
    usual: int | None = 2

    def of(self, currency: str) -> int:
        """Raises NotRepresentable for a currency that is neither known nor like the usual ones."""
        digits = self.known.get(currency, self.usual)
        if digits is None:
            raise NotRepresentable(f"{currency} is not taken by this provider")
        return digits


def to_wire(amount: Money, decimals: Decimals) -> int:
    """The provider's integer for an amount of ours. Raises NotRepresentable rather than round."""
    digits = decimals.of(amount.currency)
    wire, lost = divmod(
        amount.amount * _power(digits - exponent(amount.currency)), _power(exponent(amount.currency) - digits)
    )
    if lost or (digits == 3 and wire % 10):
        raise NotRepresentable(f"{amount.amount} minor units of {amount.currency} cannot be told to this provider")
    return wire


def from_wire(wire: int, currency: str, decimals: Decimals) -> Money:
    """Our amount for the provider's integer. Raises NotRepresentable when ours has fewer digits than it needs."""
    currency = currency.upper()
    digits = decimals.of(currency)
    amount, lost = divmod(wire * _power(exponent(currency) - digits), _power(digits - exponent(currency)))
    if lost:
        raise NotRepresentable(f"{wire} of {currency} has a part smaller than our minor unit")
    return Money(amount, currency)


def _power(digits: int) -> int:
    return int(10 ** max(0, digits))
