"""Writing products, one or five hundred at once: documents, read model and events in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from haat.contracts.catalog import NewProduct, Product, ProductRemoved, ProductSaved, Rating, RowFault
from haat.kit.clock import now
from haat.kit.database import Connection, Transaction
from haat.kit.ids import new_id
from haat.kit.message import NotFound, Unavailable
from haat.kit.problem import Precondition
from haat.ports.documents import Document, Documents, Write
from haat.services.catalog.model import (
    Category,
    Record,
    Stars,
    in_order,
    merged,
    page_of,
    record_of,
    shown,
    slug_of,
    stars_of,
)
from haat.services.catalog.store import CatalogStore, Saved, Shown


class Wanted(msgspec.Struct, frozen=True):
    """A product as it should become. Without `product_id` it is new; `line` names it in faults.

    A change says on which version of the document it was `merged_on`, and which version its author `read_at` (None:
    any). A row of a file says which fields it has `told`, and what it lacks `unless_known` (see ImportRow).
    """

    product: NewProduct
    category: Category
    line: int = 0
    product_id: str | None = None
    rating: Rating | None = None
    published_at: datetime | None = None
    merged_on: int | None = None
    read_at: int | None = 0
    told: Collection[str] | None = None
    unless_known: Sequence[RowFault] = ()

    def slug(self) -> str:
        """The slug asked for, else one of the title; may be empty."""
        return self.product.slug or slug_of(self.product.title)


class Written(msgspec.Struct):
    """What a batch did; products that were already as wanted are in `same`, new SKUs with units in `due`."""

    created: list[Product]
    updated: list[Product]
    same: list[Product]
    faults: list[RowFault]
    due: list[str]


class Writer:
    """Writes batches; `saves` makes a row that meets an existing SKU or slug an update of that product."""

    def __init__(self, store: CatalogStore, documents: Documents) -> None:
        self._store = store
        self._documents = documents

    async def write(self, transaction: Transaction, wanted: Sequence[Wanted], actor: str, *, merging: bool) -> Written:
        """Write all of `wanted`. Raises SlugTaken when a concurrent writer was faster."""
        written = Written([], [], [], [], [])
        # Whoever renames a category waits until these products are there to be shown with its new title.
        kept = await self._store.kept_categories(transaction.connection)
        rest = [
            msgspec.structs.replace(each, category=kept.get(each.category.category_id, each.category))
            for each in wanted
        ]
        while rest:
            # Rows of one batch that mean the same product are written one after the other.
            batch, rest = _apart(rest)
            rest += await self._write(transaction, batch, actor, merging, written)
        return written

    async def _write(
        self, transaction: Transaction, wanted: Sequence[Wanted], actor: str, merging: bool, written: Written
    ) -> list[Wanted]:
        connection = transaction.connection
        slugs = [each.slug() for each in wanted]
        skus = [variant.sku for each in wanted for variant in each.product.variants]
        by_slug, by_sku = await self._store.owners(connection, slugs, skus)
        clear, later = _resolved(wanted, by_slug, by_sku, merging, written)
        available = await self._store.lock_stock(connection, sorted(skus))
        known = [each.product_id for each in clear if each.product_id is not None]
        olds = await self._store.lock_products(connection, known)
        documents = await self._documents.get(known, joining=connection)
        moment = now()
        saved: list[Saved] = []
        writes: list[Write] = []
        units: dict[str, int] = {}
        for each in clear:
            old, document = olds.get(each.product_id or ""), documents.get(each.product_id or "")
            if each.merged_on is not None and check_version(old, document, each.read_at) != each.merged_on:
                raise Precondition()
            whole = await self._whole(connection, each, document)
            if isinstance(whole, list):
                written.faults += whole
                continue
            made = _made(whole, old, document, by_slug, available, moment)
            if made is None:
                assert old is not None
                written.same.append(old.product)
                continue
            saved.append(made)
            writes.append(_write_of(made, document))
            (written.updated if old else written.created).append(made.product)
            units |= {v.sku: v.stock for v in whole.product.variants if v.stock and v.sku not in by_sku}
        if not saved:
            return later
        if len(await self._documents.put(writes, joining=connection)) < len(writes):
            raise Unavailable("These products are being changed elsewhere; try again")
        await self._store.save_products(connection, saved, moment)
        if units:
            await self._store.owe_stock(connection, units, actor)
            written.due += units
        transaction.publish(*(event for each in saved for event in told(each.product, each.old)))
        return later

    async def _whole(
        self, connection: Connection, wanted: Wanted, document: Document | None
    ) -> Wanted | list[RowFault]:
        """What becomes of the whole product: what a row does not tell of a known one stays."""
        if wanted.told is None or document is None:
            return list(wanted.unless_known) or wanted
        record = msgspec.convert(document.body, Record)
        if "sku" in wanted.told and wanted.product.variants[0].sku not in {each.sku for each in record.variants}:
            lacking = [fault for fault in wanted.unless_known if fault.pointer == "/price"]
            if lacking:
                return lacking
        product = merged(record, wanted.product, wanted.told)
        if isinstance(product, list):
            return [RowFault(line=wanted.line, **fault) for fault in product]
        kept = None if "category" in wanted.told else await self._store.category(connection, record.category_id)
        return msgspec.structs.replace(wanted, product=product, category=kept or wanted.category)


def _resolved(
    wanted: Sequence[Wanted], by_slug: dict[str, str], by_sku: dict[str, str], merging: bool, written: Written
) -> tuple[list[Wanted], list[Wanted]]:
    """The rows to write now, and those that mean a product which another row of this batch means too."""
    clear: list[Wanted] = []
    later: list[Wanted] = []
    seen: set[str] = set()
    for each in wanted:
        resolved = _resolve(each, by_slug, by_sku, merging)
        if isinstance(resolved, RowFault):
            written.faults.append(resolved)
        elif resolved.product_id in seen:
            later.append(each)
        else:
            clear.append(resolved)
            if resolved.product_id is not None:
                seen.add(resolved.product_id)
    return clear, later


def _write_of(made: Saved, document: Document | None) -> Write:
    return Write(
        made.product.id, made.product.version, document.version if document else 0, msgspec.to_builtins(made.record)
    )


def check_version(old: Shown | None, document: Document | None, read_at: int | None) -> int:
    """The version of the last edit, when its author saw it; ratings and stock since then do not matter.

    Raises NotFound when the product is gone, Precondition when staff has changed it since.
    """
    if old is None or document is None:
        raise NotFound("There is no such product")
    if read_at is not None and not document.version <= read_at <= old.version:
        raise Precondition()
    return document.version


def told(product: Product, old: Shown | None) -> list[ProductSaved | ProductRemoved]:
    """What others hear of a saved product: a draft nobody has seen is told to nobody."""
    if product.status == "published":
        return [ProductSaved(product=product)]
    if old is not None and old.product.status == "published":
        return [ProductRemoved(product_id=product.id, version=product.version)]
    return []


def _apart(wanted: list[Wanted]) -> tuple[list[Wanted], list[Wanted]]:
    seen: set[str] = set()
    batch: list[Wanted] = []
    rest: list[Wanted] = []
    for each in wanted:
        words = {f"/{each.slug()}", *(variant.sku for variant in each.product.variants)}
        (rest if words & seen else batch).append(each)
        seen |= words
    return batch, rest


def _resolve(wanted: Wanted, by_slug: dict[str, str], by_sku: dict[str, str], merging: bool) -> Wanted | RowFault:
    """Which product is meant, or why this cannot be."""
    owners = {by_sku[variant.sku] for variant in wanted.product.variants if variant.sku in by_sku}
    by_words = by_slug.get(wanted.slug())
    # A slug that was only made of the title says less than a known SKU.
    told = wanted.told is None or "slug" in wanted.told or not owners
    if wanted.product.slug is not None and by_words is not None and told:
        owners.add(by_words)
    if merging:
        meant = next(iter(owners), by_words)
        owners.discard(meant or "")
        wanted = msgspec.structs.replace(wanted, product_id=meant)
    else:
        owners.discard(wanted.product_id or "")
    if owners:
        return RowFault(line=wanted.line, pointer="", code="slug_taken", detail="Another product has this slug or SKU")
    return wanted


def _made(
    wanted: Wanted,
    old: Shown | None,
    document: Document | None,
    by_slug: dict[str, str],
    available: dict[str, int],
    moment: datetime,
) -> Saved | None:
    """Everything to write of a product; None when it already is as wanted."""
    product_id = wanted.product_id if old is not None and wanted.product_id else new_id("prd")
    record_before = msgspec.convert(document.body, Record) if document and old else None
    slug = _slug(wanted, product_id, record_before, by_slug)
    record = record_of(wanted.product, wanted.category.category_id, slug, record_before)
    imported = old.imported if old else Stars()
    if wanted.rating is not None and not (old and old.reviewed.count):
        imported = stars_of(wanted.rating)
    if old is not None and record == record_before and imported == old.imported:
        return None
    reviewed = old.reviewed if old else Stars()
    listed_at = _listed_at(wanted, old, record, moment)
    # Levels of variants that a row does not name are those of the page, which is locked.
    levels = {variant.sku: variant.available for variant in old.product.variants} if old else {}
    product = shown(
        product_id,
        in_order(record, old.product, of_a_row=wanted.told is not None) if old else record,
        wanted.category,
        {**levels, **available},
        Stars(reviewed.total + imported.total, reviewed.count + imported.count).shown(),
        old.version + 1 if old else 1,
        listed_at,
        moment,
    )
    return Saved(record, wanted.category, product, page_of(product), listed_at, imported, old)


def _slug(wanted: Wanted, product_id: str, before: Record | None, by_slug: dict[str, str]) -> str:
    if wanted.product.slug is not None:
        return wanted.product.slug
    if before is not None:
        return before.slug
    made = slug_of(wanted.product.title)
    return made if made and made not in by_slug else slug_of(wanted.product.title, product_id[-8:])


def _listed_at(wanted: Wanted, old: Shown | None, record: Record, moment: datetime) -> datetime:
    """When it came into the shop: a draft is as new as its publication."""
    # The moment that an export wrote down is no wish for another one.
    if wanted.published_at is not None and (old is None or wanted.published_at != old.listed_at):
        return wanted.published_at
    if old is None or old.listed_at is None or (record.status == "published" and old.status == "draft"):
        return moment
    return old.listed_at
