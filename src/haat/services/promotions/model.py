"""The rules of coupons: when a code counts, what it takes off, and how that spreads over the lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from haat.contracts.promotions import Applied, CodeFault, DiscountLine, Discounts, NewCoupon
from haat.kit.message import Invalid
from haat.kit.money import Money, allocate, divide_half_up

WHOLE = 10_000
MAX_CODES = 20
_DETAILS = {
    "unknown": "There is no coupon {}",
    "not_started": "Coupon {} is not valid yet",
    "expired": "Coupon {} has expired",
    "used_up": "Coupon {} has been used up",
    "sign_in": "Sign in to use coupon {}",
    "used_by_you": "You have used coupon {} before",
    "not_combinable": "Coupon {} cannot be combined with another one",
    "no_matching_items": "Nothing in the cart takes part in coupon {}",
    "minimum": "The cart is below the minimum of coupon {}",
}


class Known(msgspec.Struct, frozen=True):
    """A coupon as stored, with what counts against its limits."""

    coupon: NewCoupon
    used: int
    used_by_user: int
    created_at: datetime


def normal(code: str) -> str:
    """The one spelling of a code: case, blanks around it, wide letters and what nobody sees do not matter.

    What is copied from a mail or a page often brings a character without a width along.
    """
    if not code.isascii():
        plain = unicodedata.normalize("NFKC", code)
        code = "".join(each for each in plain if unicodedata.category(each) != "Cf")
    return code.strip().upper()


def fault(code: str, reason: str) -> CodeFault:
    """Why `code` gives nothing; it is named, for there may be another one that does."""
    return CodeFault(code=code, reason=reason, detail=_DETAILS[reason].format(code.strip()))


def reason_against(known: Known | None, user_id: str | None, moment: datetime) -> str | None:
    """Why this coupon cannot be used now by this user, whatever is bought; None when it can."""
    if known is None:
        return "unknown"
    coupon = known.coupon
    if coupon.starts_at is not None and coupon.starts_at > moment:
        return "not_started"
    if coupon.ends_at is not None and coupon.ends_at <= moment:
        return "expired"
    if coupon.limit_total is not None and known.used >= coupon.limit_total:
        return "used_up"
    if coupon.limit_per_user is not None:
        # Nobody can count the uses of somebody without a name.
        if user_id is None:
            return "sign_in"
        if known.used_by_user >= coupon.limit_per_user:
            return "used_by_you"
    return None


def discounts(
    codes: Sequence[str],
    lines: Sequence[DiscountLine],
    found: Mapping[str, Known],
    user_id: str | None,
    moment: datetime,
) -> Discounts:
    """What each code takes off, in the order given; a later one sees what the earlier ones have left of each line."""
    applied: list[Applied] = []
    faults: list[CodeFault] = []
    left = [line.total.amount for line in lines]
    currency = lines[0].total.currency if lines else "INR"
    exclusive = False
    for code, shown in unique(codes).items():
        known = found.get(code)
        reason = reason_against(known, user_id, moment)
        if reason is None and known is not None:
            coupon = known.coupon
            alone = exclusive or (bool(applied) and not coupon.combinable)
            shares = _shares(coupon, lines, left)
            reason = "not_combinable" if alone else _reason_for_cart(coupon, lines, left)
            if reason is None:
                exclusive = not coupon.combinable
                left = [rest - share for rest, share in zip(left, shares, strict=True)]
                discount = Money(sum(shares), currency)
                applied.append(Applied(code=code, title=coupon.title, discount=discount, per_line=shares))
        if reason is not None:
            faults.append(fault(shown, reason))
    return Discounts(applied=applied, faults=faults)


def unique(codes: Sequence[str]) -> dict[str, str]:
    """Normal codes in the order given, each with the first spelling it was given in. Raises Invalid for too many."""
    if len(codes) > MAX_CODES:
        detail = f"at most {MAX_CODES} codes"
        raise Invalid(errors=[{"pointer": "/codes", "code": "out_of_range", "detail": detail}])
    found: dict[str, str] = {}
    for code in codes:
        found.setdefault(normal(code), code)
    return found


def check_coupon(coupon: NewCoupon) -> NewCoupon:
    """The coupon in its stored spelling. Raises Invalid, with every fault."""
    errors = []
    if (coupon.percent_basis_points is None) == (coupon.amount_minor is None):
        detail = "give either percent_basis_points or amount_minor"
        errors.append({"pointer": "/percent_basis_points", "code": "required", "detail": detail})
    if coupon.starts_at is not None and coupon.ends_at is not None and coupon.ends_at <= coupon.starts_at:
        errors.append({"pointer": "/ends_at", "code": "out_of_range", "detail": "must be after starts_at"})
    if errors:
        raise Invalid(errors=errors)
    return msgspec.structs.replace(coupon, code=normal(coupon.code))


def _weights(coupon: NewCoupon, lines: Sequence[DiscountLine], left: Sequence[int]) -> list[int]:
    return [
        rest if coupon.category is None or coupon.category in line.category_path else 0
        for line, rest in zip(lines, left, strict=True)
    ]


def _reason_for_cart(coupon: NewCoupon, lines: Sequence[DiscountLine], left: Sequence[int]) -> str | None:
    total = sum(_weights(coupon, lines, left))
    if total == 0:
        return "no_matching_items"
    # The minimum looks at the prices, not at what other coupons have left of them.
    if sum(_weights(coupon, lines, [line.total.amount for line in lines])) < coupon.minimum_minor:
        return "minimum"
    return None


def _shares(coupon: NewCoupon, lines: Sequence[DiscountLine], left: Sequence[int]) -> list[int]:
    weights = _weights(coupon, lines, left)
    total = sum(weights)
    if coupon.percent_basis_points is not None:
        discount = divide_half_up(total * coupon.percent_basis_points, WHOLE)
    else:
        discount = coupon.amount_minor or 0
    discount = min(discount, total, coupon.maximum_discount_minor or total)
    return allocate(discount, weights)
