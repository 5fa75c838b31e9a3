"""SQL of coupons. Lock order: the attempt, coupons by code, then a user's uses by code."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.promotions import NewCoupon
from haat.kit.database import Connection, Database, Transaction
from haat.kit.sql import load_queries
from haat.services.promotions.model import Known

queries = load_queries(Path(__file__).with_name("queries.sql"))
_FIELDS = [field.name for field in msgspec.structs.fields(NewCoupon)]


class Counted(msgspec.Struct, frozen=True):
    """What counting came to: whether this attempt is new, and how many codes were granted."""

    first: bool
    codes: int


class PromotionStore:
    """Coupons and their uses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("promotions")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def by_code(self, connection: Connection, codes: Sequence[str], user_id: str | None) -> dict[str, Known]:
        """The coupons that exist, with this user's uses."""
        rows = queries.coupons_by_code(connection, codes=list(codes), user_id=user_id)
        return {row["code"]: _known(row, row["used_by_user"]) async for row in rows}

    async def redeem(
        self, connection: Connection, attempt_id: str, codes: Sequence[str], user_id: str | None
    ) -> Counted:
        """Count and record; when fewer codes were granted than asked, the caller rolls back."""
        row = await queries.redeem(connection, attempt_id=attempt_id, codes=list(codes), user_id=user_id)
        return Counted(row["first"], row["counted"])

    async def attempt_state(self, connection: Connection, attempt_id: str) -> str | None:
        """`redeemed`, `given_back`, or None when never heard of."""
        state: str | None = await queries.attempt_state(connection, attempt_id=attempt_id)
        return state

    async def give_back(self, connection: Connection, attempt_id: str) -> None:
        """Undo what the attempt redeemed, once; an attempt never heard of becomes a tombstone."""
        closed = await queries.close_attempt(connection, attempt_id=attempt_id)
        # A statement of its own: only a later look sees what a redeeming wrote that we have just waited for.
        if closed is not None:
            await queries.give_back(connection, attempt_id=attempt_id)

    async def held(self, connection: Connection, code: str) -> Known | None:
        """The coupon with this code, which nobody else changes before this transaction ends."""
        row = await queries.held_coupon(connection, code=code)
        return None if row is None else _known(row)

    async def save(self, connection: Connection, coupon: NewCoupon, *, only_new: bool = False) -> Known | None:
        """Create or change by code; None when the limit is below what is used, or it exists and must be new."""
        row = await queries.save_coupon(connection, only_new=only_new, **msgspec.structs.asdict(coupon))
        return None if row is None else _known(row)

    async def coupons(self, connection: Connection, before: tuple[datetime, str] | None, size: int) -> list[Known]:
        """The newest first."""
        at, code = before or (None, None)
        return [_known(row) async for row in queries.coupons(connection, before_at=at, before_code=code, size=size)]


def _known(row: Any, used_by_user: int = 0) -> Known:
    coupon = NewCoupon(**{name: row[name] for name in _FIELDS})
    return Known(coupon, row["used"], used_by_user, row["created_at"])
