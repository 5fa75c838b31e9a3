"""Filters and the counts beside them."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec
import tantivy

from haat.engines.text_search.breadth import SAMPLE
from haat.engines.text_search.names import Names, path_of
from haat.engines.text_search.planning import MUST, Query
from haat.engines.text_search.reading import PRICES, counts_of
from haat.engines.text_search.schema import price_bounds
from haat.kit.keyword import keyword_of
from haat.ports.text_search import (
    PRICE_EDGES_MINOR,
    RATING_STEPS,
    BrandFacet,
    CategoryFacet,
    CategoryRef,
    PriceFacet,
    RatingFacet,
    SearchQuery,
)

_MOST_VALUES: Final = 200
_EDGES: Final = (0, *PRICE_EDGES_MINOR)

TOTAL: Final = "total"
FACETS: Final = ("category", "brand", "price", "rating")
_UNSELECTED: Final[dict[str, dict[str, Any]]] = {
    "category": {"categories": ()},
    "brand": {"brands": ()},
    "price": {"price_min_minor": None, "price_max_minor": None},
    "rating": {"rating_min": None},
}
_AGGREGATIONS: Final[dict[str, dict[str, Any]]] = {
    TOTAL: {"value_count": {"field": "stocked"}},
    # Every path, because the counts of the categories above are sums of theirs.
    "category": {"terms": {"field": "path_code", "size": 10_000}},
    "brand": {"terms": {"field": "brand_code", "size": _MOST_VALUES}},
    "price": PRICES,
    "rating": {"terms": {"field": "rating_step", "size": 6}},
}


class Counted(msgspec.Struct, frozen=True):
    """Facets by name and the number of hits, `scale` times what was counted: 1 when all of them were."""

    values: dict[str, Any]
    total: int
    scale: int


def filters_of(schema: tantivy.Schema, ask: SearchQuery) -> dict[str, Query]:
    """One query per facet that the shopper has narrowed."""
    filters: dict[str, Query] = {}
    if ask.categories:
        filters["category"] = Query.term_set_query(schema, "category", [keyword_of(each) for each in ask.categories])
    if ask.brands:
        filters["brand"] = Query.term_set_query(schema, "brand", [keyword_of(each) for each in ask.brands])
    if ask.price_min_minor is not None or ask.price_max_minor is not None:
        column, low, high = price_bounds(ask.price_min_minor, ask.price_max_minor)
        filters["price"] = Query.range_query(schema, column, tantivy.FieldType.Integer, low, high)
    if ask.rating_min is not None:
        filters["rating"] = Query.range_query(schema, "rating", tantivy.FieldType.Float, float(ask.rating_min), None)
    if ask.in_stock is not None:
        filters["in_stock"] = Query.term_query(schema, "in_stock", "true" if ask.in_stock else "false")
    return filters


def narrowed(match: Query, filters: dict[str, Query]) -> Query:
    if not filters:
        return match
    kept = [(MUST, Query.const_score_query(query, 0.0)) for query in filters.values()]
    return Query.boolean_query([(MUST, match), *kept])


def without_selection(ask: SearchQuery, facet: str) -> SearchQuery:
    """The search whose hits this facet counts."""
    return msgspec.structs.replace(ask, **_UNSELECTED[facet])


def count_facets(view: "Counting", found: Query, names: Sequence[str], level: int) -> Counted:
    """The named facets of what `found` matches, in one pass; from `level` 1 on, of the sample of that level."""
    if level:
        sample = Query.const_score_query(Query.term_query(view.schema, SAMPLE, str(level)), 0.0)
        found = Query.boolean_query([(MUST, found), (MUST, sample)])
    whole = "rating" if "rating" in names else "price" if "price" in names else TOTAL
    asked = {name: _AGGREGATIONS[name] for name in (*names, whole)}
    answer = view.searcher.aggregate(found, asked)
    counts = {name: counts_of(answer[name], 1 << level) for name in asked if name != TOTAL}
    # Every product has a rating and a price, so that the counts of either add up to the hits.
    total = int(answer[TOTAL]["value"]) << level if whole == TOTAL else sum(counts[whole].values())
    return Counted({name: SHAPES[name](view, counts[name]) for name in names}, total, 1 << level)


class Counting(Protocol):
    """What counting needs of an opened index."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    names: Names


def _category_facets(view: Counting, counts: dict[int, int]) -> tuple[CategoryFacet, ...]:
    """A product counts for every category on its path."""
    found: dict[str, int] = {}
    known: dict[str, CategoryRef] = {}
    for code, count in counts.items():
        for category in path_of(view.names.name_of(view.searcher, "category_path", code)):
            found[category.id] = found.get(category.id, 0) + count
            known[category.id] = category
    facets = [(-count, known[key].name, key) for key, count in found.items()]
    facets.sort()
    return tuple(CategoryFacet(key, known[key].slug, name, -count) for count, name, key in facets[:_MOST_VALUES])


def _brand_facets(view: Counting, counts: dict[int, int]) -> tuple[BrandFacet, ...]:
    """A brand counts once, by the name that most of its products bear: a choice of it finds them all."""
    named = sorted((-count, view.names.name_of(view.searcher, "brand_facet", code)) for code, count in counts.items())
    shown: dict[str, str] = {}
    found: dict[str, int] = {}
    for count, name in named:
        key = keyword_of(name)
        shown.setdefault(key, name)
        found[key] = found.get(key, 0) + count
    facets = sorted((count, shown[key]) for key, count in found.items())
    return tuple(BrandFacet(name, -count) for count, name in facets)


def _price_facets(_: Counting, counts: dict[int, int]) -> tuple[PriceFacet, ...]:
    ends = (*_EDGES[1:], None)
    return tuple(
        PriceFacet(start, end, counts[step])
        for step, (start, end) in enumerate(zip(_EDGES, ends, strict=True))
        if counts.get(step)
    )


def _rating_facets(_: Counting, counts: dict[int, int]) -> tuple[RatingFacet, ...]:
    return tuple(
        RatingFacet(step, sum(count for start, count in counts.items() if start >= step)) for step in RATING_STEPS
    )


SHAPES: Final[dict[str, Callable[[Counting, dict[int, int]], Any]]] = {
    "category": _category_facets,
    "brand": _brand_facets,
    "price": _price_facets,
    "rating": _rating_facets,
}
