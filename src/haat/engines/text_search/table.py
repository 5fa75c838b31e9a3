"""All that one text finds, as columns: what shoppers ask again with other filters is answered from these, exactly.

A table lasts until the next commit. It is made when the searches so far have cost as much more than they would have
with it as making it does: whenever that is, no more than twice the best is spent.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy
import tantivy
from cachetools import LRUCache

from haat.engines.text_search.facets import SHAPES, Counted, Counting
from haat.engines.text_search.names import path_of
from haat.engines.text_search.planning import Plan
from haat.kit.keyword import keyword_of
from haat.ports.text_search import SearchQuery

# Below, the engine itself is as fast; above, making a table would keep others waiting for too long.
FEWEST_ROWS: Final = 300
MOST_ROWS: Final = 20_000
ROWS_KEPT: Final = 200_000
ASKS_BEFORE: Final = 4
# So many rows cost as much to make as one search costs more without a table.
ROWS_AN_ASK: Final = 300
_TEXTS: Final = 4096
_NONE: Final = -1
_FACET_COLUMNS: Final = {
    "category": "path_code",
    "brand": "brand_code",
    "price": "price_step",
    "rating": "rating_step",
}
_COLUMNS: Final = ("price", "rating", "stocked", *_FACET_COLUMNS.values())
_Column = numpy.ndarray[Any, Any]


class Table:
    """The products that a text finds, best first."""

    def __init__(self, view: Counting, plan: Plan) -> None:
        self._view = view
        found = view.searcher.search(plan.ranked, plan.tally.products, count=False, weight_by_field="prior").hits
        self._scores = [score for score, _ in found]
        self._addresses = [address for _, address in found]
        self._columns = {name: self._column(name) for name in _COLUMNS}
        self._codes = {name: numpy.unique(self._columns[column]) for name, column in _FACET_COLUMNS.items()}
        self._places = {
            name: numpy.searchsorted(self._codes[name], self._columns[column])
            for name, column in _FACET_COLUMNS.items()
        }

    def __len__(self) -> int:
        return len(self._scores)

    def _column(self, name: str) -> _Column:
        values = self._view.searcher.fast_field_values(name, self._addresses)
        return numpy.array([_NONE if value is None else value for value in values])

    def rows(self, ask: SearchQuery) -> _Column:
        """The rows that pass the filters, best first."""
        kept: _Column = numpy.ones(len(self), dtype=bool)
        if ask.categories:
            kept &= self._named("category", _category_keys, "category_path", ask.categories)
        if ask.brands:
            kept &= self._named("brand", _brand_keys, "brand_facet", ask.brands)
        if ask.price_min_minor is not None:
            kept &= self._columns["price"] >= ask.price_min_minor
        if ask.price_max_minor is not None:
            kept &= self._columns["price"] <= ask.price_max_minor
        if ask.rating_min is not None:
            kept &= self._columns["rating"] >= ask.rating_min
        if ask.in_stock is not None:
            kept &= self._columns["stocked"] == int(ask.in_stock)
        rows: _Column = numpy.flatnonzero(kept)
        return rows

    def _named(self, facet: str, keys_of: Any, field: str, wanted: Sequence[str]) -> _Column:
        keys = {keyword_of(each) for each in wanted}
        names = self._view.names
        fits = [
            code != _NONE and not keys.isdisjoint(keys_of(names.name_of(self._view.searcher, field, int(code))))
            for code in self._codes[facet]
        ]
        found: _Column = numpy.array(fits, dtype=bool)[self._places[facet]]
        return found

    def count(self, rows: _Column, facets: Sequence[str]) -> Counted:
        """The named facets of these rows."""
        return Counted({name: SHAPES[name](self._view, self._counts(name, rows)) for name in facets}, len(rows), 1)

    def _counts(self, facet: str, rows: _Column) -> dict[int, int]:
        codes = self._codes[facet]
        counts = numpy.bincount(self._places[facet][rows], minlength=len(codes))
        pairs = zip(codes.tolist(), counts.tolist(), strict=True)
        return {code: count for code, count in pairs if count and code != _NONE}

    def page(self, rows: _Column, offset: int, limit: int) -> list[tuple[float, tantivy.DocAddress]]:
        """Scores and addresses of one page of these rows."""
        return [(self._scores[row], self._addresses[row]) for row in rows[offset : offset + limit].tolist()]


def _category_keys(path: str) -> set[str]:
    return {keyword_of(key) for each in path_of(path) for key in (each.id, each.slug)}


def _brand_keys(brand: str) -> set[str]:
    return {keyword_of(brand)}


class Tables:
    """The tables of one state of the index, made for texts that are asked for again and again."""

    def __init__(self, view: Counting) -> None:
        self._view = view
        self._asks: LRUCache[tuple[str, int], int] = LRUCache(_TEXTS)
        self._tables: LRUCache[tuple[str, int], Table] = LRUCache(ROWS_KEPT, getsizeof=len)

    def table_of(self, ask: SearchQuery, plan: Plan) -> Table | None:
        """Called once a search: None for what finds too few or too many, or has not been asked often enough yet."""
        rows = plan.tally.products
        if not FEWEST_ROWS <= rows <= MOST_ROWS:
            return None
        key = ask.text.strip(), ask.relax_below
        table = self._tables.get(key)
        if table is None:
            asks = self._asks[key] = self._asks.get(key, 0) + 1
            if asks > ASKS_BEFORE + rows // ROWS_AN_ASK:
                # Should it have to go for others, it must be earned again.
                self._asks[key] = 0
                table = self._tables[key] = Table(self._view, plan)
        return table
