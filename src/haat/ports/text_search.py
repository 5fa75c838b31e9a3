"""The text search engine as the search service sees it: documents in, answers out, whatever stands behind."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final, Literal, Protocol

from msgspec import Struct

# Shown as facet buckets; upper edges in minor units, the last bucket is open.
PRICE_EDGES_MINOR: Final = (
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_000_000,
    3_000_000,
    6_000_000,
    10_000_000,
)
RATING_STEPS: Final = (4, 3, 2, 1)
# Elasticsearch's own default for index.max_result_window.
DEEPEST_RESULT: Final = 10_000

Sort = Literal["relevance", "popularity", "price_asc", "price_desc", "newest", "rating"]


class IndexNotReady(Exception):
    """No index that this version can read: the writer must rebuild it from the catalogue."""


class WriterBusy(Exception):
    """Another process holds the only writer of this index."""


class BadCursor(ValueError):
    """The cursor was not made by this search, or belongs to other filters."""


class CategoryRef(Struct, frozen=True):
    id: str
    slug: str
    name: str


class ProductDocument(Struct, frozen=True):
    """One product as it is searched. `categories` runs from root to leaf; `card` is the ready JSON of the answer.

    `version` grows with every change of the product; `price_minor` is the cheapest variant; `popularity` >= 0;
    `rating_average` 0 to 5.
    """

    id: str
    version: int
    slug: str
    title: str
    price_minor: int
    published_at: datetime
    card: bytes
    description: str = ""
    brand: str = ""
    categories: tuple[CategoryRef, ...] = ()
    attributes_text: str = ""
    in_stock: bool = True
    rating_average: float = 0.0
    rating_count: int = 0
    popularity: float = 0.0
    skus: tuple[str, ...] = ()


class Removal(Struct, frozen=True):
    """The product is gone; `version` keeps a late, older document from bringing it back."""

    id: str
    version: int


class Applied(Struct, frozen=True):
    accepted: int
    stale: int


class SearchQuery(Struct, frozen=True):
    """One keyword search. Several categories (ids or slugs) or brands mean any of them; prices are inclusive.

    Give `cursor` (from the last answer) or `offset`, not both. When fewer than `relax_below` products contain
    every word, products that contain most of the words follow them.
    """

    text: str = ""
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    price_min_minor: int | None = None
    price_max_minor: int | None = None
    rating_min: float | None = None
    in_stock: bool | None = None
    sort: Sort = "relevance"
    limit: int = 20
    offset: int = 0
    cursor: str | None = None
    facets: bool = True
    relax_below: int = 20


class SearchHit(Struct, frozen=True):
    id: str
    score: float
    card: bytes


class CategoryFacet(Struct, frozen=True):
    id: str
    slug: str
    name: str
    count: int


class BrandFacet(Struct, frozen=True):
    value: str
    count: int


class PriceFacet(Struct, frozen=True):
    """Prices in [from_minor, to_minor); an open end is None."""

    from_minor: int
    to_minor: int | None
    count: int


class RatingFacet(Struct, frozen=True):
    at_least: int
    count: int


class Facets(Struct, frozen=True):
    """Counts of what a click would show: each list ignores its own selection and obeys all others.

    Not `exact`: some are estimates from a sample, because more than 10,000 products match.
    """

    category: tuple[CategoryFacet, ...] = ()
    brand: tuple[BrandFacet, ...] = ()
    price: tuple[PriceFacet, ...] = ()
    rating: tuple[RatingFacet, ...] = ()
    exact: bool = True


class SearchAnswer(Struct, frozen=True):
    """`total` is an estimate above 10,000 unless it is `total_exact`."""

    hits: tuple[SearchHit, ...]
    total: int
    facets: Facets | None = None
    did_you_mean: str | None = None
    next_cursor: str | None = None
    total_exact: bool = True


class SuggestQuery(Struct, frozen=True):
    text: str
    limit: int = 5


class SuggestAnswer(Struct, frozen=True):
    products: tuple[SearchHit, ...] = ()
    categories: tuple[CategoryFacet, ...] = ()
    queries: tuple[str, ...] = ()


# The query DSL: what its fields are, and the tree that a body is parsed into.

FieldKind = Literal["text", "keyword", "number", "price", "boolean", "date"]

# `price` is in major units here, as the design's example has it; `name` is the product's title.
DSL_FIELDS: Final[dict[str, FieldKind]] = {
    "id": "keyword",
    "slug": "keyword",
    "sku": "keyword",
    "name": "text",
    "title": "text",
    "description": "text",
    "attributes": "text",
    "brand": "keyword",
    "category": "keyword",
    "price": "price",
    "rating": "number",
    "rating_count": "number",
    "popularity": "number",
    "in_stock": "boolean",
    "published_at": "date",
}

Value = str | int | float | bool


class Match(Struct, frozen=True, tag=True):
    """`fields` with their boosts; the best field counts. `operator` joins the words of `text`."""

    fields: tuple[tuple[str, float], ...]
    text: str
    operator: Literal["or", "and"] = "or"
    boost: float = 1.0


class Term(Struct, frozen=True, tag=True):
    field: str
    value: Value
    boost: float = 1.0


class Terms(Struct, frozen=True, tag=True):
    field: str
    values: tuple[Value, ...]
    boost: float = 1.0


class Range(Struct, frozen=True, tag=True):
    field: str
    gte: Value | None = None
    gt: Value | None = None
    lte: Value | None = None
    lt: Value | None = None
    boost: float = 1.0


class Exists(Struct, frozen=True, tag=True):
    field: str
    boost: float = 1.0


class Bool(Struct, frozen=True, tag=True):
    must: tuple["Clause", ...] = ()
    should: tuple["Clause", ...] = ()
    must_not: tuple["Clause", ...] = ()
    filter: tuple["Clause", ...] = ()
    minimum_should_match: int | None = None
    boost: float = 1.0


Clause = Match | Term | Terms | Range | Exists | Bool


class SortKey(Struct, frozen=True):
    field: str
    descending: bool


class TermsAggregation(Struct, frozen=True, tag=True):
    name: str
    field: str
    size: int = 10


class RangeBucket(Struct, frozen=True):
    key: str
    start: float | None
    end: float | None


class RangeAggregation(Struct, frozen=True, tag=True):
    name: str
    field: str
    ranges: tuple[RangeBucket, ...]


class DslQuery(Struct, frozen=True):
    query: Clause | None = None
    sort: tuple[SortKey, ...] = ()
    offset: int = 0
    size: int = 10
    aggregations: tuple[TermsAggregation | RangeAggregation, ...] = ()


class DslHit(Struct, frozen=True):
    """`score` is None and `sort` filled when the query sorts by something else; `source` is JSON."""

    id: str
    score: float | None
    source: bytes
    sort: tuple[Value | None, ...] = ()


class Bucket(Struct, frozen=True):
    key: Value
    count: int
    start: float | None = None
    end: float | None = None


class AggregationAnswer(Struct, frozen=True):
    name: str
    kind: Literal["terms", "range"]
    buckets: tuple[Bucket, ...]
    other_count: int = 0


class DslAnswer(Struct, frozen=True):
    total: int
    max_score: float | None
    hits: tuple[DslHit, ...]
    aggregations: tuple[AggregationAnswer, ...] = ()


class IndexState(Struct, frozen=True):
    """`needs_rebuild`: nothing readable is there, or what is there never held the whole catalogue."""

    needs_rebuild: bool
    documents: int
    generation: str | None


class TextSearch(Protocol):
    """The reading side: any number of processes. Every call may raise IndexNotReady."""

    async def search(self, ask: SearchQuery) -> SearchAnswer:
        """Answers with at most `limit` hits; BadCursor when the cursor is foreign or the place too deep."""
        ...

    async def suggest(self, ask: SuggestQuery) -> SuggestAnswer:
        """Completes the last word of `text`."""
        ...

    async def query(self, ask: DslQuery) -> DslAnswer:
        """Runs a parsed query of the DSL."""
        ...

    async def revision(self) -> str:
        """Names the committed state that answers come from; another after every commit. Cheap: asked per request."""
        ...

    async def state(self) -> IndexState:
        """Never raises IndexNotReady: it is how to ask."""
        ...


class TextIndexWriter(Protocol):
    """The writing side: one process."""

    async def apply(self, changes: Sequence[ProductDocument | Removal]) -> Applied:
        """Readers see the changes when this returns. Not newer than what is indexed: counted stale, ignored."""
        ...

    async def rebuild(self, batches: AsyncIterator[Sequence[ProductDocument]]) -> int:
        """Builds a new index beside the old one, switches at the end, answers the number of documents.

        Changes applied meanwhile reach both. When `batches` raises, the old index stays.
        """
        ...

    async def state(self) -> IndexState: ...

    async def close(self) -> None: ...
