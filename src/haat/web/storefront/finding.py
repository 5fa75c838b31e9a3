"""What a shopper narrows a list by, as an address: read from it, changed by one step, written back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from haat.contracts.search import Facets, FacetValue, Found, SearchProducts, Sort
from haat.kit.keyword import keyword_of
from haat.web.storefront.forms import whole
from haat.web.storefront.price_words import MAX_RUPEES, price_in_words
from haat.web.words import grouped

SORTS: dict[Sort, str] = {
    "relevance": "Best match",
    "popularity": "Most loved",
    "price_asc": "Price: low to high",
    "price_desc": "Price: high to low",
    "newest": "New arrivals",
    "rating": "Best rated",
}
PAGE_SIZE = 24
BRANDS_SHOWN = 12
MAX_BRANDS = 20


class Narrowed(msgspec.Struct, frozen=True):
    """The state of a list, exactly as its address says; prices in whole rupees, both included with their paise."""

    base: str
    q: str = ""
    category: str | None = None
    brands: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    rating: int | None = None
    in_stock: bool = False
    sort: Sort = "relevance"
    cursor: str | None = None

    def address(self, **changes: Any) -> str:
        """The address with these changes, from the first page on unless they name a cursor."""
        other = msgspec.structs.replace(self, **{"cursor": None, **changes})
        own_category = other.category if other.base == "/search" else None
        fields = {
            "q": other.q,
            "category": own_category,
            "brand": list(other.brands),
            "min": other.low,
            "max": other.high,
            "rating": other.rating,
            "stock": 1 if other.in_stock else None,
            "sort": other.sort if other.sort != "relevance" else None,
            "cursor": other.cursor,
        }
        kept = {name: value for name, value in fields.items() if value not in (None, "", [])}
        return other.base + (f"?{urlencode(kept, doseq=True)}" if kept else "")

    def asked(self) -> SearchProducts:
        """The search behind it; rupees become paise here."""
        return SearchProducts(
            q=self.q,
            category=self.category,
            brand=list(self.brands),
            price_min=None if self.low is None else self.low * 100,
            price_max=None if self.high is None else self.high * 100 + 99,
            rating_min=self.rating,
            in_stock=self.in_stock,
            sort=self.sort,
            cursor=self.cursor,
            limit=PAGE_SIZE,
        )

    @property
    def narrowings(self) -> int:
        """How many filters are on."""
        price = self.low is not None or self.high is not None
        category = self.category is not None and self.base == "/search"
        return len(self.brands) + price + (self.rating is not None) + self.in_stock + category


class Chip(msgspec.Struct, frozen=True):
    """One filter that is on, and the address without it."""

    label: str
    address: str


class Choice(msgspec.Struct, frozen=True):
    """One value of a facet: `address` switches it."""

    label: str
    value: str
    count: int
    on: bool
    address: str


class Panel(msgspec.Struct, frozen=True):
    """The facets of a list, ready to be shown."""

    categories: list[Choice]
    brands: list[Choice]
    prices: list[Choice]
    ratings: list[Choice]


def narrowed(base: str, params: Mapping[str, Any], brands: Sequence[str], category: str | None) -> Narrowed:
    """What an address asks for; values that make no sense are left out rather than refused."""
    low, high = whole(params.get("min"), 0, MAX_RUPEES), whole(params.get("max"), 0, MAX_RUPEES)
    text = " ".join(params.get("q", "").split())[:200]
    if low is None and high is None:
        text, low, high = price_in_words(text)
    if low is not None and high is not None and low > high:
        low, high = high, low
    asked = params.get("sort")
    sort: Sort = next((each for each in SORTS if each == asked), "relevance")
    return Narrowed(
        base=base,
        q=text,
        category=category or params.get("category", "")[:200] or None,
        brands=tuple(dict.fromkeys(each[:120] for each in brands if each))[:MAX_BRANDS],
        low=low,
        high=high,
        rating=whole(params.get("rating"), 1, 5),
        in_stock=params.get("stock") == "1",
        sort=sort,
        cursor=params.get("cursor") or None,
    )


def chips(state: Narrowed, facets: Facets) -> list[Chip]:
    """The filters that are on."""
    found = []
    if state.category and state.base == "/search":
        names = {each.value: each.label for each in facets.category}
        label = names.get(state.category, state.category.replace("-", " ").capitalize())
        found.append(Chip(label, state.address(category=None)))
    for brand in state.brands:
        rest = tuple(each for each in state.brands if each != brand)
        found.append(Chip(brand, state.address(brands=rest)))
    if state.low is not None or state.high is not None:
        found.append(Chip(price_label(state.low, state.high), state.address(low=None, high=None)))
    if state.rating is not None:
        found.append(Chip(f"{state.rating} stars and up", state.address(rating=None)))
    if state.in_stock:
        found.append(Chip("In stock", state.address(in_stock=False)))
    return found


def panel(state: Narrowed, facets: Facets) -> Panel:
    """Facets with the address that each choice leads to."""
    return Panel(
        categories=[_category(state, each) for each in facets.category if each.value != state.category][:12],
        brands=_brands(state, facets.brand),
        prices=[_price(state, each) for each in facets.price],
        ratings=[_rating(state, each) for each in _ratings(state, facets.rating)],
    )


def _category(state: Narrowed, each: FacetValue) -> Choice:
    address = state.address(category=each.value) if state.base == "/search" else f"/c/{each.value}"
    return Choice(each.label, each.value, each.count, False, address)


def _brands(state: Narrowed, values: Sequence[FacetValue]) -> list[Choice]:
    # An address may write a brand otherwise than most of its products do.
    chosen = {keyword_of(brand) for brand in state.brands}
    shown = list(values[:BRANDS_SHOWN]) + [each for each in values[BRANDS_SHOWN:] if keyword_of(each.value) in chosen]
    # A form holds all that is on, or sending it would take off what nothing was found for.
    known = {keyword_of(each.value) for each in shown}
    missing = [brand for brand in state.brands if keyword_of(brand) not in known]
    shown += [FacetValue(value=brand, label=brand, count=0) for brand in missing]
    found = []
    for each in shown:
        on = keyword_of(each.value) in chosen
        others = tuple(brand for brand in state.brands if keyword_of(brand) != keyword_of(each.value))
        brands = others if on else (*others, each.value)
        found.append(Choice(each.label, each.value, each.count, on, state.address(brands=brands)))
    return found


def _price(state: Narrowed, each: FacetValue) -> Choice:
    low, high = band(each.value)
    on = (low or None, high) == (state.low or None, state.high)
    address = state.address(low=None, high=None) if on else state.address(low=low or None, high=high)
    return Choice(price_label(low or None, high), each.value, each.count, on, address)


def _ratings(state: Narrowed, values: Sequence[FacetValue]) -> list[FacetValue]:
    """With the one that is on, though nothing counts it."""
    on = str(state.rating)
    there = state.rating is None or on in [each.value.partition("-")[0] for each in values]
    return [*([] if there else [FacetValue(value=f"{on}-5", label=on, count=0)]), *values]


def _rating(state: Narrowed, each: FacetValue) -> Choice:
    stars = whole(each.value.partition("-")[0], 1, 5) or 1
    on = state.rating == stars
    return Choice(str(stars), each.value, each.count, on, state.address(rating=None if on else stars))


def band(value: str) -> tuple[int | None, int | None]:
    """The rupees of a price facet's `from-to` in paise; an open end is None."""
    low, _, high = value.partition("-")
    low_minor, high_minor = whole(low, 0, MAX_RUPEES * 100), whole(high, 0, MAX_RUPEES * 100)
    return (
        None if low_minor is None else low_minor // 100,
        None if high_minor is None else high_minor // 100,
    )


def price_label(low: int | None, high: int | None) -> str:
    """`₹30,000 – ₹60,000`, `Under ₹500`, `₹1,00,000 and more`."""
    if low is None or low == 0:
        return f"Under ₹{grouped(high or 0)}" if high is not None else "Any price"
    if high is None:
        return f"₹{grouped(low)} and more"
    return f"₹{grouped(low)} – ₹{grouped(high)}"


def more(state: Narrowed, found: Found) -> str | None:
    """The address of the next page, None on the last."""
    return state.address(cursor=found.next_cursor) if found.has_more and found.next_cursor else None
