"""From which locations a cart is served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Literal

import msgspec

Rule = Literal["fewest_parcels", "priority"]
# Sets of locations that are looked at for the fewest parcels: all of them for ten locations.
MOST_SETS = 1_000


class Shelf(msgspec.Struct, frozen=True):
    """Units of a SKU at a location; the lower its `priority`, the sooner it gives."""

    sku: str
    location: str
    stream: int
    available: int
    priority: int


class Take(msgspec.Struct, frozen=True):
    """Units to take from one shelf."""

    stream: int
    quantity: int


def source(shelves: Sequence[Shelf], wanted: Mapping[str, int], rule: Rule) -> list[Take] | None:
    """What to take where, SKUs in the order of `wanted`, each SKU's shelves by stream; None when there is not enough.

    `fewest_parcels`: as few locations as can serve the whole cart, of equally few those with the lowest priorities.
    `priority`: each line from the locations in their order, however many parcels that makes.
    """
    # Of equal ones the oldest comes first.
    ages = {shelf.location: shelf.stream for shelf in sorted(shelves, key=lambda s: -s.stream)}
    order = sorted({(shelf.priority, ages[shelf.location], shelf.location) for shelf in shelves})
    if rule == "fewest_parcels":
        for chosen in islice(_sets(order), MOST_SETS):
            names = {location for *_, location in chosen}
            found = _take([shelf for shelf in shelves if shelf.location in names], wanted, whole_lines=True)
            if found is not None:
                return found
    return _take(shelves, wanted, whole_lines=rule == "fewest_parcels")


def _sets(order: Sequence[tuple[int, int, str]]) -> Iterator[tuple[tuple[int, int, str], ...]]:
    for size in range(1, len(order) + 1):
        yield from sorted(combinations(order, size), key=lambda chosen: sum(each[0] for each in chosen))


def _take(shelves: Sequence[Shelf], wanted: Mapping[str, int], *, whole_lines: bool) -> list[Take] | None:
    takes: list[Take] = []
    for sku, quantity in wanted.items():
        mine = sorted((s for s in shelves if s.sku == sku), key=lambda s: (s.priority, s.stream))
        if whole_lines:
            # A shelf that has the whole line spares a parcel.
            mine.sort(key=lambda shelf: shelf.available < quantity)
        left, line = quantity, []
        for shelf in mine:
            part = min(shelf.available, left)
            if part > 0:
                line.append(Take(shelf.stream, part))
                left -= part
        if left > 0:
            return None
        takes += sorted(line, key=lambda take: take.stream)
    return takes
