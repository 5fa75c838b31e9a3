"""Prices that shoppers say in their query: "laptop under 50,000" looks for laptops up to ₹50,000."""

from __future__ import annotations

import re
from typing import Final

# Below it a number is rather an age, a size or a count: "toys under 5".
LEAST: Final = 50
MAX_RUPEES: Final = 100_000_000
# No `l` for lakh: with it a fridge above 200 l would cost two crores.
_TIMES: Final = {"": 1, "k": 1_000, "lakh": 100_000, "lac": 100_000}
_AMOUNT: Final = r"(?:₹|rs\.?|inr)?\s*([0-9][0-9,]{0,14}(?:\.[0-9]{1,2})?)\s*(k|lakhs?|lacs?)?\s*(?:rupees|rs\.?|/-)?"
# Anything else after it may be what is counted: "under 500 ml", "under 55 in".
_AFTER: Final = r"(?=\s*$|\s+(?:with|for|and|or)\b|\s+in\s+(?!(?:with|for|and|or)\b)\w)"
_BETWEEN: Final = re.compile(rf"\b(?:between|from)\s*{_AMOUNT}\s*(?:and|to|-|–)\s*{_AMOUNT}{_AFTER}", re.IGNORECASE)
_LESS, _MORE = "under|below|less than", "above|over|more than"
_NOT, _UNLESS_NOT = r"(?:not|no)\s", r"(?<!\bnot\s)(?<!\bno\s)"
_AT_MOST: Final = re.compile(
    rf"\b(?:{_UNLESS_NOT}(?:{_LESS}|upto|up to|within)|{_NOT}(?:{_MORE}))\s*{_AMOUNT}{_AFTER}", re.IGNORECASE
)
_AT_LEAST: Final = re.compile(rf"\b(?:{_UNLESS_NOT}(?:{_MORE})|{_NOT}(?:{_LESS}))\s*{_AMOUNT}{_AFTER}", re.IGNORECASE)


def price_in_words(text: str) -> tuple[str, int | None, int | None]:
    """The text without the price it names, and that price: from and to, in whole rupees."""
    for pattern, bounds in ((_BETWEEN, (0, 1)), (_AT_MOST, (None, 0)), (_AT_LEAST, (0, None))):
        match = pattern.search(text)
        amounts = [_rupees(number, unit) for number, unit in _pairs(match)] if match else []
        if match and amounts and min(amounts) >= LEAST and max(amounts) <= MAX_RUPEES:
            low, high = (None if at is None else sorted(amounts)[at] for at in bounds)
            return " ".join((text[: match.start()] + text[match.end() :]).split()), low, high
    return text, None, None


def _pairs(match: re.Match[str]) -> list[tuple[str, str]]:
    groups = match.groups(default="")
    return list(zip(groups[::2], groups[1::2], strict=True))


def _rupees(number: str, unit: str) -> int:
    return round(float(number.replace(",", "")) * _TIMES[unit.lower().removesuffix("s")])
