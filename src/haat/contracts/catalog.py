"""Products, variants, categories, prices and reviews."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message, Nothing, Page
from haat.kit.money import Money
from haat.kit.rpc import Contract, promise

Attribute = str | int | bool
Title = Annotated[str, Meta(min_length=1, max_length=300)]
Slug = Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=200)]
Sku = Annotated[str, Meta(min_length=1, max_length=64)]


class CategoryRef(Message, frozen=True):
    """`path` is the slugs from the root, such as ["electronics", "computers", "laptops"]."""

    id: str
    slug: str
    path: list[str]
    title: str = ""


class Image(Message, frozen=True):
    """`url` is the default rendition (JPEG); `media_id` names the original in the media service."""

    url: str
    alt: str
    width: int
    height: int
    media_id: str = ""


class Variant(Message, frozen=True):
    """One sellable SKU; `available` is how many can be bought, a second or so old."""

    id: str
    sku: str
    options: dict[str, str]
    price: Money
    available: int = 0
    compare_at: Money | None = None
    weight_grams: int = 0


class Rating(Message, frozen=True):
    """`average` in hundredths of a star (432 is 4.32) lives in the store; the API shows stars."""

    average: float = 0.0
    count: int = 0


class Product(Message, frozen=True):
    """A product as the API shows it."""

    id: str
    slug: str
    title: str
    description: str
    brand: str
    category: CategoryRef
    price: Money
    images: list[Image]
    variants: list[Variant]
    attributes: dict[str, Attribute]
    rating: Rating
    status: str = "published"
    product_type: str = ""
    hsn: str = ""
    tax_class: str = "standard"
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Encoded(Message, frozen=True):
    """A ready JSON answer and its entity tag: hot reads are not decoded on their way out."""

    body: bytes
    etag: str


class ProductRef(Message, frozen=True):
    """By id or slug."""

    ref: str


class Products(Message, frozen=True):
    """By ids; unknown ones are left out of the answer."""

    ids: list[str]


class ListProducts(Message, frozen=True):
    """By category slug or id (descendants included), newest first; staff may see every status."""

    category: str | None = None
    cursor: str | None = None
    limit: int = 20
    status: str = "published"


class CategoryNode(Message, frozen=True):
    """A category with its number of published products, descendants included."""

    id: str
    slug: str
    title: str
    path: list[str]
    count: int
    children: list[CategoryNode]


class VariantsForSale(Message, frozen=True):
    """By variant ids and product ids (a product's only or first variant)."""

    variant_ids: list[str] = []
    product_ids: list[str] = []


class ForSale(Message, frozen=True):
    """All that cart and checkout need of a variant, read from the primary: the price that counts."""

    variant_id: str
    product_id: str
    sku: str
    title: str
    slug: str
    options: dict[str, str]
    price: Money
    tax_class: str
    hsn: str
    weight_grams: int
    category_path: list[str]
    image_url: str = ""


class NewVariant(Message, frozen=True):
    """`id` names an existing variant when a product is changed; `stock` is received on creation."""

    sku: Sku
    price: Money
    options: dict[str, str] = {}
    compare_at: Money | None = None
    weight_grams: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    stock: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    id: str | None = None


class NewProduct(Message, frozen=True):
    """A product to create; `category` is a slug or id; `images` come from the media service."""

    title: Title
    category: str
    variants: Annotated[list[NewVariant], Meta(min_length=1, max_length=200)]
    slug: Slug | None = None
    description: Annotated[str, Meta(max_length=20_000)] = ""
    brand: Annotated[str, Meta(max_length=120)] = ""
    product_type: Annotated[str, Meta(max_length=80)] = ""
    attributes: dict[str, Attribute] = {}
    hsn: Annotated[str, Meta(pattern="^[0-9]{0,8}$")] = ""
    tax_class: Annotated[str, Meta(max_length=40)] = "standard"
    images: list[Image] = []
    status: Annotated[str, Meta(pattern="^(draft|published|archived)$")] = "published"


class CreateProduct(Message, frozen=True):
    product: NewProduct
    actor: str
    idempotency: Idempotency | None = None


class ChangeProduct(Message, frozen=True):
    """Fields to change; `version` is the one that was read (412 when it is not the newest)."""

    product_id: str
    changes: dict[str, Any]
    version: int
    actor: str


class RemoveProduct(Message, frozen=True):
    product_id: str
    version: int
    actor: str


class ImportRow(Message, frozen=True):
    """One product of an import, with its line; rating and popularity only for migrations from another shop."""

    line: int
    product: NewProduct
    category_path: list[str] = []
    rating: Rating | None = None
    published_at: datetime | None = None


class ImportRows(Message, frozen=True):
    """Up to 500 rows; a row whose slug exists updates it. Safe to repeat."""

    rows: list[ImportRow]
    actor: str


class RowFault(Message, frozen=True):
    """Why one row was not taken."""

    line: int
    pointer: str
    code: str
    detail: str


class Imported(Message, frozen=True):
    created: int
    updated: int
    faults: list[RowFault]


class ImportJob(Message, frozen=True):
    """An import's progress: `status` is queued, running, done or failed."""

    id: str
    status: str
    rows: int
    created: int
    updated: int
    errors: list[RowFault]
    created_at: datetime
    finished_at: datetime | None = None


class StartImport(Message, frozen=True):
    """`format` is csv or jsonl."""

    body: bytes
    format: str
    actor: str
    idempotency: Idempotency | None = None


class JobRef(Message, frozen=True):
    job_id: str


class SaveCategories(Message, frozen=True):
    """Create or rename categories, parents first; safe to repeat."""

    categories: list[NewCategory]


class NewCategory(Message, frozen=True):
    slug: Slug
    title: Title
    parent_slug: str | None = None
    position: int = 0


class Review(Message, frozen=True):
    id: str
    product_id: str
    rating: int
    title: str
    body: str
    author: str
    verified: bool
    created_at: datetime


class ReviewsOf(Message, frozen=True):
    product_id: str
    cursor: str | None = None
    limit: int = 20


class WriteReview(Message, frozen=True):
    """One review a user and product: a second one replaces the first."""

    product_id: str
    user_id: str
    author: str
    rating: Annotated[int, Meta(ge=1, le=5)]
    title: Annotated[str, Meta(max_length=200)] = ""
    body: Annotated[str, Meta(max_length=5_000)] = ""
    verified: bool = False
    created_at: datetime | None = None
    idempotency: Idempotency | None = None


class SlugTaken(DomainError):
    """Another product has this slug or SKU."""

    code = "slug_taken"
    title = "Another product has this slug or SKU"


class ProductSaved(Event, frozen=True):
    """A product is new or changed: everything a reader needs, so that nobody asks back."""

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


class Catalog(Contract):
    """The catalogue. Reads of the public pages come ready encoded."""

    @promise(safe_to_repeat=True)
    async def product(self, ask: ProductRef) -> Product: ...
    @promise(safe_to_repeat=True)
    async def product_page(self, ask: ProductRef) -> Encoded: ...
    @promise(safe_to_repeat=True)
    async def products(self, ask: Products) -> Page[Product]: ...
    @promise(safe_to_repeat=True)
    async def list_products(self, ask: ListProducts) -> Encoded: ...
    @promise(safe_to_repeat=True)
    async def categories(self, ask: Nothing) -> Page[CategoryNode]: ...
    @promise(safe_to_repeat=True)
    async def variants_for_sale(self, ask: VariantsForSale) -> Page[ForSale]: ...
    async def create_product(self, ask: CreateProduct) -> Product: ...
    async def change_product(self, ask: ChangeProduct) -> Product: ...
    async def remove_product(self, ask: RemoveProduct) -> Nothing: ...
    @promise(safe_to_repeat=True, timeout_seconds=60)
    async def import_rows(self, ask: ImportRows) -> Imported: ...
    async def start_import(self, ask: StartImport) -> ImportJob: ...
    @promise(safe_to_repeat=True)
    async def import_job(self, ask: JobRef) -> ImportJob: ...
    @promise(safe_to_repeat=True)
    async def save_categories(self, ask: SaveCategories) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def reviews(self, ask: ReviewsOf) -> Page[Review]: ...
    async def write_review(self, ask: WriteReview) -> Review: ...
