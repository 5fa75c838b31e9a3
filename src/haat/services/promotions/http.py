"""`/v1/coupons`: the staff's coupons."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get, post
from litestar.params import Parameter

from haat.contracts.promotions import Coupon, CouponRef, CouponsOf, NewCoupon, Promotions, SaveCoupon
from haat.kit.access import Caller, needs_role
from haat.kit.editing import NOT_MODIFIED, Known, Read, as_read, tag_of, tagged, versions_read
from haat.kit.idempotency import Idempotency
from haat.kit.message import Page
from haat.kit.problem import problems

Cursor = Annotated[str | None, Parameter(max_length=1000, description="`next_cursor` of the page before")]
Limit = Annotated[int, Parameter(ge=1, le=100)]
Code = Annotated[str, Parameter(max_length=100, description="what shoppers type; case does not matter")]
OnlyNew = Annotated[
    str | None, Parameter(header="If-None-Match", description="`*`: only when there is no coupon with this code")
]


@get("/v1/coupons", tags=["promotions"], guards=[needs_role("catalogue")], responses=problems(401, 403, 422))
async def list_coupons(promotions: Promotions, cursor: Cursor = None, limit: Limit = 20) -> Page[Coupon]:
    """Every coupon with how often it was used, the newest first."""
    return await promotions.coupons(CouponsOf(cursor=cursor, limit=limit))


@get(
    "/v1/coupons/{code:str}",
    tags=["promotions"],
    guards=[needs_role("catalogue")],
    responses={**problems(401, 403, 404), 304: NOT_MODIFIED},
)
async def view_coupon(code: Code, promotions: Promotions, if_none_match: Known = None) -> Response[Coupon]:
    """One coupon; its ETag serves If-Match."""
    found = await promotions.coupon(CouponRef(code=code))
    return tagged(found, tag_of(found.version, found.used), if_none_match)


@post("/v1/coupons", tags=["promotions"], guards=[needs_role("catalogue")], responses=problems(401, 403, 409, 412, 422))
async def save_coupon(
    data: NewCoupon,
    promotions: Promotions,
    caller: Caller,
    idempotency: Idempotency | None,
    if_match: Read = None,
    if_none_match: OnlyNew = None,
) -> Response[Coupon]:
    """Create a coupon, or change the one with this code (case does not matter); uses so far stay counted.

    412 with `If-Match` when staff changed it since, with `If-None-Match: *` when it exists.
    """
    only_new = if_none_match is not None and if_none_match.strip() == "*"

    async def save(version: str | None) -> Coupon:
        ask = SaveCoupon(coupon=data, actor=caller.signed_in(), version=version, idempotency=idempotency)
        return await promotions.save_coupon(ask)

    saved = await as_read([""] if only_new else versions_read(if_match), save)
    return tagged(saved, tag_of(saved.version, saved.used), status=201)


ROUTES = [list_coupons, view_coupon, save_coupon]
