"""Finding products: keywords, filters, facets, suggestions, and the query DSL subset."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from haat.contracts.catalog import CategoryRef, Rating
from haat.kit.message import Invalid, Message, Nothing
from haat.kit.money import Money
from haat.kit.rpc import Contract, promise


class SearchProducts(Message, frozen=True):
    """Prices in minor units; `sort` is relevance, popularity, price_asc, price_desc, newest or rating."""

    q: Annotated[str, Meta(max_length=200)] = ""
    category: str | None = None
    brand: list[str] = []
    price_min: int | None = None
    price_max: int | None = None
    rating_min: int | None = None
    in_stock: bool = False
    sort: str = "relevance"
    cursor: str | None = None
    limit: int = 20


class Card(Message, frozen=True):
    """A product in a list; `price` is its lowest."""

    id: str
    slug: str
    title: str
    brand: str
    category: CategoryRef
    price: Money
    image: str
    rating: Rating
    in_stock: bool
    compare_at: Money | None = None


class FacetValue(Message, frozen=True):
    """One choice of a facet; for prices and ratings `value` is `from-to` and `label` is for people."""

    value: str
    label: str
    count: int


class Facets(Message, frozen=True):
    category: list[FacetValue]
    brand: list[FacetValue]
    price: list[FacetValue]
    rating: list[FacetValue]


class Found(Message, frozen=True):
    """One page of results with facets over all of them."""

    data: list[Card]
    total: int
    facets: Facets
    did_you_mean: str | None = None
    next_cursor: str | None = None
    has_more: bool = False


class FoundEncoded(Message, frozen=True):
    """A `Found`, ready encoded as JSON: results are kept hot in this form."""

    body: bytes


class SuggestFor(Message, frozen=True):
    q: Annotated[str, Meta(max_length=200)]
    limit: int = 8


class Suggestion(Message, frozen=True):
    text: str
    slug: str
    image: str = ""


class Suggestions(Message, frozen=True):
    products: list[Suggestion]
    categories: list[Suggestion]
    queries: list[str]


class DslSearch(Message, frozen=True):
    """A body of the Elasticsearch query DSL subset."""

    body: Any


class DslAnswer(Message, frozen=True):
    """What Elasticsearch would answer."""

    answer: dict[str, Any]


class InvalidQuery(Invalid):
    """A clause outside the subset; `errors` name it."""

    code = "invalid_query"


class Rebuilt(Message, frozen=True):
    products: int
    seconds: float


class Search(Contract):
    """Search over the published catalogue, at most a second or so behind it."""

    @promise(safe_to_repeat=True, timeout_seconds=3)
    async def search(self, ask: SearchProducts) -> Found: ...
    @promise(safe_to_repeat=True, timeout_seconds=3)
    async def search_page(self, ask: SearchProducts) -> FoundEncoded: ...
    @promise(safe_to_repeat=True, timeout_seconds=3)
    async def suggest(self, ask: SuggestFor) -> Suggestions: ...
    @promise(safe_to_repeat=True, timeout_seconds=3)
    async def query(self, ask: DslSearch) -> DslAnswer: ...
    @promise(safe_to_repeat=True, timeout_seconds=3600)
    async def rebuild(self, ask: Nothing) -> Rebuilt: ...
