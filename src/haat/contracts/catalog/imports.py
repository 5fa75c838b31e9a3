"""Bringing products in by the thousand: rows, their faults, and jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from haat.contracts.catalog.products import NewProduct, Rating
from haat.kit.idempotency import Idempotency
from haat.kit.message import Message


class ImportRow(Message, frozen=True):
    """One product of an import, with its line; rating and popularity only for migrations from another shop.

    Its category is `product.category` (slug or id) where there is such a one, else the `category_path` (titles from the
    root), made where missing. A product with reviews of its own keeps the rating it came with.

    `told` names the fields of the product, or else of its one variant, that the row tells: a known product keeps the
    others, and its other variants. None is all of them, and then the product becomes just as it is here.
    `unless_known` is what the row lacks where it makes a new product or variant.
    """

    line: int
    product: NewProduct
    category_path: Sequence[str] = []
    rating: Rating | None = None
    published_at: datetime | None = None
    told: Sequence[str] | None = None
    unless_known: Sequence[RowFault] = []


class ImportRows(Message, frozen=True):
    """Up to 500 rows; a row whose SKU or slug exists updates that product, see `told`. Safe to repeat."""

    rows: Sequence[ImportRow]
    actor: str


class RawRow(Message, frozen=True):
    """One record as a file holds it: any common field names, values as JSON has them."""

    line: int
    fields: Mapping[str, Any]


class ImportOptions(Message, frozen=True):
    """How raw rows are read. Prices are in major units of the shop's currency, times `exchange_rate` (a decimal).

    `default_price` (major units, a decimal) is for rows without one; `invent_prices` derives a price from the row's
    key instead, always the same, for demonstrations only. `default_stock` is for rows that tell no stock.
    """

    default_price: str | None = None
    invent_prices: bool = False
    exchange_rate: str = "1"
    default_stock: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    default_category: Annotated[str, Meta(min_length=1, max_length=200)] = "Imported"


class ImportRaw(Message, frozen=True):
    """Up to 500 raw rows. Safe to repeat."""

    rows: Sequence[RawRow]
    actor: str
    options: ImportOptions = ImportOptions()


LEFT_OUT = "left_out"


class RowFault(Message, frozen=True):
    """Why one row was not taken, or (`code` is left_out) what of it was left out."""

    line: int
    pointer: str
    code: str
    detail: str


class Imported(Message, frozen=True):
    """Rows that change nothing count in neither."""

    created: int
    updated: int
    faults: Sequence[RowFault]


class ImportJob(Message, frozen=True):
    """An import's progress: `status` is queued, running, done or failed; `errors` holds the first thousand faults."""

    id: str
    status: str
    rows: int
    created: int
    updated: int
    errors: Sequence[RowFault]
    created_at: datetime
    finished_at: datetime | None = None
    error_count: int = 0


class StartImport(Message, frozen=True):
    """`format` is csv or jsonl; at most 50 MB."""

    body: bytes
    format: str
    actor: str
    idempotency: Idempotency | None = None
    options: ImportOptions = ImportOptions()


class JobRef(Message, frozen=True):
    job_id: str
