"""A product's variants as a shopper chooses among them: one group of choices an option, one variant at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from haat.contracts.catalog import CategoryNode, Product, Review, Variant
from haat.web.words import SHOP_ZONE


class OptionValue(msgspec.Struct, frozen=True):
    """`available` with the other choices as they are."""

    value: str
    chosen: bool
    available: bool


class OptionGroup(msgspec.Struct, frozen=True):
    name: str
    field: str
    values: list[OptionValue]


def wanted_options(asked: Mapping[str, str]) -> dict[str, str]:
    """The choices among the fields of a form or an address: `o.Colour=Red`."""
    return {name.removeprefix("o."): value for name, value in asked.items() if name.startswith("o.")}


def chosen_variant(product: Product, asked: Mapping[str, str]) -> Variant:
    """The variant to show: what fits the choices exactly, else most of them, and one that can be bought."""
    wanted = wanted_options(asked)

    def fit(variant: Variant) -> tuple[int, bool]:
        return sum(variant.options.get(name) == value for name, value in wanted.items()), variant.available > 0

    return max(product.variants, key=fit)


def variant_to_buy(product: Product, asked: Mapping[str, str]) -> Variant | None:
    """The variant that is meant: exactly these options, or the only one that has them; None when it is not clear."""
    wanted = wanted_options(asked)
    # Variants without a difference are one to the shopper: whichever can be bought.
    exact = sorted((each for each in product.variants if each.options == wanted), key=lambda each: -each.available)
    fits = exact[:1] or [variant for variant in product.variants if wanted.items() <= variant.options.items()]
    return fits[0] if len(fits) == 1 else None


def what_exists(product: Product, asked: Mapping[str, str]) -> str:
    """Why these choices are no variant: the first that does not go with those before it, or that is missing."""
    wanted, fits, kept = wanted_options(asked), product.variants, list[str]()
    for name, value in wanted.items():
        narrowed = [variant for variant in fits if variant.options.get(name) == value]
        if not narrowed:
            there, what = _either(_values(fits, name), "and"), ", ".join(kept) or "It"
            return f"{what} comes in {there} only." if there else f"{what} comes without {name}."
        fits, kept = narrowed, [*kept, value]
    missing = next((name for variant in fits for name in variant.options if name not in wanted), "")
    return f"Please choose {missing}: {_either(_values(fits, missing), 'or')}." if missing else ""


def choices_to_show(product: Product, asked: Mapping[str, str]) -> dict[str, str]:
    """The choices as fields, without those of options that what else was chosen does not have: they hide what it is."""
    fits, kept = product.variants, dict[str, str]()
    for name, value in wanted_options(asked).items():
        if any(name in variant.options for variant in fits):
            kept[f"o.{name}"] = value
            fits = [variant for variant in fits if variant.options.get(name) == value] or fits
    return kept


def _values(variants: Sequence[Variant], name: str) -> list[str]:
    return list(dict.fromkeys(variant.options[name] for variant in variants if name in variant.options))


def _either(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def option_groups(product: Product, chosen: Mapping[str, str]) -> list[OptionGroup]:
    """Every option with its values in the order of the variants."""
    names = list(dict.fromkeys(name for variant in product.variants for name in variant.options))
    groups = []
    for name in names:
        values = _values(product.variants, name)
        shown = [_value(product, chosen, name, value) for value in values]
        groups.append(OptionGroup(name, f"o.{name}", shown))
    return groups


def _value(product: Product, chosen: Mapping[str, str], name: str, value: str) -> OptionValue:
    wanted = {**chosen, name: value}
    fits = [variant for variant in product.variants if variant.options == wanted and variant.available > 0]
    return OptionValue(value, chosen.get(name) == value, bool(fits))


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
        "category": " > ".join(node.title for node in trail),
        "image": [absolute(image.url, origin) for image in product.images],
        "sku": product.variants[0].sku,
        "offers": [_offer(variant, address) for variant in product.variants],
    }
    if product.brand:
        described["brand"] = {"@type": "Brand", "name": product.brand}
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
        "datePublished": review.created_at.astimezone(SHOP_ZONE).date().isoformat(),
        "name": review.title,
        "reviewBody": review.body,
        "reviewRating": {"@type": "Rating", "ratingValue": review.rating, "bestRating": 5},
    }


def major(amount_minor: int) -> str:
    """Rupees with two decimals and no grouping, as machines read them."""
    return f"{amount_minor // 100}.{amount_minor % 100:02}"


def absolute(address: str, origin: str) -> str:
    return address if address.startswith(("http://", "https://")) else origin + address
