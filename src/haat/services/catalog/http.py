"""`/v1/products`, `/v1/categories`, reviews, imports and exports."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter
from litestar.response import Stream

from haat.contracts.catalog import (
    Attributes,
    Catalog,
    CategoryNode,
    ChangeProduct,
    CreateProduct,
    Image,
    ImportJob,
    JobRef,
    ListProducts,
    NewCategory,
    NewProduct,
    NewVariant,
    Product,
    ProductRef,
    RemoveProduct,
    Review,
    ReviewsOf,
    SaveCategories,
    Slug,
    StartImport,
    Title,
    WriteReview,
    every_product,
)
from haat.contracts.identity import Identity, OfUser
from haat.kit.access import Caller, needs_role, needs_user
from haat.kit.editing import ANY, NOT_MODIFIED, Known, Read, as_read, versions_read
from haat.kit.idempotency import Idempotency
from haat.kit.ids import is_id
from haat.kit.message import Forbidden, Message, NotFound, Nothing, Page
from haat.kit.problem import Precondition, PreconditionMissing, problems
from haat.kit.ready import ready
from haat.services.catalog.import_file import FORMATS, ImportOperation

MOST_IMPORT_BYTES = 50_000_000
ROLE = "catalogue"

Ref = Annotated[str, Parameter(description="`prd_…`, or the slug", max_length=200)]
ProductId = Annotated[str, Parameter(description="`prd_…`", max_length=200)]
JobId = Annotated[str, Parameter(description="`imp_…`", max_length=200)]
Limit = Annotated[int, Parameter(ge=1, le=100, description="how many, 20 by default")]
Cursor = Annotated[str | None, Parameter(max_length=1000, description="`next_cursor` of the page before")]


class ChangeProductBody(Message, frozen=True, omit_defaults=True):
    """The fields to change; each replaces the whole field. A variant keeps its id by `id` or by its SKU."""

    title: Title | msgspec.UnsetType = msgspec.UNSET
    category: Annotated[str, msgspec.Meta(max_length=200)] | msgspec.UnsetType = msgspec.UNSET
    variants: Annotated[list[NewVariant], msgspec.Meta(min_length=1, max_length=200)] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    slug: Slug | msgspec.UnsetType = msgspec.UNSET
    description: Annotated[str, msgspec.Meta(max_length=20_000)] | msgspec.UnsetType = msgspec.UNSET
    brand: Annotated[str, msgspec.Meta(max_length=120)] | msgspec.UnsetType = msgspec.UNSET
    product_type: Annotated[str, msgspec.Meta(max_length=80)] | msgspec.UnsetType = msgspec.UNSET
    attributes: Attributes | msgspec.UnsetType = msgspec.UNSET
    hsn: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,8}$(?!\n)", examples=["8471"])] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    tax_class: Annotated[str, msgspec.Meta(max_length=40, examples=["standard"])] | msgspec.UnsetType = msgspec.UNSET
    images: Annotated[list[Image], msgspec.Meta(max_length=50)] | msgspec.UnsetType = msgspec.UNSET
    status: (
        Annotated[str, msgspec.Meta(pattern=r"^(draft|published|archived)$(?!\n)", examples=["published"])]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class ReviewBody(Message, frozen=True):
    """Stars from 1 to 5, and words."""

    rating: Annotated[int, msgspec.Meta(ge=1, le=5)]
    title: Annotated[str, msgspec.Meta(max_length=200)] = ""
    body: Annotated[str, msgspec.Meta(max_length=5_000)] = ""


def _ready(kind: Any) -> dict[int, ResponseSpec]:
    """The documented answer of a route that sends ready bytes."""
    return {200: ResponseSpec(data_container=kind, generate_examples=False), 304: NOT_MODIFIED}


@get("/v1/products", tags=["catalogue"], responses={**problems(401, 403, 404, 422), **_ready(Page[Product])})
async def list_products(
    catalog: Catalog,
    caller: Caller,
    category: Annotated[str | None, Parameter(max_length=200, description="slug or id; descendants included")] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
    status: Annotated[
        str,
        Parameter(
            pattern=r"^(published|draft|archived)$(?!\n)",
            description="other than published: staff only, of all categories",
        ),
    ] = "published",
    if_none_match: Known = None,
) -> Response[bytes]:
    """Published products, newest first."""
    if status != "published" and not caller.has_role(ROLE):
        caller.signed_in()
        raise Forbidden(role=ROLE)
    ask = ListProducts(category=category, cursor=cursor, limit=limit, status=status)
    return await ready(catalog.list_products, ask, if_none_match)


@get("/v1/products/{product_id:str}", tags=["catalogue"], responses={**problems(404), **_ready(Product)})
async def view_product(
    catalog: Catalog, caller: Caller, product_id: Ref, if_none_match: Known = None
) -> Response[bytes]:
    """One product by id or slug; a former slug still finds it. Its ETag serves If-Match."""
    return await ready(
        catalog.product_page, ProductRef(ref=product_id, any_status=caller.has_role(ROLE)), if_none_match
    )


@post("/v1/products", tags=["catalogue"], guards=[needs_role(ROLE)], responses=problems(401, 403, 409, 422))
async def create_product(
    data: NewProduct, catalog: Catalog, caller: Caller, idempotency: Idempotency | None
) -> Response[Product]:
    """Create a product; `stock` of its variants is received by the inventory."""
    ask = CreateProduct(product=data, actor=caller.signed_in(), idempotency=idempotency)
    product = await catalog.create_product(ask)
    return _product(product, 201)


@patch(
    "/v1/products/{product_id:str}",
    tags=["catalogue"],
    guards=[needs_role(ROLE)],
    responses=problems(401, 403, 404, 409, 412, 422, 428),
)
async def change_product(
    data: ChangeProductBody, catalog: Catalog, caller: Caller, product_id: ProductId, if_match: Read = None
) -> Response[Product]:
    """Change fields of a product as it was read: 428 without If-Match, 412 when staff changed it since."""
    known, changes = _known(product_id), msgspec.to_builtins(data)

    async def change(version: str | None) -> Product:
        ask = ChangeProduct(product_id=known, changes=changes, version=_number(version), actor=caller.signed_in())
        return await catalog.change_product(ask)

    return _product(await as_read(_versions(if_match), change), 200)


@delete(
    "/v1/products/{product_id:str}",
    tags=["catalogue"],
    guards=[needs_role(ROLE)],
    responses=problems(401, 403, 404, 412, 428),
)
async def remove_product(catalog: Catalog, caller: Caller, product_id: ProductId, if_match: Read = None) -> None:
    """Remove a product as it was read, with its reviews; orders keep what they need of it."""
    known = _known(product_id)

    async def remove(version: str | None) -> Nothing:
        ask = RemoveProduct(product_id=known, version=_number(version), actor=caller.signed_in())
        return await catalog.remove_product(ask)

    await as_read(_versions(if_match), remove)


@get("/v1/categories", tags=["catalogue"], responses={**problems(), **_ready(Page[CategoryNode])})
async def list_categories(catalog: Catalog, if_none_match: Known = None) -> Response[bytes]:
    """The tree; `count` is of published products, descendants included, some seconds old."""
    return await ready(catalog.category_page, Nothing(), if_none_match)


@post(
    "/v1/categories",
    status_code=204,
    tags=["catalogue"],
    guards=[needs_role(ROLE)],
    responses=problems(401, 403, 409, 422),
)
async def save_category(data: NewCategory, catalog: Catalog, idempotency: Idempotency | None) -> None:
    """Create a category below `parent_slug`, or rename the one with this slug. Repeating it changes nothing."""
    await catalog.save_categories(SaveCategories(categories=[data]))


@get("/v1/products/{product_id:str}/reviews", tags=["catalogue"], responses=problems(404))
async def list_reviews(catalog: Catalog, product_id: Ref, cursor: Cursor = None, limit: Limit = 20) -> Page[Review]:
    """Reviews of a product, newest first."""
    return await catalog.reviews(ReviewsOf(product_id=product_id, cursor=cursor, limit=limit))


@post(
    "/v1/products/{product_id:str}/reviews",
    tags=["catalogue"],
    guards=[needs_user],
    responses=problems(401, 404, 409, 422),
)
async def write_review(
    data: ReviewBody,
    catalog: Catalog,
    identity: Identity,
    caller: Caller,
    product_id: Ref,
    idempotency: Idempotency | None,
) -> Review:
    """Review a product; a second review replaces your first. Verified when you bought it."""
    user = await identity.user(OfUser(user_id=caller.signed_in()))
    return await catalog.write_review(
        WriteReview(
            product_id=product_id,
            user_id=user.id,
            author=user.name,
            rating=data.rating,
            title=data.title,
            body=data.body,
            idempotency=idempotency,
        )
    )


@post(
    "/v1/imports",
    status_code=202,
    tags=["catalogue"],
    guards=[needs_role(ROLE)],
    request_max_body_size=MOST_IMPORT_BYTES,
    operation_class=ImportOperation,
    responses=problems(401, 403, 409, 413, 415, 422),
)
async def start_import(
    request: Request[Any, Any, Any], catalog: Catalog, caller: Caller, idempotency: Idempotency | None
) -> Response[ImportJob]:
    """Import products (CSV or JSON lines, up to 50 MB) in the background; rows in error are told one by one."""
    ask = StartImport(
        body=await request.body(), format=_format(request), actor=caller.signed_in(), idempotency=idempotency
    )
    job = await catalog.start_import(ask)
    return Response(job, status_code=202, headers={"Location": f"/v1/imports/{job.id}"})


@get("/v1/imports/{job_id:str}", tags=["catalogue"], guards=[needs_role(ROLE)], responses=problems(401, 403, 404))
async def view_import(catalog: Catalog, job_id: JobId) -> ImportJob:
    """How far an import is, and which rows it did not take."""
    return await catalog.import_job(JobRef(job_id=job_id))


@get(
    "/v1/exports/products",
    tags=["catalogue"],
    guards=[needs_role(ROLE)],
    media_type="application/jsonl",
    responses=problems(401, 403),
)
async def export_products(catalog: Catalog) -> Stream:
    """Every product of every status as JSON lines; what it writes can be imported again."""
    return Stream(every_product(catalog), media_type="application/jsonl")


def _product(product: Product, status: int) -> Response[Product]:
    headers = {"ETag": f'"{product.version}"', "Location": f"/v1/products/{product.id}"}
    return Response(product, status_code=status, headers=headers)


def _versions(if_match: str | None) -> list[str]:
    versions = versions_read(if_match)
    if versions is None:
        raise PreconditionMissing()
    return versions


def _number(version: str | None) -> int | None:
    """The version in an ETag of a product, None for whichever it has. A foreign tag never matches."""
    if version is None or version == ANY:
        return None
    if not (version.isascii() and version.isdigit() and len(version) < 16):
        raise Precondition()
    return int(version)


def _known(product_id: str) -> str:
    if not is_id(product_id, "prd"):
        raise NotFound("There is no such product")
    return product_id


def _format(request: Request[Any, Any, Any]) -> str:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in FORMATS:
        raise HTTPException(status_code=415, detail="Send text/csv or application/jsonl")
    return FORMATS[kind]


ROUTES = [
    list_products,
    view_product,
    create_product,
    change_product,
    remove_product,
    list_categories,
    save_category,
    list_reviews,
    write_review,
    start_import,
    view_import,
    export_products,
]
