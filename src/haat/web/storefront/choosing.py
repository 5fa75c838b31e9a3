"""A product's variants as a shopper chooses among them: one group of choices an option, one variant at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from haat.contracts.catalog import CategoryNode, Product, Review, Variant


class OptionValue(msgspec.Struct, frozen=True):
    """`available` with the other choices as they are."""

    value: str
    chosen: bool
    available: bool


class OptionGroup(msgspec.Struct, frozen=True):
    name: str
    field: str
    values: list[OptionValue]


def chosen_variant(product: Product, asked: Mapping[str, str]) -> Variant:
    """The variant that fits the choices best: exactly, else as many of them as possible, and one that can be bought."""
    wanted = {name.removeprefix("o."): value for name, value in asked.items() if name.startswith("o.")}

    def fit(variant: Variant) -> tuple[int, bool]:
        return sum(variant.options.get(name) == value for name, value in wanted.items()), variant.available > 0

    return max(product.variants, key=fit)


def option_groups(product: Product, chosen: Variant) -> list[OptionGroup]:
    """Every option with its values in the order of the variants."""
    names = list(dict.fromkeys(name for variant in product.variants for name in variant.options))
    groups = []
    for name in names:
        values = list(dict.fromkeys(variant.options[name] for variant in product.variants if name in variant.options))
        shown = [_value(product, chosen, name, value) for value in values]
        groups.append(OptionGroup(name, f"o.{name}", shown))
    return groups


def _value(product: Product, chosen: Variant, name: str, value: str) -> OptionValue:
    wanted = {**chosen.options, name: value}
    fits = [variant for variant in product.variants if variant.options == wanted and variant.available > 0]
    return OptionValue(value, chosen.options.get(name) == value, bool(fits))


def saved_percent(variant: Variant) -> int:
    """By how much the price is below the one it is compared with, in whole percent."""
    if variant.compare_at is None or variant.compare_at.amount <= variant.price.amount:
        return 0
    return (variant.compare_at.amount - variant.price.amount) * 100 // variant.compare_at.amount


def product_data(product: Product, trail: Sequence[CategoryNode], reviews: Sequence[Review], origin: str) -> list[Any]:
    """What search engines and agents read: Product with its offers, and the way to it."""
    address = f"{origin}/p/{product.slug}"
    described: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "@id": address,
        "name": product.title,
        "description": product.description[:5000],
        "brand": {"@type": "Brand", "name": product.brand},
        "category": " > ".join(node.title for node in trail),
        "image": [absolute(image.url, origin) for image in product.images],
        "sku": product.variants[0].sku,
        "offers": [_offer(variant, address) for variant in product.variants],
    }
    if product.rating.count:
        described["aggregateRating"] = {
            "@type": "AggregateRating",
            "ratingValue": f"{product.rating.average:.2f}",
            "reviewCount": product.rating.count,
        }
    if reviews:
        described["review"] = [_review(review) for review in reviews[:3]]
    steps = [("Home", origin + "/"), *((node.title, f"{origin}/c/{node.slug}") for node in trail)]
    way = {
        "@context": "https://schema.org",
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": i + 1, "name": name, "item": item} for i, (name, item) in enumerate(steps)
        ],
    }
    return [described, way]


def _offer(variant: Variant, address: str) -> dict[str, Any]:
    return {
        "@type": "Offer",
        "url": address,
        "sku": variant.sku,
        "price": major(variant.price.amount),
        "priceCurrency": variant.price.currency,
        "itemCondition": "https://schema.org/NewCondition",
        "availability": f"https://schema.org/{'InStock' if variant.available else 'OutOfStock'}",
    }


def _review(review: Review) -> dict[str, Any]:
    return {
        "@type": "Review",
        "author": {"@type": "Person", "name": review.author},
        "datePublished": review.created_at.date().isoformat(),
        "name": review.title,
        "reviewBody": review.body,
        "reviewRating": {"@type": "Rating", "ratingValue": review.rating, "bestRating": 5},
    }


def major(amount_minor: int) -> str:
    """Rupees with two decimals and no grouping, as machines read them."""
    return f"{amount_minor // 100}.{amount_minor % 100:02}"


def absolute(address: str, origin: str) -> str:
    return address if address.startswith(("http://", "https://")) else origin + address
