"""Filters and the counts beside them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec
import tantivy

from haat.engines.text_search.analysis import keyword_of
from haat.engines.text_search.planning import MUST, Query
from haat.ports.text_search import (
    PRICE_EDGES_MINOR,
    RATING_STEPS,
    BrandFacet,
    CategoryFacet,
    PriceFacet,
    RatingFacet,
    SearchQuery,
)

_MOST_VALUES: Final = 200
_LARGEST: Final = (1 << 63) - 1
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
    TOTAL: {"value_count": {"field": "price"}},
    "category": {"terms": {"field": "category_facet", "size": _MOST_VALUES}},
    "brand": {"terms": {"field": "brand_facet", "size": _MOST_VALUES}},
    "price": {
        "range": {
            "field": "price",
            "ranges": [
                *({"from": low, "to": high} for low, high in pairwise(_EDGES)),
                {"from": _EDGES[-1]},
            ],
        }
    },
    "rating": {
        "range": {
            "field": "rating",
            "ranges": [
                *({"from": step, "to": step + 1} for step in reversed(RATING_STEPS[1:])),
                {"from": RATING_STEPS[0]},
            ],
        }
    },
}


def filters_of(schema: tantivy.Schema, ask: SearchQuery) -> dict[str, Query]:
    """One query per facet that the shopper has narrowed."""
    filters: dict[str, Query] = {}
    if ask.categories:
        filters["category"] = Query.term_set_query(schema, "category", [keyword_of(each) for each in ask.categories])
    if ask.brands:
        filters["brand"] = Query.term_set_query(schema, "brand", [keyword_of(each) for each in ask.brands])
    if ask.price_min_minor is not None or ask.price_max_minor is not None:
        low, high = _in_column(ask.price_min_minor), _in_column(ask.price_max_minor)
        filters["price"] = Query.range_query(schema, "price", tantivy.FieldType.Integer, low, high)
    if ask.rating_min is not None:
        filters["rating"] = Query.range_query(schema, "rating", tantivy.FieldType.Float, float(ask.rating_min), None)
    if ask.in_stock is not None:
        filters["in_stock"] = Query.term_query(schema, "in_stock", "true" if ask.in_stock else "false")
    return filters


def _in_column(amount_minor: int | None) -> int | None:
    """No price lies beyond what a column holds, so neither need a bound."""
    return None if amount_minor is None else max(-_LARGEST, min(amount_minor, _LARGEST))


def narrowed(match: Query, filters: dict[str, Query]) -> Query:
    if not filters:
        return match
    kept = [(MUST, Query.const_score_query(query, 0.0)) for query in filters.values()]
    return Query.boolean_query([(MUST, match), *kept])


def without_selection(ask: SearchQuery, facet: str) -> SearchQuery:
    """The search whose hits this facet counts."""
    return msgspec.structs.replace(ask, **_UNSELECTED[facet])


def count_facets(searcher: tantivy.Searcher, found: Query, names: Sequence[str]) -> dict[str, Any]:
    """The named facets of what `found` matches, and "total", in one pass."""
    answer = searcher.aggregate(found, {name: _AGGREGATIONS[name] for name in (*names, TOTAL)})
    counts: dict[str, Any] = {name: _SHAPES[name](answer[name]) for name in names}
    return counts | {TOTAL: int(answer[TOTAL]["value"])}


def category_facets(answer: dict[str, Any]) -> tuple[CategoryFacet, ...]:
    facets = []
    for bucket in answer["buckets"]:
        category_id, slug, name = bucket["key"].split("\x1f")
        facets.append(CategoryFacet(category_id, slug, name, bucket["doc_count"]))
    return tuple(facets)


def _brand_facets(answer: dict[str, Any]) -> tuple[BrandFacet, ...]:
    return tuple(BrandFacet(each["key"], each["doc_count"]) for each in answer["buckets"])


def _by_start(answer: dict[str, Any]) -> dict[int, int]:
    return {int(each["from"]): each["doc_count"] for each in answer["buckets"] if "from" in each}


def _price_facets(answer: dict[str, Any]) -> tuple[PriceFacet, ...]:
    counts = _by_start(answer)
    ends = (*_EDGES[1:], None)
    return tuple(
        PriceFacet(start, end, counts[start]) for start, end in zip(_EDGES, ends, strict=True) if counts.get(start)
    )


def _rating_facets(answer: dict[str, Any]) -> tuple[RatingFacet, ...]:
    counts = _by_start(answer)
    return tuple(
        RatingFacet(step, sum(count for start, count in counts.items() if start >= step)) for step in RATING_STEPS
    )


_SHAPES: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "category": category_facets,
    "brand": _brand_facets,
    "price": _price_facets,
    "rating": _rating_facets,
}
