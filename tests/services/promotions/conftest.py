"""A promotions service on the real database, and several of them as several workers would be."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from haat.contracts.promotions import CouponsOf, NewCoupon, Redeem, RedemptionRef, SaveCoupon
from haat.engines.database.pool import PostgresDatabase
from haat.kit.ids import new_id
from haat.services.promotions.service import PromotionsService
from haat.services.promotions.store import PromotionStore


class Desk:
    """One promotions service and short words for its asks."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.service = PromotionsService(PromotionStore(database))

    async def coupon(self, **fields) -> str:
        """A new coupon of 10 %, or as the fields say; its code."""
        code = fields.pop("code", None) or new_id("c").upper()
        coupon = msgspec.structs.replace(NewCoupon(code=code, title="10 %", percent_basis_points=1000), **fields)
        return (await self.service.save_coupon(SaveCoupon(coupon=coupon, actor="usr_staff"))).coupon.code

    async def redeem(self, *codes: str, attempt_id: str | None = None, user_id: str | None = "usr_1") -> str:
        """Use codes up; the attempt."""
        attempt = attempt_id or new_id("att")
        await self.service.redeem(Redeem(attempt_id=attempt, codes=list(codes), user_id=user_id))
        return attempt

    async def give_back(self, attempt_id: str) -> None:
        await self.service.give_back(RedemptionRef(attempt_id=attempt_id))

    async def used(self, code: str) -> int:
        found = await self.service.coupons(CouponsOf(limit=1000))
        return next(each.used for each in found.data if each.coupon.code == code)


@pytest.fixture
def desk(database: PostgresDatabase) -> Desk:
    return Desk(database)


@pytest.fixture
async def desks(database_url: str) -> AsyncIterator[list[Desk]]:
    """Three workers' worth of pools on one database."""
    pools = [PostgresDatabase(database_url, 6) for _ in range(3)]
    for pool in pools:
        await pool.start()
    yield [Desk(pool) for pool in pools]
    for pool in pools:
        await pool.stop()
