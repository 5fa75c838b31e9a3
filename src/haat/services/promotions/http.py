"""`/v1/coupons`: the staff's coupons."""

from __future__ import annotations

from typing import Annotated

from litestar import get, post
from litestar.params import Parameter

from haat.contracts.promotions import Coupon, CouponsOf, NewCoupon, Promotions, SaveCoupon
from haat.kit.access import Caller, needs_role
from haat.kit.idempotency import Idempotency
from haat.kit.message import Page
from haat.kit.problem import problems

Cursor = Annotated[str | None, Parameter(max_length=1000, description="`next_cursor` of the page before")]
Limit = Annotated[int, Parameter(ge=1, le=100)]


@get("/v1/coupons", tags=["promotions"], guards=[needs_role("catalogue")], responses=problems(401, 403, 422))
async def list_coupons(promotions: Promotions, cursor: Cursor = None, limit: Limit = 20) -> Page[Coupon]:
    """Every coupon with how often it was used, the newest first."""
    return await promotions.coupons(CouponsOf(cursor=cursor, limit=limit))


@post("/v1/coupons", tags=["promotions"], guards=[needs_role("catalogue")], responses=problems(401, 403, 409, 422))
async def save_coupon(
    data: NewCoupon, promotions: Promotions, caller: Caller, idempotency: Idempotency | None
) -> Coupon:
    """Create a coupon, or change the one with this code (case does not matter); uses so far stay counted."""
    return await promotions.save_coupon(SaveCoupon(coupon=data, actor=caller.signed_in(), idempotency=idempotency))


ROUTES = [list_coupons, save_coupon]
