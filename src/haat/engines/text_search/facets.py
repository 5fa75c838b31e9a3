"""Filters and the counts beside them."""

from itertools import pairwise
from typing import Any, Final

import tantivy

from haat.engines.text_search.analysis import keyword_of
from haat.engines.text_search.planning import MUST, Query
from haat.ports.text_search import (
    PRICE_EDGES_MINOR,
    RATING_STEPS,
    BrandFacet,
    CategoryFacet,
    Facets,
    PriceFacet,
    RatingFacet,
    SearchQuery,
)

_MOST_VALUES: Final = 200
_EDGES: Final = (0, *PRICE_EDGES_MINOR)

AGGREGATIONS: Final[dict[str, dict[str, Any]]] = {
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
        filters["price"] = Query.range_query(
            schema, "price", tantivy.FieldType.Integer, ask.price_min_minor, ask.price_max_minor
        )
    if ask.rating_min is not None:
        filters["rating"] = Query.range_query(schema, "rating", tantivy.FieldType.Float, float(ask.rating_min), None)
    if ask.in_stock is not None:
        filters["in_stock"] = Query.term_query(schema, "in_stock", "true" if ask.in_stock else "false")
    return filters


def narrowed(match: Query, filters: dict[str, Query], leaving_out: str | None = None) -> Query:
    kept = [Query.const_score_query(query, 0.0) for name, query in filters.items() if name != leaving_out]
    return Query.boolean_query([(MUST, match), *((MUST, query) for query in kept)]) if kept else match


def count_facets(searcher: tantivy.Searcher, match: Query, filters: dict[str, Query]) -> Facets:
    """One pass for all facets without a selection of their own, one more for each with one."""
    free = {name: request for name, request in AGGREGATIONS.items() if name not in filters}
    answer = searcher.aggregate(narrowed(match, filters), free) if free else {}
    for name in AGGREGATIONS.keys() & filters.keys():
        answer |= searcher.aggregate(narrowed(match, filters, name), {name: AGGREGATIONS[name]})
    return Facets(
        category=category_facets(answer["category"]),
        brand=tuple(BrandFacet(each["key"], each["doc_count"]) for each in answer["brand"]["buckets"]),
        price=_price_facets(answer["price"]),
        rating=_rating_facets(answer["rating"]),
    )


def category_facets(answer: dict[str, Any]) -> tuple[CategoryFacet, ...]:
    facets = []
    for bucket in answer["buckets"]:
        category_id, slug, name = bucket["key"].split("\x1f")
        facets.append(CategoryFacet(category_id, slug, name, bucket["doc_count"]))
    return tuple(facets)


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
