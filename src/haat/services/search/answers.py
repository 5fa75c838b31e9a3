"""What the engine found, as the JSON of the API: cards are stored ready and only put together here."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from haat.contracts.search import Card, Facets, FacetValue, Suggestion, Suggestions
from haat.kit.money import Money, format_money
from haat.ports.text_search import Facets as EngineFacets
from haat.ports.text_search import PriceFacet, SearchAnswer, SuggestAnswer


class _Page(msgspec.Struct):
    """`Found` with its cards not decoded."""

    data: list[msgspec.Raw]
    total: int
    total_exact: bool
    facets: Facets
    did_you_mean: str | None
    next_cursor: str | None
    has_more: bool


NO_FACETS = Facets(category=[], brand=[], price=[], rating=[])
_card = msgspec.json.Decoder(Card)


def page_of(answer: SearchAnswer, currency: str) -> bytes:
    """The JSON of a `Found`."""
    return msgspec.json.encode(
        _Page(
            data=[msgspec.Raw(hit.card) for hit in answer.hits],
            total=answer.total,
            total_exact=answer.total_exact,
            facets=facets_of(answer.facets, currency) if answer.facets else NO_FACETS,
            did_you_mean=answer.did_you_mean,
            next_cursor=answer.next_cursor,
            has_more=answer.next_cursor is not None,
        )
    )


def facets_of(facets: EngineFacets, currency: str) -> Facets:
    """Values can be put into the query as they are; those of prices and ratings are `from-to`, both inclusive."""
    return Facets(
        category=[FacetValue(value=each.slug, label=each.name, count=each.count) for each in facets.category],
        brand=[FacetValue(value=each.value, label=each.value, count=each.count) for each in facets.brand],
        price=[_price(each, currency) for each in facets.price],
        rating=[
            FacetValue(value=f"{each.at_least}-5", label=f"{each.at_least} stars and up", count=each.count)
            for each in facets.rating
        ],
        exact=facets.exact,
    )


def _price(facet: PriceFacet, currency: str) -> FacetValue:
    low, high = facet.from_minor, facet.to_minor
    if high is None:
        label = f"{_money(low, currency)} and above"
    elif low == 0:
        label = f"Under {_money(high, currency)}"
    else:
        label = f"{_money(low, currency)} to {_money(high, currency)}"
    return FacetValue(value=f"{low}-{'' if high is None else high - 1}", label=label, count=facet.count)


# Formatting costs as much as the search itself, and there are ten edges.
@lru_cache(maxsize=64)
def _money(amount_minor: int, currency: str) -> str:
    return format_money(Money(amount_minor, currency))


def suggestions_of(answer: SuggestAnswer) -> Suggestions:
    """What completes the words being typed."""
    cards = [_card.decode(hit.card) for hit in answer.products]
    return Suggestions(
        products=[Suggestion(text=card.title, slug=card.slug, image=card.image) for card in cards],
        categories=[Suggestion(text=each.name, slug=each.slug) for each in answer.categories],
        queries=list(answer.queries),
    )
