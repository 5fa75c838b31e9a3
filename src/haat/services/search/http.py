"""`/v1/search`: keywords with facets, suggestions while typing, and the query DSL."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import Body, Parameter

from haat.contracts.search import DslSearch, Found, Search, SearchProducts, Sort, SuggestFor, Suggestions
from haat.kit.money import LIMIT
from haat.kit.problem import problems
from haat.kit.ready import JSON, ready
from haat.ports.text_search import DEEPEST_RESULT
from haat.services.search.dsl import MOST_SIZE

Brand = Annotated[str, msgspec.Meta(max_length=120)]

_OBJECT = Schema(type=OpenAPIType.OBJECT)
_TEXT = Schema(type=OpenAPIType.STRING)
QUERY = Body(
    description="A search of Elasticsearch's.",
    schema_extra={
        "properties": {
            "query": _OBJECT,
            "sort": Schema(
                one_of=[_TEXT, _OBJECT, Schema(type=OpenAPIType.ARRAY, items=Schema(one_of=[_TEXT, _OBJECT]))]
            ),
            "from": Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=DEEPEST_RESULT, default=0),
            "size": Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=MOST_SIZE, default=10),
            "aggs": _OBJECT,
            "aggregations": _OBJECT,
        },
        "additional_properties": False,
        "examples": [{"query": {"match": {"name": "kettle"}}, "size": 3}],
    },
)


class ElasticHits(msgspec.Struct):
    """`hits[]` are `{_index, _id, _score, _source}`."""

    total: dict[str, Any]
    max_score: float | None
    hits: list[dict[str, Any]]


class ElasticAnswer(msgspec.Struct):
    """What Elasticsearch answers."""

    took: int
    timed_out: bool
    hits: ElasticHits
    aggregations: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


def _answers(kind: type, *statuses: int) -> dict[int, ResponseSpec]:
    return {
        200: ResponseSpec(data_container=kind, description="Found", generate_examples=False),
        **problems(*statuses),
    }


@get("/v1/search", tags=["search"], responses=_answers(Found, 422, 503))
async def search_products(
    search: Search,
    q: Annotated[str, Parameter(max_length=200, description="words; empty finds everything")] = "",
    category: Annotated[str | None, Parameter(max_length=200, description="slug or id, descendants included")] = None,
    brand: Annotated[list[Brand] | None, Parameter(max_items=50, description="repeat for any of several")] = None,
    price_min: Annotated[int | None, Parameter(ge=0, le=LIMIT, description="minor units, inclusive")] = None,
    price_max: Annotated[int | None, Parameter(ge=0, le=LIMIT, description="minor units, inclusive")] = None,
    rating_min: Annotated[int | None, Parameter(ge=1, le=5, description="stars")] = None,
    in_stock: Annotated[bool, Parameter(description="only what can be bought now")] = False,
    sort: Annotated[Sort, Parameter(description="price_asc, price_desc: by the lowest price")] = "relevance",
    cursor: Annotated[str | None, Parameter(max_length=1_000, description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Parameter(ge=1, le=100)] = 20,
) -> Response[bytes]:
    """Products that match, best first, with counts by category, brand, price and rating."""
    ask = SearchProducts(
        q=q,
        category=category,
        brand=brand or [],
        price_min=price_min,
        price_max=price_max,
        rating_min=rating_min,
        in_stock=in_stock,
        sort=sort,
        cursor=cursor,
        limit=limit,
    )
    return await ready(search.search_page, ask)


@get("/v1/search/suggest", tags=["search"], responses=problems(422, 503))
async def suggest(
    search: Search,
    q: Annotated[str, Parameter(max_length=200, description="what has been typed so far")] = "",
    limit: Annotated[int, Parameter(ge=1, le=20)] = 8,
) -> Suggestions:
    """Products, categories and queries that complete the last word."""
    return await search.suggest(SuggestFor(q=q, limit=limit))


@post("/v1/search", status_code=200, tags=["search"], responses=_answers(ElasticAnswer, 422, 503))
async def query_products(search: Search, data: Annotated[dict[str, Any], QUERY]) -> Response[bytes]:
    """A subset of the Elasticsearch query DSL: match, multi_match, term, terms, range, exists, bool; `price` in major
    units. Anything else is 422 naming the clause."""
    return Response((await search.query(DslSearch(body=data))).body, media_type=JSON)


ROUTES = [search_products, suggest, query_products]
