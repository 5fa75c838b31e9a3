"""Finding products: keywords, filters, facets, suggestions, and the query DSL subset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from haat.contracts.catalog import CategoryRef, Product, Rating
from haat.kit.message import Invalid, Message, Nothing
from haat.kit.money import LIMIT, Money
from haat.kit.rpc import Contract, promise

Sort = Literal["relevance", "popularity", "price_asc", "price_desc", "newest", "rating"]
PriceMinor = Annotated[int, Meta(ge=0, le=LIMIT)]


class SearchProducts(Message, frozen=True):
    """Prices in minor units, inclusive; `category` is a slug or id (descendants included), several brands mean any."""

    q: Annotated[str, Meta(max_length=200)] = ""
    category: Annotated[str, Meta(max_length=200)] | None = None
    brand: Annotated[Sequence[Annotated[str, Meta(max_length=120)]], Meta(max_length=50)] = []
    price_min: PriceMinor | None = None
    price_max: PriceMinor | None = None
    rating_min: Annotated[int, Meta(ge=1, le=5)] | None = None
    in_stock: bool = False
    sort: Sort = "relevance"
    cursor: Annotated[str, Meta(max_length=1_000)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class Card(Message, frozen=True):
    """A product in a list; `price` is its lowest, and `price_varies` when some variant costs more."""

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
    price_varies: bool = False

    @classmethod
    def of(cls, product: Product) -> Card:
        """The product at the price of its cheapest variant; in stock when any variant can be bought."""
        cheapest = min(product.variants, key=lambda variant: variant.price.amount, default=None)
        return cls(
            id=product.id,
            slug=product.slug,
            title=product.title,
            brand=product.brand,
            category=product.category,
            price=cheapest.price if cheapest else product.price,
            image=product.images[0].url if product.images else "",
            rating=product.rating,
            in_stock=any(variant.available > 0 for variant in product.variants),
            compare_at=cheapest.compare_at if cheapest else None,
            price_varies=len({variant.price for variant in product.variants}) > 1,
        )


class FacetValue(Message, frozen=True):
    """One choice of a facet; for prices and ratings `value` is `from-to` and `label` is for people."""

    value: str
    label: str
    count: int


class Facets(Message, frozen=True):
    """Not `exact`: where more than 10,000 products match, some counts are estimates from a sample of them."""

    category: Sequence[FacetValue]
    brand: Sequence[FacetValue]
    price: Sequence[FacetValue]
    rating: Sequence[FacetValue]
    exact: bool = True


class Found(Message, frozen=True):
    """One page of results with facets over all of them. Above 10,000 `total` may be an estimate (not `total_exact`)."""

    data: Sequence[Card]
    total: int
    facets: Facets
    did_you_mean: str | None = None
    next_cursor: str | None = None
    has_more: bool = False
    total_exact: bool = True


class FoundEncoded(Message, frozen=True):
    """A `Found`, ready encoded as JSON: results are kept hot in this form."""

    body: bytes


class SuggestFor(Message, frozen=True):
    q: Annotated[str, Meta(max_length=200)]
    limit: Annotated[int, Meta(ge=1, le=20)] = 8


class Suggestion(Message, frozen=True):
    text: str
    slug: str
    image: str = ""


class Suggestions(Message, frozen=True):
    products: Sequence[Suggestion]
    categories: Sequence[Suggestion]
    queries: Sequence[str]


class DslSearch(Message, frozen=True):
    """A body of the Elasticsearch query DSL subset."""

    body: Any


class DslAnswer(Message, frozen=True):
    """What Elasticsearch would answer, as JSON."""

    body: bytes


class InvalidQuery(Invalid):
    """A clause outside the subset; `errors` name it."""

    code = "invalid_query"


class Rebuilt(Message, frozen=True):
    products: int
    seconds: float


class Waiting(Message, frozen=True):
    """How many changed products the index has still to take."""

    products: int


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
    @promise(safe_to_repeat=True)
    async def waiting(self, ask: Nothing) -> Waiting: ...
    @promise(safe_to_repeat=True, timeout_seconds=3600)
    async def rebuild(self, ask: Nothing) -> Rebuilt: ...
