"""Imports: rows in batches, and jobs that a worker drives to their end, also after a crash."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice

import structlog

from haat.contracts.catalog import LEFT_OUT, ImportOptions, ImportRow, RawRow, RowFault, SlugTaken
from haat.kit.database import Transaction
from haat.kit.records import BadRecord, Record, UnreadableFile, read_records
from haat.services.catalog.categories import CategoryWriter
from haat.services.catalog.import_store import ImportStore, Job
from haat.services.catalog.importing import key_of, pictures_left_out, row_of
from haat.services.catalog.model import Category, product_faults, slug_of
from haat.services.catalog.store import CatalogStore
from haat.services.catalog.writing import Wanted, Writer, Written

log = structlog.get_logger("haat.catalog")
CHUNK = 250
ATTEMPTS = 5
CLAIMS = 5

# Called in the transaction of the products; False gives the batch up.
Along = Callable[[Transaction, Written], Awaitable[bool]]
# Called once the products are saved.
After = Callable[[Written], Awaitable[None]]


class LeaseLost(Exception):
    """Another worker has taken the job over."""


class Importer:
    """Good rows are kept and the others told one by one."""

    def __init__(self, store: CatalogStore, writer: Writer, categories: CategoryWriter, currency: str) -> None:
        self._store = store
        self._imports = ImportStore()
        self._writer = writer
        self._categories = categories
        self._currency = currency

    async def read(self, raws: Sequence[RawRow], options: ImportOptions) -> tuple[list[ImportRow], list[RowFault]]:
        """Raw records as products, and the faults of those that are none, or are without their pictures."""
        classes = await self._classes()
        rows: list[ImportRow] = []
        faults: list[RowFault] = []
        refused: list[tuple[str, list[RowFault]]] = []
        for raw in raws:
            row = row_of(raw, options, self._currency, classes)
            if isinstance(row, ImportRow):
                rows.append(row)
                faults += pictures_left_out(raw)
            else:
                refused.append((key_of(raw), row))
        return rows, [*faults, *await self._without_what_is_known(refused)]

    async def _without_what_is_known(self, refused: Sequence[tuple[str, list[RowFault]]]) -> list[RowFault]:
        """By SKU the faults of rows: a known product lacks neither title nor price."""
        asked = {sku for sku, found in refused if sku and any(_lacking(fault) for fault in found)}
        if not asked:
            return [fault for _, found in refused for fault in found]
        async with self._store.connection() as connection:
            known = set(await self._store.known_skus(connection, sorted(asked)))
        return [fault for sku, found in refused for fault in found if not (sku in known and _lacking(fault))]

    async def save(self, rows: Sequence[ImportRow], actor: str, along: Along | None = None) -> Written:
        """Write rows in one transaction."""
        wanted, faults = await self._wanted(rows)
        for attempt in range(ATTEMPTS):
            try:
                async with self._store.transaction() as transaction:
                    written = await self._writer.write(transaction, wanted, actor, merging=True)
                    written.faults += faults
                    if along is not None and not await along(transaction, written):
                        raise LeaseLost()
                return written
            except SlugTaken:
                # Somebody else brought one of these SKUs meanwhile: the next look finds it.
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    async def run(self, job: Job, after: After) -> None:
        """Drive a claimed job from where it stands to its end."""
        status = "done"
        try:
            if job.claim > CLAIMS:
                raise UnreadableFile("given up: every attempt to import this file ended its worker")
            records = islice(read_records(io.BytesIO(job.body), job.format), job.rows_done, None)
            await self._run(job, records, after)
        except LeaseLost:
            return
        except UnreadableFile as error:
            status = "failed"
            log.warning("import failed", job_id=job.job_id, error=str(error))
            async with self._store.transaction() as transaction:
                await self._imports.advance(
                    transaction.connection,
                    job,
                    job.rows_done,
                    0,
                    0,
                    [RowFault(line=0, pointer="", code="malformed", detail=str(error)[:500])],
                )
        async with self._store.connection() as connection:
            await self._imports.finish(connection, job, status)

    async def _run(self, job: Job, records: Iterator[Record | BadRecord], after: After) -> None:
        done = job.rows_done
        while chunk := list(islice(records, CHUNK)):
            done += len(chunk)
            rows, faults = await self.read(
                [RawRow(line=each.line, fields=each.fields) for each in chunk if isinstance(each, Record)],
                job.options,
            )
            faults += [
                RowFault(line=each.line, pointer="", code="malformed", detail=each.detail)
                for each in chunk
                if isinstance(each, BadRecord)
            ]

            async def along(transaction: Transaction, written: Written, rows_done: int = done) -> bool:
                return await self._imports.advance(
                    transaction.connection,
                    job,
                    rows_done,
                    len(written.created),
                    len(written.updated),
                    by_line([*faults, *written.faults]),  # noqa: B023
                )

            await after(await self.save(rows, job.actor, along))

    async def _wanted(self, rows: Sequence[ImportRow]) -> tuple[list[Wanted], list[RowFault]]:
        classes = await self._classes()
        by_ref = await self._refs({row.product.category for row in rows} - {""})
        kept = await self._kept(rows)
        # A row that tells too little to make a product makes no category for it either.
        whole = [known is not None or not row.unless_known for row, known in zip(rows, kept, strict=True)]
        paths = [
            row.category_path
            for row, known, taken in zip(rows, kept, whole, strict=True)
            if taken and not (known and _silent(row)) and row.category_path and row.product.category not in by_ref
        ]
        by_path = await self._categories.ensure(paths)
        wanted: list[Wanted] = []
        faults: list[RowFault] = []
        for row, known, taken in zip(rows, kept, whole, strict=True):
            told = by_ref.get(row.product.category) or by_path.get(tuple(row.category_path))
            category = known if known and _silent(row) else told
            wrong = product_faults(row.product, self._currency, classes)
            if not taken:
                faults += row.unless_known
            elif category is None:
                detail = f"there is no category {row.product.category}"
                wrong.append({"pointer": "/category", "code": "not_found", "detail": detail})
            if wrong or category is None or not taken:
                faults += [RowFault(line=row.line, **fault) for fault in wrong]
                continue
            wanted.append(
                Wanted(
                    product=row.product,
                    category=category,
                    line=row.line,
                    rating=row.rating,
                    published_at=row.published_at,
                    told=row.told,
                    unless_known=row.unless_known,
                )
            )
        return wanted, faults

    async def _kept(self, rows: Sequence[ImportRow]) -> list[Category | None]:
        """By row, the category of a known product when the row tells none, or too little to make a product."""
        if not any(_silent(row) or row.unless_known for row in rows):
            return [None for _ in rows]
        meant = [row.product if _silent(row) or row.unless_known else None for row in rows]
        skus = [each.variants[0].sku if each else "" for each in meant]
        slugs = [each.slug or slug_of(each.title) if each else "" for each in meant]
        async with self._store.connection() as connection:
            known = await self._store.categories_of(connection, skus, slugs)
        return [known.get(("sku", sku)) or known.get(("slug", slug)) for sku, slug in zip(skus, slugs, strict=True)]

    async def _classes(self) -> list[str]:
        async with self._store.connection() as connection:
            return await self._store.tax_classes(connection)

    async def _refs(self, refs: set[str]) -> dict[str, Category]:
        if not refs:
            return {}
        async with self._store.connection() as connection:
            known = await self._store.categories(connection)
        by_word = {word: each for each in known for word in (each.category_id, each.slug)}
        return {ref: by_word[ref] for ref in refs if ref in by_word}


def by_line(faults: Sequence[RowFault]) -> list[RowFault]:
    """In the order of lines; what was left out is told of rows that were taken."""
    refused = {fault.line for fault in faults if fault.code != LEFT_OUT}
    told = [fault for fault in faults if fault.code != LEFT_OUT or fault.line not in refused]
    return sorted(told, key=lambda fault: fault.line)


def _lacking(fault: RowFault) -> bool:
    return fault.code == "required" and fault.pointer in ("/title", "/price")


def _silent(row: ImportRow) -> bool:
    """Whether it says nothing of its category."""
    return row.told is not None and "category" not in row.told
