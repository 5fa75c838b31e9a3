"""Products by the file: send it, watch it, read which rows were not taken; and take all of them along."""

from __future__ import annotations

import hashlib
from typing import Any

from litestar import Response, get, post
from litestar.response import Stream

from haat.contracts.catalog import Catalog, ImportOptions, JobRef, StartImport, every_product
from haat.kit.message import DomainError
from haat.web.backoffice.desk import Desk, dressed, told
from haat.web.backoffice.forms import Faults, Typed, files, minor, new_key, plain_amount, typed, whole

MOST_BYTES = 50_000_000
ENVELOPE_BYTES = 1_000_000
FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
RUNNING = ("queued", "running")


@get("/imports", duty="products")
async def import_page(desk: Desk) -> Response[Any]:
    """What can be sent, and the form for it."""
    return desk.page("imports.html", fields={"default_category": "Imported"}, faults={}, key=new_key())


@post("/imports", duty="products", status_code=200, request_max_body_size=MOST_BYTES + ENVELOPE_BYTES)
async def start_import(desk: Desk, catalog: Catalog) -> Response[Any]:
    """Begin in the background and lead to the page that watches it."""
    fields = await typed(desk.request)
    options, faults = options_in(fields, desk.settings.currency)
    chosen = await files(desk.request, "file")
    kind = format_of(chosen[0].filename) if chosen else ""
    body = await chosen[0].read() if chosen else b""
    if not chosen:
        faults["file"] = "Choose a file"
    elif not kind:
        faults["file"] = "The name must end in .csv, .jsonl or .ndjson"
    elif not body:
        faults["file"] = "This file is empty"
    elif len(body) > MOST_BYTES:
        faults["file"] = "At most 50 MB: split it"
    if not faults:
        try:
            once = desk.once({**fields, "file": hashlib.sha256(body).hexdigest()})
            ask = StartImport(body=body, format=kind, actor=desk.actor, options=options, idempotency=once)
            job = await catalog.start_import(ask)
        except DomainError as error:
            faults = told(error)
        else:
            return desk.go(f"/admin/imports/{job.id}")
    return desk.page("imports.html", status=422, fields=fields, faults=faults, key=new_key())


@get("/imports/{job_id:str}", duty="products")
async def watch_import(desk: Desk, catalog: Catalog, job_id: str) -> Response[Any]:
    """How far it is; the page renews itself until it has ended."""
    job = await catalog.import_job(JobRef(job_id=job_id))
    return desk.page("import.html", job=job, running=job.status in RUNNING)


@get("/exports/products.jsonl", duty="products")
async def export_products(desk: Desk, catalog: Catalog) -> Response[Any]:
    """Every product of every state as a file that can be imported again."""
    headers = {"Content-Disposition": 'attachment; filename="products.jsonl"'}
    return dressed(Stream(every_product(catalog), media_type="application/jsonl", headers=headers))


def format_of(name: str) -> str:
    """The format by the end of a file's name, "" for any other."""
    return next((kind for end, kind in FORMATS.items() if name.lower().endswith(end)), "")


def options_in(fields: Typed, currency: str) -> tuple[ImportOptions, Faults]:
    """What rows that tell less than everything are filled up with."""
    faults: Faults = {}
    typed_price = fields.get("default_price", "")
    price = minor(typed_price, currency) or 0
    if typed_price and price <= 0:
        faults["default_price"] = "Enter a price such as 499, or leave it empty"
    stock = whole(fields.get("default_stock") or "0", 0, 1_000_000)
    if stock is None:
        faults["default_stock"] = "A whole number, 0 or more"
    category = fields.get("default_category") or "Imported"
    if len(category) > 200:
        faults["default_category"] = "At most 200 characters"
    if faults:
        return ImportOptions(), faults
    return (
        ImportOptions(
            default_price=plain_amount(price, currency) if price else None,
            default_stock=stock or 0,
            default_category=category,
        ),
        faults,
    )


ROUTES = [import_page, start_import, watch_import, export_products]
