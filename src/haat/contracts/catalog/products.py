"""Products and their variants: what readers see, and what staff write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from haat.contracts.catalog.categories import CategoryRef, Slug, Title
from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message
from haat.kit.money import Money

Attribute = str | int | bool
# Known in every shop, also where nobody has set rates.
STANDARD_TAX = "standard"
Sku = Annotated[str, Meta(min_length=1, max_length=64)]
# What every client reads exactly.
Whole = Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)]
Options = Mapping[Annotated[str, Meta(min_length=1, max_length=60)], Annotated[str, Meta(max_length=120)]]
Attributes = Annotated[
    Mapping[Annotated[str, Meta(min_length=1, max_length=80)], Annotated[str, Meta(max_length=2_000)] | Whole | bool],
    Meta(max_length=100),
]


class Image(Message, frozen=True):
    """`url` is the default rendition (JPEG); `media_id` names the original in the media service."""

    url: Annotated[str, Meta(max_length=2_000)]
    alt: Annotated[str, Meta(max_length=500)]
    width: Annotated[int, Meta(ge=0, le=100_000)]
    height: Annotated[int, Meta(ge=0, le=100_000)]
    media_id: str = ""


class Variant(Message, frozen=True):
    """One sellable SKU; `available` is how many can be bought, a second or so old."""

    id: str
    sku: str
    options: Mapping[str, str]
    price: Money
    available: int = 0
    compare_at: Money | None = None
    weight_grams: int = 0


class Rating(Message, frozen=True):
    """`average` in stars with two decimals, 0 without any rating."""

    average: float = 0.0
    count: int = 0


class Product(Message, frozen=True):
    """A product as the API shows it; `price` is that of its first variant, which is sold when only a product is named.

    `version` grows with every change that is told.
    """

    id: str
    slug: str
    title: str
    description: str
    brand: str
    category: CategoryRef
    price: Money
    images: Sequence[Image]
    variants: Sequence[Variant]
    attributes: Mapping[str, Attribute]
    rating: Rating
    status: str = "published"
    product_type: str = ""
    hsn: str = ""
    tax_class: str = STANDARD_TAX
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None


class NewVariant(Message, frozen=True):
    """`id` names an existing variant when a product is changed; `stock` is received once, when the SKU is new."""

    sku: Sku
    price: Money
    options: Options = {}
    compare_at: Money | None = None
    weight_grams: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    stock: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    id: str | None = None


class NewProduct(Message, frozen=True):
    """A product to create; `category` is a slug or id; `images` come from the media service."""

    title: Title
    category: Annotated[str, Meta(max_length=200)]
    variants: Annotated[Sequence[NewVariant], Meta(min_length=1, max_length=200)]
    slug: Slug | None = None
    description: Annotated[str, Meta(max_length=20_000)] = ""
    brand: Annotated[str, Meta(max_length=120)] = ""
    product_type: Annotated[str, Meta(max_length=80)] = ""
    attributes: Attributes = {}
    hsn: Annotated[str, Meta(pattern=r"^[0-9]{0,8}$(?!\n)")] = ""
    tax_class: Annotated[str, Meta(max_length=40)] = STANDARD_TAX
    images: Annotated[Sequence[Image], Meta(max_length=50)] = []
    status: Annotated[str, Meta(pattern=r"^(draft|published|archived)$(?!\n)")] = "published"


class TaxClasses(Message, frozen=True):
    """The names that products may carry; the checkout keeps their rates, and tells the names here."""

    classes: Sequence[Annotated[str, Meta(min_length=1, max_length=40)]]


class CreateProduct(Message, frozen=True):
    product: NewProduct
    actor: str
    idempotency: Idempotency | None = None


class ChangeProduct(Message, frozen=True):
    """Fields of NewProduct to change; `version` is the one that was read: Precondition when staff changed it since.

    Without one the product is changed as it is.
    """

    product_id: str
    changes: Mapping[str, Any]
    version: int | None
    actor: str


class RemoveProduct(Message, frozen=True):
    """Without `version` as it is; else as ChangeProduct."""

    product_id: str
    version: int | None
    actor: str


class SlugTaken(DomainError):
    """Another product has this slug or SKU."""

    code = "slug_taken"
    title = "Another product has this slug or SKU"


class ProductSaved(Event, frozen=True):
    """A product is new or changed: everything a reader needs, so that nobody asks back.

    Told for content, price, status and rating, and when it sells out or comes back; not for every unit sold.
    """

    product: Product

    @property
    def key(self) -> str:
        return self.product.id


class ProductRemoved(Event, frozen=True):
    product_id: str
    version: int

    @property
    def key(self) -> str:
        return self.product_id
