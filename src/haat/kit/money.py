"""Money as integer minor units: exact arithmetic, one rounding rule, allocation without loss."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated

import msgspec

LIMIT = 10**15
# What a column of 64 bits holds.
STORABLE = 2**63 - 1
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}(\.[0-9]*)?")


class CurrencyMismatch(ValueError):
    """Two currencies met in one sum: always a programming error."""


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`amount` in minor units (paise, cents) and an ISO 4217 `currency`."""

    amount: Annotated[int, msgspec.Meta(ge=-STORABLE, le=STORABLE)]
    currency: Annotated[str, msgspec.Meta(min_length=3, max_length=3)] = "INR"

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def times(self, quantity: int) -> Money:
        """This much, `quantity` times."""
        return Money(self.amount * quantity, self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return other.amount


def divide_half_up(numerator: int, denominator: int) -> int:
    """Integer quotient rounded half away from zero; the only rounding used for money."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    return sign * ((abs(numerator) * 2 + abs(denominator)) // (abs(denominator) * 2))


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` minor units by `weights` (>= 0) so that the parts sum to the whole: largest remainder first.

    With weights that are all zero the parts are as equal as they can be. An empty list of weights needs a total of 0.
    """
    if not weights:
        if total:
            raise ValueError("nothing to allocate the total to")
        return []
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    sign = -1 if total < 0 else 1
    shares = [abs(total) * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(abs(total) * weights[i] % whole), i))
    for i in by_remainder[: abs(total) - sum(shares)]:
        shares[i] += 1
    return [sign * share for share in shares]


def ungrouped(text: str) -> str:
    """A number as people write it, without the commas that part thousands (`1,299.50`, `1,29,900`).

    A text with any other comma stays as it is, and is no number: what some write as `12,50` is not 1250.
    """
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text


@lru_cache(maxsize=64)
def exponent(currency: str) -> int:
    """Digits after the point by ISO 4217 (INR 2, JPY 0, KWD 3)."""
    from babel.numbers import get_currency_precision  # noqa: PLC0415 - 30 ms of import, not needed to sell

    return int(get_currency_precision(currency))


@lru_cache(maxsize=4096)
def format_money(money: Money, locale: str = "en_IN") -> str:
    """For people: `₹12,34,567.50` in en_IN."""
    from decimal import Decimal  # noqa: PLC0415

    from babel.numbers import format_currency  # noqa: PLC0415

    digits = exponent(money.currency)
    text = format_currency(Decimal(money.amount).scaleb(-digits), money.currency, locale=locale)
    return text.removesuffix("." + "0" * digits) if digits else text
