"""The use cases of coupons: price, redeem, give back, and the staff's list."""

from __future__ import annotations

from haat.contracts.promotions import (
    Coupon,
    CouponRef,
    CouponRefused,
    CouponsOf,
    Discounts,
    PriceWith,
    Promotions,
    Redeem,
    RedemptionRef,
    SaveCoupon,
)
from haat.kit.clock import now
from haat.kit.crashpoints import crashpoint
from haat.kit.cursor import Moment, decode_cursor, paged
from haat.kit.editing import ANY, version_of
from haat.kit.message import Invalid, NotFound, Nothing, Page
from haat.kit.problem import Precondition
from haat.services.promotions.model import Known, check_coupon, discounts, fault, normal, reason_against, unique
from haat.services.promotions.store import PromotionStore

LIST = "promotions.coupons"


class PromotionsService(Promotions):
    """Limits are held by the statement that counts a use, never by a look before it."""

    def __init__(self, store: PromotionStore) -> None:
        self._store = store

    async def price_with(self, ask: PriceWith) -> Discounts:
        codes = unique(ask.codes)
        if not codes:
            return Discounts(applied=[], faults=[])
        async with self._store.connection() as connection:
            found = await self._store.by_code(connection, list(codes), ask.user_id)
        return discounts(ask.codes, ask.lines, found, ask.user_id, now())

    async def redeem(self, ask: Redeem) -> Nothing:
        codes = unique(ask.codes)
        if not codes:
            return Nothing()
        try:
            async with self._store.transaction() as transaction:
                counted = await self._store.redeem(transaction.connection, ask.attempt_id, list(codes), ask.user_id)
                if not counted.first:
                    state = await self._store.attempt_state(transaction.connection, ask.attempt_id)
                    if state != "redeemed":
                        raise CouponRefused("These coupons were given back", attempt_id=ask.attempt_id, faults=[])
                elif counted.codes < len(codes):
                    raise _NotAllCounted
        except _NotAllCounted:
            raise await self._refusal(ask, codes) from None
        crashpoint("promo.redeemed")
        return Nothing()

    async def give_back(self, ask: RedemptionRef) -> Nothing:
        async with self._store.transaction() as transaction:
            await self._store.give_back(transaction.connection, ask.attempt_id)
        return Nothing()

    async def save_coupon(self, ask: SaveCoupon) -> Coupon:
        coupon = check_coupon(ask.coupon)
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Coupon)
            if stored is not None:
                return stored
            connection = transaction.connection
            if ask.version is not None:
                before = await self._store.held(connection, coupon.code)
                found = "" if before is None else version_of(before.coupon)
                if found == "" if ask.version == ANY else found != ask.version:
                    raise Precondition()
            known = await self._store.save(connection, coupon, only_new=ask.version == "")
            if known is None and ask.version == "":
                # Made by somebody else since we looked.
                raise Precondition()
            if known is None:
                detail = "is below the number of uses so far"
                raise Invalid(errors=[{"pointer": "/limit_total", "code": "out_of_range", "detail": detail}])
            return transaction.remember(_view(known))

    async def coupon(self, ask: CouponRef) -> Coupon:
        code = normal(ask.code)
        async with self._store.connection() as connection:
            found = await self._store.by_code(connection, [code], None)
        if code not in found:
            raise NotFound("There is no such coupon")
        return _view(found[code])

    async def coupons(self, ask: CouponsOf) -> Page[Coupon]:
        before = decode_cursor(LIST, ask.cursor, tuple[Moment, str])
        async with self._store.connection() as connection:
            found = await self._store.coupons(connection, before, ask.limit + 1)
        page = paged(LIST, found, ask.limit, lambda known: (known.created_at, known.coupon.code))
        shown = [_view(known) for known in page.data]
        return Page(data=shown, has_more=page.has_more, next_cursor=page.next_cursor)

    async def _refusal(self, ask: Redeem, codes: dict[str, str]) -> CouponRefused:
        async with self._store.connection() as connection:
            found = await self._store.by_code(connection, list(codes), ask.user_id)
        moment = now()
        reasons = {shown: reason_against(found.get(code), ask.user_id, moment) for code, shown in codes.items()}
        faults = [fault(shown, reason) for shown, reason in reasons.items() if reason is not None]
        # Given back by somebody since we were refused: still a refusal, and the shopper may try again.
        faults = faults or [fault(shown, "used_up") for shown in codes.values()]
        return CouponRefused("; ".join(each.detail for each in faults), faults=faults)


class _NotAllCounted(Exception):
    """Rolls back what was counted."""


def _view(known: Known) -> Coupon:
    version = version_of(known.coupon)
    return Coupon(coupon=known.coupon, used=known.used, created_at=known.created_at, version=version)
