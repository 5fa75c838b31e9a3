"""Creating, changing and removing products; a change that comes too late shows what somebody else has changed."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Response, get, post

from haat.contracts.catalog import (
    STANDARD_TAX,
    Catalog,
    ChangeProduct,
    CreateProduct,
    Image,
    Product,
    ProductRef,
    RemoveProduct,
    TaxClasses,
)
from haat.contracts.media import Media, MediaOf, MediaStore, Upload
from haat.kit.message import DomainError, Nothing
from haat.kit.problem import Precondition
from haat.web.backoffice.desk import Desk, gently
from haat.web.backoffice.forms import Faults, Typed, files, new_key, typed, whole
from haat.web.backoffice.product_form import (
    Clash,
    Rows,
    blank,
    changes,
    clashes,
    named,
    read,
    rows_in,
    shown,
    with_spare,
)
from haat.web.backoffice.products import STATES, categories

MOST_BYTES = 45_000_000
MOST_FILES = 8


@get("/products/new", duty="products")
async def new_product(desk: Desk, catalog: Catalog) -> Response[Any]:
    """An empty form; what it makes is a draft until told otherwise."""
    fields, rows = blank(desk.settings.currency)
    return await _form(desk, catalog, None, fields, rows)


@post("/products", duty="products", status_code=200, request_max_body_size=MOST_BYTES)
async def create_product(desk: Desk, catalog: Catalog, media: MediaStore) -> Response[Any]:
    """Create a product, and receive the first units of its SKUs."""
    fields = await typed(desk.request)
    rows = rows_in(fields)
    waiting = await _waiting(media, rows)
    pictures, refused = await _uploaded(desk, media, fields)
    wanted, faults = read(fields, rows, desk.settings.currency, None, pictures, waiting)
    faults |= refused
    again = with_spare(rows, pictures)
    if wanted is None or faults:
        return await _form(desk, catalog, None, fields, again, faults=faults, status=422)
    try:
        made = await catalog.create_product(
            CreateProduct(product=wanted, actor=desk.actor, idempotency=desk.once(fields))
        )
    except DomainError as error:
        return await _form(desk, catalog, None, fields, again, faults=_by_field(error, rows), status=error.status)
    return desk.go(f"/admin/products/{made.id}?said=created")


@get("/products/{product_id:str}", duty="products")
async def edit_product(desk: Desk, catalog: Catalog, product_id: str) -> Response[Any]:
    """The product as it is, with the version that a change will be measured against."""
    product = await catalog.product(ProductRef(ref=product_id, any_status=True))
    fields, rows = shown(product)
    return await _form(desk, catalog, product, fields, rows)


@post("/products/{product_id:str}", duty="products", status_code=200, request_max_body_size=MOST_BYTES)
async def change_product(desk: Desk, catalog: Catalog, media: MediaStore, product_id: str) -> Response[Any]:
    """Save what differs; when staff has saved since the form was opened, show both and let a person choose."""
    fields = await typed(desk.request)
    rows = rows_in(fields)
    product = await catalog.product(ProductRef(ref=product_id, any_status=True))
    waiting = await _waiting(media, rows)
    pictures, refused = await _uploaded(desk, media, fields)
    wanted, faults = read(fields, rows, desk.settings.currency, product, pictures, waiting)
    faults |= refused
    again = with_spare(rows, pictures)
    if wanted is None or faults:
        return await _form(desk, catalog, product, fields, again, faults=faults, status=422)
    different = changes(wanted, product)
    if not different:
        return desk.go(f"/admin/products/{product.id}?said=saved")
    version = whole(fields.get("version", ""), 1, 10**11) or 0
    ask = ChangeProduct(product_id=product.id, changes=different, version=version, actor=desk.actor)
    try:
        await catalog.change_product(ask)
    except Precondition:
        latest = await catalog.product(ProductRef(ref=product.id, any_status=True))
        left = changes(wanted, latest)
        if not left:
            # This very form, sent twice; or somebody else has changed the same.
            return desk.go(f"/admin/products/{product.id}?said=saved")
        clash = clashes(left, latest)
        # The next save is a choice made with both versions in view.
        kept = {**fields, "version": str(latest.version)}
        return await _form(desk, catalog, latest, kept, again, clash=clash, status=412)
    except DomainError as error:
        return await _form(desk, catalog, product, fields, again, faults=_by_field(error, rows), status=error.status)
    skus = {variant.id: variant.sku for variant in product.variants}
    renamed = any(each.sku != skus.get(each.id or "", each.sku) for each in wanted.variants)
    return desk.go(f"/admin/products/{product.id}?said={'sku-changed' if renamed else 'saved'}")


@post("/products/{product_id:str}/remove", duty="products", status_code=200)
async def remove_product(desk: Desk, catalog: Catalog, product_id: str) -> Response[Any]:
    """Remove a product for good, once its title was typed; orders keep what they need of it."""
    fields = await typed(desk.request)
    product = await catalog.product(ProductRef(ref=product_id, any_status=True))
    shown_fields, rows = shown(product)
    if fields.get("title") != product.title.strip():
        faults = {"remove": "Type the title exactly as it is, to be sure it is this product"}
        return await _form(desk, catalog, product, shown_fields, rows, faults=faults, status=422)
    version = whole(fields.get("version", ""), 1, 10**11) or 0
    try:
        await catalog.remove_product(RemoveProduct(product_id=product.id, version=version, actor=desk.actor))
    except DomainError as error:
        faults = {"remove": error.detail}
        return await _form(desk, catalog, product, shown_fields, rows, faults=faults, status=error.status)
    return desk.go("/admin/products?said=removed")


async def _form(
    desk: Desk,
    catalog: Catalog,
    product: Product | None,
    fields: Typed,
    rows: Rows,
    *,
    faults: Faults | None = None,
    clash: list[Clash] | None = None,
    status: int = 200,
) -> Response[Any]:
    return desk.page(
        "product.html",
        status=status,
        product=product,
        fields=fields,
        rows=rows,
        faults=faults or {},
        clash=clash or [],
        states=STATES,
        tax_classes=(await gently(catalog.tax_classes(Nothing()), TaxClasses(classes=[STANDARD_TAX]))).classes,
        categories=await gently(categories(catalog), []),
        currency=desk.settings.currency,
        key=new_key(),
    )


async def _uploaded(desk: Desk, media: MediaStore, fields: Typed) -> tuple[list[Image], Faults]:
    """The new pictures, taken in by the media service; every one that is refused is told."""
    chosen = await files(desk.request, "pictures")
    if len(chosen) > MOST_FILES:
        return [], {"pictures": f"At most {MOST_FILES} pictures at a time"}
    alt = fields.get("alt", "")[:300] or fields.get("title", "")[:300]
    asks = [Upload(body=await file.read(), media_type=file.content_type, alt=alt) for file in chosen]
    done = await asyncio.gather(*(media.upload(ask) for ask in asks), return_exceptions=True)
    pictures: list[Image] = []
    refused: list[str] = []
    for file, result in zip(chosen, done, strict=True):
        if isinstance(result, DomainError):
            refused.append(f"{file.filename}: {result.detail}")
        elif isinstance(result, BaseException):
            raise result
        else:
            pictures.append(_image(result))
    return pictures, {"pictures": "; ".join(refused)} if refused else {}


async def _waiting(media: MediaStore, rows: Rows) -> list[Image]:
    """Pictures that came with an earlier try of this form, which was not saved: a browser does not send them again."""
    ids = [row["media"] for row in rows.images if row.get("media")]
    return [_image(each) for each in (await media.media(MediaOf(ids=ids))).data] if ids else []


def _image(taken: Media) -> Image:
    return Image(url=taken.url, alt=taken.alt, width=taken.width, height=taken.height, media_id=taken.id)


def _by_field(error: DomainError, rows: Rows) -> Faults:
    if error.code == "slug_taken":
        return {"slug": error.detail}
    return named(error.facts.get("errors", []), rows) or {"form": error.detail}


ROUTES = [new_product, create_product, edit_product, change_product, remove_product]
