"""The inventory's use cases: reserve, commit, release, receive, adjust, and why a level is what it is."""

from __future__ import annotations

from datetime import UTC, datetime

from haat.contracts.inventory import (
    DEFAULT_LOCATION,
    Adjust,
    Alert,
    AlertsOf,
    AlreadyCommitted,
    AttemptRef,
    ExtendHold,
    History,
    HistoryOf,
    Inventory,
    Level,
    PutBack,
    Receive,
    Reservation,
    ReservationGone,
    Reserve,
    SetLowMark,
    SkuRef,
    Stock,
    StockOf,
)
from haat.kit.crashpoints import crashpoint
from haat.kit.cursor import InvalidCursor, decode_cursor, encode_cursor
from haat.kit.ids import new_id
from haat.kit.message import NotFound, Nothing, Page
from haat.services.inventory.model import by_sku, check_adjustment, out_of_stock, summed
from haat.services.inventory.store import InventoryStore

SWEEP_BATCH = 200


class InventoryService(Inventory):
    """A reservation is granted, and a level changed, only by the statement that counts it."""

    def __init__(self, store: InventoryStore) -> None:
        self._store = store

    async def stock_of(self, ask: StockOf) -> Stock:
        if not ask.skus:
            return Stock(available={})
        async with self._store.connection() as connection:
            return Stock(available=await self._store.stock_of(connection, ask.skus))

    async def reserve(self, ask: Reserve) -> Reservation:
        wanted = by_sku(ask.lines)
        async with self._store.connection() as connection:
            granted = await self._store.reserve(connection, ask.attempt_id, wanted, ask.hold_seconds)
        if granted.short:
            raise out_of_stock(granted.short)
        crashpoint("inv.reserved")
        return _not_gone(granted.reservation)

    async def commit(self, ask: AttemptRef) -> Reservation:
        async with self._store.connection() as connection:
            reservation = await self._store.commit_hold(connection, ask.attempt_id)
        crashpoint("inv.committed")
        return _not_gone(reservation)

    async def extend(self, ask: ExtendHold) -> Reservation:
        async with self._store.connection() as connection:
            reservation = await self._store.extend_hold(connection, ask.attempt_id, ask.hold_seconds)
        return _not_gone(reservation)

    async def release(self, ask: AttemptRef) -> Nothing:
        async with self._store.connection() as connection:
            state = await self._store.release_hold(connection, ask.attempt_id)
        if state == "committed":
            raise AlreadyCommitted(attempt_id=ask.attempt_id)
        return Nothing()

    async def put_back(self, ask: PutBack) -> Nothing:
        units = by_sku(ask.lines)
        async with self._store.connection() as connection:
            await self._store.book(connection, "returned", (ask.cause_id, "return"), DEFAULT_LOCATION, units, {})
        return Nothing()

    async def receive(self, ask: Receive) -> Nothing:
        units = by_sku(ask.lines)
        data = {"actor": ask.actor, "reason": ask.reason}
        async with self._store.connection() as connection:
            await self._store.book(connection, "received", (ask.cause_id, "delivery"), ask.location, units, data)
        return Nothing()

    async def adjust(self, ask: Adjust) -> Level:
        cause_id = ask.cause_id or new_id("adj")
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Level)
            if stored is not None:
                return stored
            connection = transaction.connection
            level = await self._store.lock_level(connection, ask.sku, ask.location)
            if not await self._store.has_happened(connection, ask.sku, ask.location, cause_id, "adjusted"):
                if level is None and ask.quantity < 0:
                    raise NotFound("There is no stock of this SKU at this location")
                check_adjustment(ask.sku, ask.quantity, level.available if level else 0)
                data = {"actor": ask.actor, "reason": ask.reason}
                cause = (cause_id, "staff")
                await self._store.book(connection, "adjusted", cause, ask.location, {ask.sku: ask.quantity}, data)
                level = await self._store.lock_level(connection, ask.sku, ask.location)
            assert level is not None
            return transaction.remember(level)

    async def set_low_mark(self, ask: SetLowMark) -> Level:
        async with self._store.connection() as connection:
            level = await self._store.set_low_mark(connection, ask.sku, ask.location, ask.low_stock_at)
        if level is None:
            raise NotFound("There is no stock of this SKU at this location")
        return level

    async def levels(self, ask: SkuRef) -> Page[Level]:
        async with self._store.connection() as connection:
            found = await self._store.levels(connection, ask.sku)
        if not found:
            raise NotFound("There is no stock of this SKU")
        return Page(data=found)

    async def history(self, ask: HistoryOf) -> History:
        filters = f"inventory.history {ask.sku} {ask.as_of}"
        before = None
        if ask.cursor is not None:
            at, stream, version = _position(filters, ask.cursor, 3)
            before = (_moment(at), int(stream), int(version))
        async with self._store.connection() as connection:
            if ask.as_of is None:
                levels = await self._store.levels(connection, ask.sku)
            else:
                levels = await self._store.levels_as_of(connection, ask.sku, ask.as_of)
            found = await self._store.events(connection, ask.sku, ask.as_of, before, ask.limit + 1)
        if not levels:
            raise NotFound("There is no stock of this SKU")
        shown, more = found[: ask.limit], len(found) > ask.limit
        return History(
            level=summed(levels),
            data=[each.row for each in shown],
            has_more=more,
            next_cursor=encode_cursor(filters, shown[-1].position) if more else None,
        )

    async def alerts(self, ask: AlertsOf) -> Page[Alert]:
        before = None
        if ask.cursor is not None:
            at, stream = _position("inventory.alerts", ask.cursor, 2)
            before = (_moment(at), int(stream))
        async with self._store.connection() as connection:
            found = await self._store.alerts(connection, before, ask.limit + 1)
        shown, more = found[: ask.limit], len(found) > ask.limit
        data = [
            Alert(
                sku=each.row["sku"],
                location=each.row["location"],
                kind="low_stock" if each.row["available"] else "out_of_stock",
                available=each.row["available"],
                since=each.row["low_since"],
            )
            for each in shown
        ]
        cursor = encode_cursor("inventory.alerts", shown[-1].position) if more else None
        return Page(data=data, has_more=more, next_cursor=cursor)

    async def expire_holds(self) -> int:
        """Give back what was held too long; how many reservations. Safe in several workers at once."""
        async with self._store.connection() as connection:
            return await self._store.expire_holds(connection, SWEEP_BATCH)


def _not_gone(reservation: Reservation | None) -> Reservation:
    if reservation is None or reservation.state not in ("held", "committed"):
        raise ReservationGone(state=reservation.state if reservation else "unknown")
    return reservation


def _position(filters: str, cursor: str, length: int) -> list[str | int]:
    position = decode_cursor(filters, cursor)
    if len(position) != length:
        raise InvalidCursor()
    return position


def _moment(text: str | int) -> datetime:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError as error:
        raise InvalidCursor() from error
