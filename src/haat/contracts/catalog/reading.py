"""Asking for products: pages ready encoded, lists, and what cart and checkout need of a variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from haat.kit.message import Message
from haat.kit.money import Money


class Encoded(Message, frozen=True):
    """A ready JSON answer and its entity tag (with its quotes): hot reads are not decoded on their way out."""

    body: bytes
    etag: str


class ProductRef(Message, frozen=True):
    """By id or slug (an old slug still leads there). Only published ones, unless `any_status`."""

    ref: str
    any_status: bool = False


class Products(Message, frozen=True):
    """By ids; unknown ones are left out of the answer. Only published ones, unless `any_status`."""

    ids: Sequence[str]
    any_status: bool = False


class ListProducts(Message, frozen=True):
    """By category slug or id (descendants included), newest first; staff may see every status.

    `limit` is 1 to 100. `status` is published, draft or archived; the latter two only without a category.
    """

    category: str | None = None
    cursor: str | None = None
    limit: int = 20
    status: str = "published"


class ScanProducts(Message, frozen=True):
    """Every product in the order of ids, `limit` (1 to 1,000) at a time: begin with `after` empty, end on no lines."""

    after: str = ""
    limit: int = 500
    status: str | None = "published"


class ProductLines(Message, frozen=True):
    """Products as JSON lines, `last_id` to go on from; `last_id` is None when nothing is left."""

    lines: bytes
    last_id: str | None


class VariantsForSale(Message, frozen=True):
    """By variant ids and product ids (a product's only or first variant)."""

    variant_ids: Sequence[str] = []
    product_ids: Sequence[str] = []


class VariantsOfSkus(Message, frozen=True):
    """By SKUs; those that are not sold are left out of the answer."""

    skus: Sequence[str]


class Skus(Message, frozen=True):
    """Asked for: any. Answered: those that a product has, whatever its status."""

    skus: Sequence[str]


class ForSale(Message, frozen=True):
    """All that cart and checkout need of a variant, read from the primary: the price that counts."""

    variant_id: str
    product_id: str
    sku: str
    title: str
    slug: str
    options: Mapping[str, str]
    price: Money
    tax_class: str
    hsn: str
    weight_grams: int
    category_path: Sequence[str]
    image_url: str = ""
