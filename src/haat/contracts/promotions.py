"""Coupons: percentage and amount discounts, with limits that are counted in the statement that grants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Message, Nothing, Page
from haat.kit.money import Money
from haat.kit.rpc import Contract, promise

Code = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
Minor = Annotated[int, Meta(ge=1, le=10**15)]
Limit = Annotated[int, Meta(ge=1, le=10**9)]
Moment = Annotated[datetime, Meta(tz=True)]


class DiscountLine(Message, frozen=True):
    """A line to discount: total price, and what rules may look at."""

    sku: str
    product_id: str
    quantity: int
    total: Money
    category_path: Sequence[str] = []


class PriceWith(Message, frozen=True):
    """What these codes would take off, without using them up."""

    codes: Sequence[str]
    lines: Sequence[DiscountLine]
    user_id: str | None = None


class Applied(Message, frozen=True):
    """One coupon's discount, and its share per line in the order of the lines."""

    code: str
    title: str
    discount: Money
    per_line: Sequence[int]


class CodeFault(Message, frozen=True):
    """Why a code gives nothing: unknown, expired, not_started, used_up, used_by_you, sign_in, minimum, not_combinable,
    no_matching_items."""

    code: str
    reason: str
    detail: str


class Discounts(Message, frozen=True):
    applied: Sequence[Applied]
    faults: Sequence[CodeFault]


class Redeem(Message, frozen=True):
    """Use the codes up for one attempt: all or none, counted against limits; safe to repeat."""

    attempt_id: str
    codes: Sequence[str]
    user_id: str | None = None


class RedemptionRef(Message, frozen=True):
    attempt_id: str


class NewCoupon(Message, frozen=True):
    """`percent_basis_points` (1000 is 10 %) or `amount_minor` off; limits None are no limits."""

    code: Code
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    percent_basis_points: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    amount_minor: Minor | None = None
    minimum_minor: Annotated[int, Meta(ge=0, le=10**15)] = 0
    maximum_discount_minor: Minor | None = None
    category: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    limit_total: Limit | None = None
    limit_per_user: Limit | None = None
    combinable: bool = False
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class SaveCoupon(Message, frozen=True):
    """Create, or change the one with this code. With `version` (of Coupon) only what was read is changed, with `*`
    whatever is there, with "" only created: raises Precondition otherwise."""

    coupon: NewCoupon
    actor: str
    version: str | None = None
    idempotency: Idempotency | None = None


class Coupon(Message, frozen=True):
    """A coupon, and how often it was used; `version` changes with what staff can edit, not with uses."""

    coupon: NewCoupon
    used: int
    created_at: datetime
    version: str = ""


class CouponRef(Message, frozen=True):
    """By its code; case does not matter. Raises NotFound."""

    code: Annotated[str, Meta(max_length=100)]


class CouponsOf(Message, frozen=True):
    cursor: str | None = None
    limit: int = 50


class CouponRefused(DomainError):
    """A code cannot be used (any more); `faults` lists code, reason and detail."""

    code = "coupon_refused"
    title = "A coupon cannot be used"


class Promotions(Contract):
    """Discounts. `redeem` counts; `give_back` undoes exactly once, also when the redeeming only may have happened."""

    @promise(safe_to_repeat=True)
    async def price_with(self, ask: PriceWith) -> Discounts: ...
    @promise(safe_to_repeat=True)
    async def redeem(self, ask: Redeem) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def give_back(self, ask: RedemptionRef) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def save_coupon(self, ask: SaveCoupon) -> Coupon: ...
    @promise(safe_to_repeat=True)
    async def coupon(self, ask: CouponRef) -> Coupon: ...
    @promise(safe_to_repeat=True)
    async def coupons(self, ask: CouponsOf) -> Page[Coupon]: ...
