"""What a product looks like in the index and in a list, and what makes it popular."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from haat.contracts.catalog import CategoryNode, Product
from haat.contracts.orders import OrderPlaced
from haat.contracts.recommendations import ClicksRecorded
from haat.contracts.search import Card
from haat.kit.message import encode
from haat.ports.text_search import CategoryRef, ProductDocument

HALF_LIFE_SECONDS = 30 * 86_400.0
# A view is worth one point. A purchase counts by the order, or, in a history brought from elsewhere, by its click.
POINTS = {"view": 1.0, "click": 1.0, "add_to_cart": 4.0, "purchase": 20.0}
# Milliseconds until the year 2109, which leaves two million versions of a product.
_CLOCK_BITS = 42
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

Categories = Mapping[str, CategoryRef]


def document_of(product: Product, categories: Categories, popularity: float, moment: datetime) -> ProductDocument:
    """The product as it is indexed; `categories` by slug give the names of its ancestors."""
    card = Card.of(product)
    return ProductDocument(
        id=product.id,
        version=index_version(product.version, moment),
        slug=product.slug,
        title=product.title,
        price_minor=card.price.amount,
        published_at=product.created_at or _EPOCH,
        card=encode(card),
        description=product.description,
        brand=product.brand,
        categories=tuple(_categories(product, categories)),
        attributes_text=" ".join(_words(product)),
        in_stock=card.in_stock,
        rating_average=product.rating.average,
        rating_count=product.rating.count,
        popularity=popularity,
        skus=tuple(variant.sku for variant in product.variants),
    )


def index_version(version: int, moment: datetime) -> int:
    """The catalogue's version decides; of one version, what was indexed later (its popularity is fresher)."""
    return version << _CLOCK_BITS | int(moment.timestamp() * 1000)


def removal_version(version: int) -> int:
    """Above everything that was indexed of this version."""
    return (version + 1 << _CLOCK_BITS) - 1


def by_slug(nodes: Iterable[CategoryNode]) -> dict[str, CategoryRef]:
    """A tree of categories as the index names them."""
    found: dict[str, CategoryRef] = {}
    for node in nodes:
        found[node.slug] = CategoryRef(node.id, node.slug, node.title)
        found |= by_slug(node.children)
    return found


def _categories(product: Product, categories: Categories) -> Iterator[CategoryRef]:
    for slug in product.category.path[:-1]:
        yield categories.get(slug) or CategoryRef(slug, slug, slug.replace("-", " ").capitalize())
    leaf = product.category
    yield CategoryRef(leaf.id, leaf.slug, leaf.title or leaf.slug.replace("-", " ").capitalize())


def _words(product: Product) -> Iterator[str]:
    if product.product_type:
        yield product.product_type
    for name, value in product.attributes.items():
        # A bare "true" finds nothing: what is true of a product is the attribute's name.
        if value is not False:
            yield name if value is True else f"{name} {value}"
    yield from dict.fromkeys(
        f"{name} {value}" for variant in product.variants for name, value in variant.options.items()
    )


def points_of_clicks(events: Iterable[ClicksRecorded], moment: datetime) -> dict[str, float]:
    """Points by product, faded to `moment`. Within an event each shopper counts once per product and deed."""
    gained: defaultdict[str, float] = defaultdict(float)
    for event in events:
        counted = {
            (click.session_id, click.product_id, click.type): click.at for click in event.clicks if click.product_id
        }
        for (_, product_id, deed), at in counted.items():
            points = POINTS.get(deed, 0.0)
            if points:
                age_seconds = max(0.0, (moment - at).total_seconds())
                gained[product_id] += points * 0.5 ** (age_seconds / HALF_LIFE_SECONDS)
    return dict(gained)


def points_of_orders(events: Iterable[OrderPlaced]) -> dict[str, float]:
    """Points by product: each order counts once, however many units it has."""
    gained: defaultdict[str, float] = defaultdict(float)
    for event in events:
        for product_id in {line.product_id for line in event.lines}:
            gained[product_id] += POINTS["purchase"]
    return dict(gained)
