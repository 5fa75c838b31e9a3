"""The rules of stock: lines that belong together, what an adjustment may take, how levels add up."""

from __future__ import annotations

from collections.abc import Sequence

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
    return dict(sorted(found.items()))


def check_adjustment(sku: str, quantity: int, available: int) -> None:
    """What is reserved stays. Raises Invalid for 0, OutOfStock when more is taken than is free."""
    if quantity == 0:
        raise Invalid(errors=[{"pointer": "/quantity", "code": "out_of_range", "detail": "must not be 0"}])
    if available + quantity < 0:
        raise out_of_stock([{"sku": sku, "requested": -quantity, "available": available}])


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
