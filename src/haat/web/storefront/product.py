"""The product page and its reviews."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Response, get, post

from haat.contracts.catalog import Catalog, Product, ProductRef, Review, ReviewsOf, WriteReview
from haat.contracts.identity import Identity, OfUser
from haat.contracts.recommendations import Recommender
from haat.kit.message import Page
from haat.web.storefront.browsing import advice, beside, find_category
from haat.web.storefront.choosing import (
    absolute,
    choices_to_show,
    chosen_variant,
    major,
    option_groups,
    product_data,
    saved_percent,
    wanted_options,
    what_exists,
)
from haat.web.storefront.forms import Typed, typed, whole
from haat.web.storefront.shell import Shop, gently

REVIEWS_SHOWN = 6
FEWEST_TOGETHER = 2
MOST_AT_ONCE = 10


@get("/p/{slug:str}")
async def product_page(slug: str, shop: Shop, catalog: Catalog, recommendations: Recommender) -> Response[Any]:
    """One product; `?o.Colour=Red` chooses among its variants."""
    if shop.hypermedia:
        return shop.part("parts/buy.html", **buying(await catalog.product(ProductRef(ref=slug)), _asked(shop)))
    return await page_of(shop, catalog, recommendations, slug)


@get("/p/{slug:str}/reviews")
async def all_reviews(slug: str, shop: Shop, catalog: Catalog, cursor: str | None = None) -> Response[str]:
    """Every review, twenty a page."""
    product, reviews = await asyncio.gather(
        catalog.product(ProductRef(ref=slug)), catalog.reviews(ReviewsOf(product_id=slug, cursor=cursor))
    )
    return await shop.page("reviews.html", product=product, reviews=reviews)


@post("/p/{slug:str}/reviews")
async def write_review(
    slug: str, shop: Shop, catalog: Catalog, identity: Identity, recommendations: Recommender
) -> Response[Any]:
    """Publish what a signed-in shopper says; a second review replaces the first."""
    if shop.caller.user_id is None:
        return shop.go(f"/sign-in?next=/p/{slug}")
    fields = await typed(shop.request)
    faults = _review_faults(fields)
    if faults:
        return await page_of(shop, catalog, recommendations, slug, faults=faults, fields=fields, status=422)
    product, user = await asyncio.gather(
        catalog.product(ProductRef(ref=slug)), identity.user(OfUser(user_id=shop.caller.user_id))
    )
    stars = int(fields["rating"])
    await catalog.write_review(
        WriteReview(
            product_id=product.id,
            user_id=user.id,
            author=user.name,
            rating=stars,
            title=fields.get("title", ""),
            body=fields.get("body", ""),
        )
    )
    shop.record(recommendations, "rate", product.id, stars=stars)
    return shop.go(f"/p/{product.slug}?said=review#reviews")


def _review_faults(fields: Typed) -> dict[str, str]:
    faults = {}
    if whole(fields.get("rating"), 1, 5) is None:
        faults["rating"] = "Choose one to five stars"
    if len(fields.get("title", "")) > 200:
        faults["title"] = "At most 200 characters"
    return faults


async def page_of(
    shop: Shop,
    catalog: Catalog,
    recommendations: Recommender,
    slug: str,
    *,
    faults: dict[str, str] | None = None,
    fields: Typed | None = None,
    refusal: Typed | None = None,
    problem: str = "",
    status: int = 200,
) -> Response[Any]:
    """The whole page; after a `refusal` with what was chosen in it, and the `problem` beside the button."""
    product = await catalog.product(ProductRef(ref=slug))
    if product.slug != slug and shop.request.method == "GET":
        # An old slug or an id: one address a product.
        chosen = shop.request.scope["query_string"].decode("latin-1")
        moved = shop.go(f"/p/{product.slug}" + (f"?{chosen}" if chosen else ""))
        moved.status_code = 301
        return moved
    reviews, similar, together, tree = await asyncio.gather(
        gently(catalog.reviews(ReviewsOf(product_id=product.id, limit=REVIEWS_SHOWN)), Page[Review](data=[])),
        advice(shop, recommendations, "similar", product.id, 8),
        advice(shop, recommendations, "bought_together", product.id, 4),
        shop.categories(),
    )
    if shop.request.method == "GET":
        shop.record(recommendations, "view", product.id)
        shop.remember(product.id)
    node, above = find_category(tree, product.category.slug)
    trail = [*above, node] if node else []
    return await shop.page(
        "product.html",
        status=status,
        trail=trail,
        reviews=reviews,
        similar=similar,
        # Without sales the recommender answers with similar things, which the page shows anyway.
        together=beside(together, similar, FEWEST_TOGETHER),
        linked=product_data(product, trail, reviews.data, shop.origin),
        picture_address=absolute(product.images[0].url, shop.origin) if product.images else "",
        price_major=major(product.price.amount),
        faults=faults or {},
        fields=fields or {},
        **buying(product, _asked(shop) if refusal is None else refusal, problem),
    )


def buying(product: Product, asked: Typed, problem: str = "") -> dict[str, Any]:
    """What the part with the button shows, and why nothing was added."""
    choices = choices_to_show(product, asked)
    variant, wanted = chosen_variant(product, choices), wanted_options(choices)
    # What no variant has stays chosen, without a price that would be another one's.
    exists = wanted.items() <= variant.options.items()
    return {
        "product": product,
        "variant": variant,
        "exists": exists,
        "groups": option_groups(product, variant.options if exists else wanted),
        "saved": saved_percent(variant),
        "quantity": whole(asked.get("quantity"), 1, MOST_AT_ONCE) or 1,
        "most": min(MOST_AT_ONCE, variant.available) if exists else MOST_AT_ONCE,
        "problem": problem or ("" if exists else what_exists(product, choices)),
    }


def _asked(shop: Shop) -> Typed:
    return dict(shop.request.query_params)


ROUTES = [product_page, all_reviews, write_review]
