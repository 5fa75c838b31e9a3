"""Pages of text, and what machines ask for: robots, the site map, the manifest."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import Response, get
from markupsafe import escape

from haat.contracts.catalog import CategoryNode
from haat.kit.message import NotFound
from haat.web.storefront.shell import Shop

TOPICS = {
    "shipping": "Delivery",
    "returns": "Returns and refunds",
    "privacy": "Privacy",
    "accessibility": "Accessibility",
    "contact": "Contact",
}


@get("/help/{topic:str}")
async def help_page(topic: str, shop: Shop) -> Response[str]:
    """One of the pages that the footer leads to."""
    if topic not in TOPICS:
        raise NotFound("There is no such page")
    return await shop.page(f"help/{topic}.html", topic=topic, title=TOPICS[topic], topics=TOPICS)


@get("/robots.txt", media_type="text/plain")
async def robots(shop: Shop) -> Response[str]:
    """Lists may be read, narrowed ones and private pages need not."""
    closed = ("/cart", "/checkout", "/orders", "/account", "/sign-in", "/register", "/search", "/v1/", "/suggest")
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed), f"Sitemap: {shop.origin}/sitemap.xml"]
    return Response("\n".join(lines) + "\n", media_type="text/plain")


@get("/sitemap.xml", media_type="application/xml")
async def sitemap(shop: Shop) -> Response[str]:
    """The start page and every category; products are reached from there."""
    addresses = [shop.origin + "/", *(f"{shop.origin}/c/{slug}" for slug in _slugs(await shop.categories()))]
    body = "".join(f"<url><loc>{escape(address)}</loc></url>" for address in addresses)
    text = f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{body}'
    return Response(text + "</urlset>", media_type="application/xml")


def _slugs(nodes: Sequence[CategoryNode]) -> list[str]:
    return [slug for node in nodes for slug in (node.slug, *_slugs(node.children))]


ROUTES = [help_page, robots, sitemap]
