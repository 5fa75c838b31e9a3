"""The shapes of the demo catalogue: frozen, money in paise, weights in grams, decimals as strings."""

from datetime import date

from msgspec import Struct

AttributeValue = str | int | bool


class DemoCategory(Struct, frozen=True):
    """One node of the three-level tree; `parent` is None at the top, `position` orders siblings from 0."""

    slug: str
    title: str
    parent: str | None
    position: int
    description: str


class DemoVariant(Struct, frozen=True):
    """One sellable SKU; `options` maps each option name of the product to a value."""

    sku: str
    options: dict[str, str]
    price_minor: int
    compare_at_minor: int | None
    stock: int
    weight_grams: int


class DemoImage(Struct, frozen=True):
    """One picture: `drawing` is `object/view/colour`, understood by `drawings.draw`."""

    drawing: str
    alt: str


class DemoReview(Struct, frozen=True):
    """One customer's opinion, `rating` from 1 to 5, `days_ago` counted from the day of seeding."""

    author: str
    rating: int
    title: str
    body: str
    days_ago: int
    verified: bool


class DemoProduct(Struct, frozen=True):
    """One product with every variant, picture and review; `popularity_hint` is a weight, most products near 10."""

    slug: str
    title: str
    description: str
    brand: str
    category: str
    product_type: str
    attributes: dict[str, AttributeValue]
    hsn: str
    tax_class: str
    options: list[str]
    variants: list[DemoVariant]
    images: list[DemoImage]
    reviews: list[DemoReview]
    published_days_ago: int
    popularity_hint: int


class TaxRate(Struct, frozen=True):
    """A GST rate from a day on, for taxable values per piece within the bounds (paise, inclusive, None is open)."""

    from_date: date
    rate_basis_points: int
    price_min_minor: int | None = None
    price_max_minor: int | None = None


class TaxClass(Struct, frozen=True):
    """Products taxed alike: the HSN prefixes they may carry and the rates in order of their first day."""

    code: str
    hsn_prefixes: list[str]
    rates: list[TaxRate]
