"""The rules of a product: what may be saved, what changes mean, and how it is shown."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from haat.contracts.catalog import (
    Attribute,
    CategoryRef,
    Encoded,
    Image,
    NewProduct,
    NewVariant,
    Product,
    Rating,
    Variant,
)
from haat.kit.ids import new_id
from haat.kit.message import Invalid, encode
from haat.kit.money import LIMIT, Money, divide_half_up
from haat.kit.validation import Faults, faults

T = TypeVar("T")
SLUG_LENGTH = 120


class Category(msgspec.Struct, frozen=True):
    """A category as stored; `path` (slugs) and `ancestors` (ids) run from the root to the category itself."""

    category_id: str
    slug: str
    title: str
    path: list[str]
    ancestors: list[str]
    parent_id: str | None = None
    position: int = 0

    def ref(self) -> CategoryRef:
        """As products show it."""
        return CategoryRef(id=self.category_id, slug=self.slug, path=self.path, title=self.title)


class RecordVariant(msgspec.Struct, frozen=True):
    """A variant as staff wrote it."""

    variant_id: str
    sku: str
    price: Money
    options: Mapping[str, str]
    weight_grams: int
    compare_at: Money | None = None


class Record(msgspec.Struct, frozen=True):
    """A product as staff wrote it: the document. Stock and rating are facts of others and live in the read model."""

    slug: str
    title: str
    description: str
    brand: str
    category_id: str
    product_type: str
    attributes: Mapping[str, Attribute]
    hsn: str
    tax_class: str
    images: Sequence[Image]
    status: str
    variants: list[RecordVariant]


class Stars(msgspec.Struct, frozen=True):
    """A rating as stored: the sum of hundredths of a star over `count` ratings."""

    total: int = 0
    count: int = 0

    def shown(self) -> Rating:
        """As the API shows it: an average with two decimals."""
        average = divide_half_up(self.total, self.count) / 100 if self.count else 0.0
        return Rating(average=average, count=self.count)


def stars_of(rating: Rating) -> Stars:
    """A rating brought from another shop."""
    return Stars(round(rating.average * 100) * rating.count, rating.count)


def slug_of(title: str, tail: str = "") -> str:
    """A title as part of an address: `Café Press 2` is `cafe-press-2`; empty when nothing of it is Latin."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    end = re.sub(r"[^a-z0-9]+", "-", tail.lower()).strip("-")
    return "-".join(part for part in (words[:SLUG_LENGTH].strip("-"), end) if part)


def lies_here(picture: str) -> bool:
    """Whether a picture's address leads into this shop: pages show no others, and nothing fetches them."""
    return re.match(r"/(?![/\\])", picture) is not None


def product_faults(product: NewProduct, currency: str, classes: Sequence[str], before: Record | None = None) -> Faults:
    """All that is wrong with a product beyond the types of its fields; what it had `before` may stay.

    `classes` are the tax classes that there are.
    """
    found: Faults = []
    if product.tax_class not in classes and (before is None or product.tax_class != before.tax_class):
        detail = f"there is no tax class {product.tax_class!r}: choose one of {', '.join(classes)}"
        found.append(_fault("/tax_class", "not_allowed", detail))
    kept = {image.url for image in before.images} if before else set()
    for number, image in enumerate(product.images):
        if image.url not in kept and not lies_here(image.url):
            detail = "a picture of this shop: upload it first"
            found.append(_fault(f"/images/{number}/url", "not_allowed", detail))
    skus = Counter(variant.sku for variant in product.variants)
    ids = Counter(variant.id for variant in product.variants if variant.id)
    for number, variant in enumerate(product.variants):
        at = f"/variants/{number}"
        if skus[variant.sku] > 1:
            found.append(_fault(f"{at}/sku", "duplicate", f"{variant.sku} stands more than once"))
        if variant.id and ids[variant.id] > 1:
            found.append(_fault(f"{at}/id", "duplicate", f"{variant.id} stands more than once; a new variant has none"))
        for name, price in (("price", variant.price), ("compare_at", variant.compare_at)):
            if price is None:
                continue
            if not 0 <= price.amount <= LIMIT:
                found.append(_fault(f"{at}/{name}/amount", "out_of_range", f"a price is 0 to {LIMIT}"))
            if price.currency != currency:
                found.append(_fault(f"{at}/{name}/currency", "not_allowed", f"this shop sells in {currency}"))
    return found


def changed(record: Record, changes: Mapping[str, Any]) -> NewProduct:
    """The product after staff's changes, each replacing a whole field. Raises Invalid with every fault."""
    merged: dict[str, Any] = {**msgspec.to_builtins(as_new(record)), **changes}
    found = faults(NewProduct, merged)
    if found:
        raise Invalid(errors=found)
    return msgspec.convert(merged, NewProduct)


def merged(record: Record, row: NewProduct, told: Collection[str]) -> NewProduct | Faults:
    """The product after a row of a file, which tells some fields of it and of one variant, or all its `variants`."""
    old = as_new(record)
    told_of_it = {name: getattr(row, name) for name in (*_SHARED, "variants") if name in told}
    if "variants" not in told:
        variants = _with_variant(old.variants, row.variants[0], told)
        if variants is None:
            return [_fault("/sku", "required", f"{record.slug} has several variants: the SKU says which one is meant")]
        told_of_it |= {"variants": variants, "attributes": {**old.attributes, **row.attributes}}
        if "images" in told:
            # A row without a title has no words for its pictures.
            told_of_it["images"] = [msgspec.structs.replace(each, alt=each.alt or record.title) for each in row.images]
    new = msgspec.structs.replace(old, **told_of_it)
    return faults(NewProduct, msgspec.to_builtins(new)) or new


def _with_variant(olds: Sequence[NewVariant], row: NewVariant, told: Collection[str]) -> list[NewVariant] | None:
    """The variants with the row's one changed or added; None when it does not say which one it is."""
    if "sku" not in told and len(olds) == 1:
        row = msgspec.structs.replace(row, sku=olds[0].sku)
    changes = {name: getattr(row, name) for name in ("price", "compare_at", "weight_grams") if name in told}
    if any(each.sku == row.sku for each in olds):
        return [_repriced(each, changes) if each.sku == row.sku else each for each in olds]
    return [*olds, row] if "sku" in told else None


def _repriced(variant: NewVariant, changes: Mapping[str, Any]) -> NewVariant:
    """The variant after a row; a price that was raised to the one before it, or above, ends the offer."""
    new = msgspec.structs.replace(variant, **changes)
    over = new.compare_at is not None and new.compare_at.amount <= new.price.amount
    return msgspec.structs.replace(new, compare_at=None) if over and changes.keys() & {"price", "compare_at"} else new


def as_new(record: Record) -> NewProduct:
    """A stored product in the shape in which products are written."""
    return msgspec.convert(
        {
            **{field: getattr(record, field) for field in _SHARED},
            "category": record.category_id,
            "variants": [
                {
                    "id": variant.variant_id,
                    "sku": variant.sku,
                    "price": variant.price,
                    "options": variant.options,
                    "weight_grams": variant.weight_grams,
                    "compare_at": variant.compare_at,
                }
                for variant in record.variants
            ],
        },
        NewProduct,
    )


_SHARED = (
    "slug", "title", "description", "brand", "product_type", "attributes", "hsn", "tax_class", "images", "status",
)  # fmt: skip


def record_of(product: NewProduct, category_id: str, slug: str, old: Record | None) -> Record:
    """The document of a product. A variant keeps its id when the id is given or the SKU stays."""
    known = {variant.variant_id for variant in old.variants} if old else set()
    by_sku = {variant.sku: variant.variant_id for variant in old.variants} if old else {}
    named = {variant.id for variant in product.variants if variant.id in known}
    variants = []
    for variant in product.variants:
        same = by_sku.get(variant.sku)
        kept = variant.id if variant.id in known else (same if same not in named else None)
        variants.append(
            RecordVariant(
                kept or new_id("var"),
                variant.sku,
                variant.price,
                variant.options,
                variant.weight_grams,
                variant.compare_at,
            )
        )
    return Record(
        slug=slug,
        title=product.title,
        description=product.description,
        brand=product.brand,
        category_id=category_id,
        product_type=product.product_type,
        attributes=product.attributes,
        hsn=product.hsn,
        tax_class=product.tax_class,
        images=product.images,
        status=product.status,
        variants=variants,
    )


def in_order(record: Record, before: Product, *, of_a_row: bool) -> Record:
    """The record with attributes and options in the order in which the page has them: documents keep none.

    A row of a file tells some attributes, and no order of the others.
    """
    options = {variant.id: variant.options for variant in before.variants}
    variants = [
        msgspec.structs.replace(each, options=_alike(each.options, options.get(each.variant_id, {})))
        for each in record.variants
    ]
    attributes = _alike(record.attributes, before.attributes)
    if of_a_row:
        there = {name: attributes[name] for name in before.attributes if name in attributes}
        attributes = {**there, **attributes}
    return msgspec.structs.replace(record, attributes=attributes, variants=variants)


def _alike(new: Mapping[str, T], before: Mapping[str, T]) -> Mapping[str, T]:
    return {name: new[name] for name in before} if new == before else new


def shown(
    product_id: str,
    record: Record,
    category: Category,
    available: Mapping[str, int],
    rating: Rating,
    version: int,
    created_at: datetime,
    updated_at: datetime,
) -> Product:
    """A product as the API shows it."""
    return Product(
        id=product_id,
        slug=record.slug,
        title=record.title,
        description=record.description,
        brand=record.brand,
        category=category.ref(),
        price=record.variants[0].price,
        images=record.images,
        variants=[
            Variant(
                id=variant.variant_id,
                sku=variant.sku,
                options=variant.options,
                price=variant.price,
                available=max(0, available.get(variant.sku, 0)),
                compare_at=variant.compare_at,
                weight_grams=variant.weight_grams,
            )
            for variant in record.variants
        ],
        attributes=record.attributes,
        rating=rating,
        status=record.status,
        product_type=record.product_type,
        hsn=record.hsn,
        tax_class=record.tax_class,
        version=version,
        created_at=created_at,
        updated_at=updated_at,
    )


def with_stock(product: Product, available: Mapping[str, int]) -> Product:
    """The product once some of its SKUs have new levels."""
    variants = [
        msgspec.structs.replace(variant, available=max(0, available.get(variant.sku, variant.available)))
        for variant in product.variants
    ]
    return msgspec.structs.replace(product, variants=variants)


def in_stock(product: Product) -> bool:
    """Whether any variant can be bought."""
    return any(variant.available > 0 for variant in product.variants)


def page_of(product: Product) -> Encoded:
    """The ready JSON of a product, and its tag: the version that staff name in If-Match, and a digest of the page."""
    body = encode(product)
    return Encoded(body=body, etag=f'"{product.version}-{hashlib.blake2b(body, digest_size=6).hexdigest()}"')


def list_page(pages: Sequence[bytes], etags: Sequence[str], next_cursor: str | None) -> Encoded:
    """A list answer out of ready products."""
    tail = b'],"has_more":true,"next_cursor":"%s"}' % next_cursor.encode() if next_cursor else _LAST
    digest = hashlib.blake2b(("".join(etags) + (next_cursor or "")).encode(), digest_size=8).hexdigest()
    return Encoded(body=b'{"data":[' + b",".join(pages) + tail, etag=f'"{digest}"')


_LAST = b'],"has_more":false,"next_cursor":null}'


def _fault(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}
