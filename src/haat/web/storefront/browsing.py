"""Home, categories, search and suggestions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from litestar import Response, get

from haat.contracts.catalog import Catalog, CategoryNode, Product, Products
from haat.contracts.recommendations import ModelInfo, Recommend, Recommendations, Recommended, Recommender
from haat.contracts.search import Card, Facets, Found, Search, SearchProducts, SuggestFor, Suggestions
from haat.kit.cursor import InvalidCursor
from haat.kit.message import DomainError, NotFound, Nothing, Page
from haat.web.storefront import finding
from haat.web.storefront.shell import Shop, gently

FEWEST_FOR_YOU = 4
NO_ADVICE = Recommendations(data=[], model=ModelInfo(name="none", trained_at=None))
NOTHING_FOUND = Found(data=[], total=0, facets=Facets(category=[], brand=[], price=[], rating=[]))


@get("/")
async def home(shop: Shop, catalog: Catalog, recommendations: Recommender) -> Response[str]:
    """The start page."""
    seen = shop.seen()[:6]
    for_you, trending, looked_at = await asyncio.gather(
        advice(shop, recommendations, "for_you", limit=10),
        advice(shop, recommendations, "trending", limit=10),
        gently(catalog.products(Products(ids=seen)), Page[Product](data=[])) if seen else _none(),
    )
    by_id = {product.id: product for product in looked_at.data}
    recent = [Card.of(by_id[each]) for each in seen if each in by_id]
    # To a stranger the recommender tells what everybody likes: once is enough.
    for_you = beside(for_you, trending, FEWEST_FOR_YOU)
    return await shop.page("home.html", for_you=for_you, trending=trending, recent=recent)


@get("/c/{slug:str}")
async def category(slug: str, shop: Shop, catalog: Catalog, search: Search) -> Response[str]:
    """The products of a category, descendants included."""
    node, trail = find_category(await shop.categories(), slug)
    if node is None:
        # The menu may be a minute old, or empty because the catalogue was away.
        node, trail = find_category((await catalog.categories(Nothing())).data, slug)
    if node is None:
        raise NotFound("There is no such part of the market")
    state = finding.narrowed(f"/c/{slug}", *_asked(shop), slug)
    return await _listed(shop, search, state, node=node, trail=trail)


@get("/search")
async def results(shop: Shop, search: Search, recommendations: Recommender) -> Response[Any]:
    """What a search finds."""
    state = finding.narrowed("/search", *_asked(shop), None)
    if state.q and not state.cursor:
        shop.record(recommendations, "search", query=state.q)
    return await _listed(shop, search, state, node=None, trail=[])


@get("/suggest")
async def suggest(shop: Shop, search: Search, q: str = "") -> Response[str]:
    """Suggestions below the search box, a listbox for htmx."""
    text = " ".join(q.split())[:100]
    nothing = Suggestions(products=[], categories=[], queries=[])
    found = await gently(search.suggest(SuggestFor(q=text, limit=6)), nothing) if len(text) >= 2 else nothing
    answer = shop.part("parts/suggestions.html", found=found, q=text)
    answer.headers["Cache-Control"] = "private, max-age=30"
    return answer


async def _listed(
    shop: Shop, search: Search, state: finding.Narrowed, *, node: CategoryNode | None, trail: list[CategoryNode]
) -> Response[Any]:
    broken = False
    try:
        found = await search.search(state.asked())
    except InvalidCursor:
        # An old link to the middle of a list: begin again rather than refuse.
        return shop.lead(state.address()) if shop.hypermedia else shop.go(state.address())
    except DomainError:
        found, broken = NOTHING_FOUND, True
    others: Sequence[Card] = ()
    if not found.total and not broken:
        others = (await gently(search.search(SearchProducts(sort="popularity", limit=8)), NOTHING_FOUND)).data
    facts: dict[str, Any] = {
        "state": state,
        "found": found,
        "chips": finding.chips(state, found.facets),
        "panel": finding.panel(state, found.facets),
        "next_page": finding.more(state, found),
        "sorts": finding.SORTS,
        "others": others,
    }
    status = 503 if broken else 200
    if shop.hypermedia and state.cursor:
        # Of a list that does not come the button stays: it has not come to its end.
        return shop.part("parts/more_cards.html", status=status, **facts)
    return await shop.page("list.html", status=status, node=node, trail=trail, broken=broken, **facts)


def _asked(shop: Shop) -> tuple[dict[str, str], list[str]]:
    params = shop.request.query_params
    return dict(params), params.getall("brand", [])


async def advice(
    shop: Shop, recommendations: Recommender, kind: Any, product_id: str | None = None, limit: int = 8
) -> Sequence[Recommended]:
    """Recommended products of a kind; none when the recommender does not answer."""
    ask = Recommend(kind=kind, product_id=product_id, user_id=shop.caller.user_id, session_id=shop.session, limit=limit)
    found: Recommendations = await gently(recommendations.recommend(ask), NO_ADVICE)
    return found.data


def beside(found: Sequence[Recommended], shown: Sequence[Recommended], fewest: int) -> list[Recommended]:
    """What is not on the page already; nothing at all when that leaves fewer than `fewest`."""
    known = {each.product.id for each in shown}
    rest = [each for each in found if each.product.id not in known]
    return rest if len(rest) >= fewest else []


def find_category(
    tree: Sequence[CategoryNode], slug: str, above: Sequence[CategoryNode] = ()
) -> tuple[CategoryNode | None, list[CategoryNode]]:
    """A node by its slug, and the nodes above it from the root."""
    for node in tree:
        if node.slug == slug:
            return node, list(above)
        found, trail = find_category(node.children, slug, (*above, node))
        if found is not None:
            return found, trail
    return None, []


async def _none() -> Page[Product]:
    return Page(data=[])


ROUTES = [home, category, results, suggest]
