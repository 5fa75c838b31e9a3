"""The rules of stock: lines that belong together, what an adjustment may take, how levels add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from haat.contracts.inventory import Level, Line, OutOfStock
from haat.kit.message import Invalid

EVERY_LOCATION = "all"
MAX_LINES = 5_000


def by_sku(lines: Sequence[Line]) -> dict[str, int]:
    """Units per SKU, in the order of SKUs; lines of one SKU add up. Raises Invalid for none or too many."""
    if not 0 < len(lines) <= MAX_LINES:
        detail = f"give 1 to {MAX_LINES} lines"
        raise Invalid(errors=[{"pointer": "/lines", "code": "out_of_range", "detail": detail}])
    found: dict[str, int] = {}
    for line in lines:
        found[line.sku] = found.get(line.sku, 0) + line.quantity
    # The order of code points is that of UTF-8 bytes: the order in which the database locks.
    return dict(sorted(found.items()))


class UnknownShape(RuntimeError):
    """Events of a shape that this code does not know: reading on would give a wrong answer."""


def check_shape(schema_v: int, strange: int = 0) -> None:
    """Stop at what newer code has written. Raises UnknownShape."""
    if schema_v > SHAPE or strange:
        raise UnknownShape(f"events of shape {schema_v}, {strange} of an unknown type: this code reads up to {SHAPE}")


def lifted(schema_v: int, type_: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says, as if it were written today; what is stored is never rewritten. Raises UnknownShape."""
    check_shape(schema_v)
    found = dict(data)
    for version in range(schema_v, SHAPE):
        found = LIFTS[version](type_, found)
    return found


def words_of(reason: str) -> dict[str, str]:
    """A reason and what was noted with it, from "reason: note"."""
    word, _, note = reason.partition(": ")
    return {"reason": word, "note": note} if note else {"reason": word}


def _apart(_: str, data: dict[str, Any]) -> dict[str, Any]:
    """Shape 1 kept the note in the reason."""
    return {**data, **words_of(data["reason"])} if "reason" in data else data


# The shape of the events written today, and how older ones are read.
SHAPE = 2
LIFTS: dict[int, Callable[[str, dict[str, Any]], dict[str, Any]]] = {1: _apart}


def out_of_stock(lines: Sequence[dict[str, int | str]]) -> OutOfStock:
    """The refusal for these short lines, with the first one's facts at the top."""
    first = lines[0]
    left = first["available"]
    detail = f"Only {left} of {first['sku']} left" if left else f"{first['sku']} is sold out"
    return OutOfStock(detail, lines=list(lines), sku=first["sku"], available=left, requested=first["requested"])


def summed(levels: Sequence[Level]) -> Level:
    """One level over all locations (at least one)."""
    if len(levels) == 1:
        return levels[0]
    return Level(
        sku=levels[0].sku,
        location=EVERY_LOCATION,
        on_hand=sum(level.on_hand for level in levels),
        reserved=sum(level.reserved for level in levels),
        available=sum(level.available for level in levels),
        low_stock_at=sum(level.low_stock_at for level in levels),
        version=sum(level.version for level in levels),
    )
