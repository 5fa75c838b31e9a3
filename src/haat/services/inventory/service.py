"""The inventory's use cases: reserve, commit, release, receive, adjust, and why a level is what it is."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from haat.contracts.inventory import (
    DEFAULT_LOCATION,
    Adjust,
    Alert,
    AlertsOf,
    AlreadyCommitted,
    AnnounceDrop,
    AttemptRef,
    Damage,
    ExtendHold,
    History,
    HistoryOf,
    Inventory,
    Level,
    Location,
    OutOfStock,
    PutBack,
    Receive,
    Reservation,
    Reserve,
    SetLowMark,
    SetPriority,
    SkuRef,
    Stock,
    StockCameBack,
    StockOf,
    Transfer,
)
from haat.kit.crashpoints import crashpoint
from haat.kit.cursor import Moment, Number, decode_cursor, paged
from haat.kit.database import Transaction
from haat.kit.gathering import GatheredMeanwhile
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound, Nothing, Page
from haat.kit.problem import Precondition
from haat.kit.telemetry import DRIFTS
from haat.services.inventory.model import by_sku, out_of_stock, summed, words_of
from haat.services.inventory.reserving import Reserving, not_gone
from haat.services.inventory.sourcing import Rule
from haat.services.inventory.store import Drift, InventoryStore

SWEEP_BATCH = 200
AUDIT_LEAST = 200
SNAPSHOT_EVERY = 500

log = structlog.get_logger("haat.inventory")


class InventoryService(Inventory):
    """A reservation is granted, and a level changed, only by the statement that counts it."""

    def __init__(self, store: InventoryStore, sourcing: Rule = "fewest_parcels") -> None:
        self._store = store
        self._reserving = Reserving(store, sourcing)
        self._levels = GatheredMeanwhile(self._levels_of_all)

    async def stock_of(self, ask: StockOf) -> Stock:
        if not ask.skus:
            return Stock(available={})
        return Stock(available=await self._levels.ask(ask.skus))

    async def _levels_of_all(self, asked: Sequence[Sequence[str]]) -> list[dict[str, int]]:
        wanted = sorted({sku for skus in asked for sku in skus})
        async with self._store.connection() as connection:
            found = await self._store.stock_of(connection, wanted)
        return [{sku: found[sku] for sku in skus if sku in found} for skus in asked]

    async def reserve(self, ask: Reserve) -> Reservation:
        reservation = await self._reserving.reserve(ask)
        crashpoint("inv.reserved")
        return reservation

    async def commit(self, ask: AttemptRef) -> Reservation:
        reservation = await self._reserving.commit(ask.attempt_id)
        crashpoint("inv.committed")
        return reservation

    async def extend(self, ask: ExtendHold) -> Reservation:
        async with self._store.connection() as connection:
            reservation = await self._store.extend_hold(connection, ask.attempt_id, ask.hold_seconds)
        return not_gone(reservation)

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
        data = {"actor": ask.actor, **words_of(ask.reason)}
        async with self._store.connection() as connection:
            await self._store.book(connection, "received", (ask.cause_id, "delivery"), ask.location, units, data)
        return Nothing()

    async def adjust(self, ask: Adjust) -> Level:
        if ask.quantity == 0:
            raise Invalid(errors=[{"pointer": "/quantity", "code": "out_of_range", "detail": "must not be 0"}])
        return await self._change(ask, "adjusted", -ask.quantity)

    async def damage(self, ask: Damage) -> Level:
        return await self._change(ask, "damaged", ask.quantity)

    async def _change(self, ask: Adjust | Damage, type_: str, leaving: int) -> Level:
        """Book by staff at one location; `leaving` are the units that it takes from there."""
        cause = (ask.cause_id or new_id("adj"), "staff")
        data = {"actor": ask.actor, **words_of(ask.reason)}
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Level)
            if stored is not None:
                return stored
            connection = transaction.connection
            booked = await self._store.book(connection, type_, cause, ask.location, {ask.sku: ask.quantity}, data)
            level = await self._store.level(connection, ask.sku, ask.location)
            if not booked:
                raise _refused(level, ask.sku, leaving)
            assert level is not None
            if level.version == 1:
                await self._tell_first(transaction, level)
            return transaction.remember(level)

    async def _tell_first(self, transaction: Transaction, level: Level) -> None:
        """Whoever waits for a SKU that never had units waits for its first ones as for any that come back."""
        total = summed(await self._store.levels(transaction.connection, level.sku))
        if total.version == 1 and total.available > 0:
            transaction.publish(StockCameBack(sku=level.sku, available=total.available))

    async def transfer(self, ask: Transfer) -> Page[Level]:
        if ask.source == ask.target:
            raise Invalid(errors=[{"pointer": "/target", "code": "invalid", "detail": "must be another location"}])
        cause = (new_id("trf"), "staff")
        data = {"actor": ask.actor, **words_of(ask.reason), "source": ask.source, "target": ask.target}
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Page[Level])
            if stored is not None:
                return stored
            connection = transaction.connection
            level = await self._store.level(connection, ask.sku, ask.source)
            if level is None:
                raise _refused(None, ask.sku, ask.quantity)
            # What comes first: a new location must be made before anything is locked.
            for location, units in ((ask.target, ask.quantity), (ask.source, -ask.quantity)):
                if not await self._store.book(connection, "transferred", cause, location, {ask.sku: units}, data):
                    level = await self._store.level(connection, ask.sku, ask.source)
                    raise _refused(level, ask.sku, ask.quantity)
            return transaction.remember(Page(data=await self._store.levels(connection, ask.sku)))

    async def locations(self, ask: Nothing) -> Page[Location]:
        async with self._store.connection() as connection:
            return Page(data=await self._store.locations(connection))

    async def set_priority(self, ask: SetPriority) -> Nothing:
        async with self._store.connection() as connection:
            if not await self._store.set_priority(connection, ask.location, ask.priority, ask.expected):
                raise Precondition()
        return Nothing()

    async def announce(self, ask: AnnounceDrop) -> Nothing:
        async with self._store.connection() as connection:
            if not await self._store.announce(connection, ask.sku, ask.until):
                raise NotFound("There is no stock of this SKU")
        return Nothing()

    async def set_low_mark(self, ask: SetLowMark) -> Level:
        async with self._store.connection() as connection:
            level = await self._store.set_low_mark(connection, ask.sku, ask.location, ask.low_stock_at, ask.expected)
            there = level is not None or await self._store.level(connection, ask.sku, ask.location) is not None
        if level is None and there:
            raise Precondition()
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
        before = decode_cursor(filters, ask.cursor, tuple[Moment, Number, Number])
        async with self._store.connection() as connection:
            if ask.as_of is None:
                levels = await self._store.levels(connection, ask.sku)
            else:
                levels = await self._store.levels_as_of(connection, ask.sku, ask.as_of)
            found = await self._store.events(connection, ask.sku, ask.as_of, before, ask.limit + 1)
        if not levels:
            raise NotFound("There is no stock of this SKU")
        page = paged(filters, found, ask.limit, lambda each: each.place)
        return History(
            level=summed(levels),
            data=[each.row for each in page.data],
            has_more=page.has_more,
            next_cursor=page.next_cursor,
        )

    async def alerts(self, ask: AlertsOf) -> Page[Alert]:
        before = decode_cursor("inventory.alerts", ask.cursor, tuple[Moment, Number])
        async with self._store.connection() as connection:
            found = await self._store.alerts(connection, before, ask.limit + 1)
        page = paged("inventory.alerts", found, ask.limit, lambda each: each.place)
        data = [
            Alert(
                sku=each.row["sku"],
                location=each.row["location"],
                kind="low_stock" if each.row["available"] else "out_of_stock",
                available=each.row["available"],
                since=each.row["low_since"],
            )
            for each in page.data
        ]
        return Page(data=data, has_more=page.has_more, next_cursor=page.next_cursor)

    async def expire_holds(self) -> int:
        """Give back what was held too long; how many reservations. Safe in several workers at once."""
        async with self._store.connection() as connection:
            expired, stuck = await self._store.expire_holds(connection, SWEEP_BATCH)
        for attempt_id in stuck:
            log.error("a hold cannot end", attempt_id=attempt_id)
        return expired

    async def audit(self) -> list[Drift]:
        """Hold some levels against their events, the next ones each time, and raise the alarm for what differs."""
        async with self._store.connection() as connection:
            found = await self._store.audit(connection, AUDIT_LEAST, SNAPSHOT_EVERY)
        for drift in found:
            log.error("stock has drifted", sku=drift.sku, location=drift.location, fault=drift.fault)
            DRIFTS.inc()
        return found


def _refused(level: Level | None, sku: str, leaving: int) -> NotFound | OutOfStock:
    # A location that holds nothing and never did was only made by the attempt to take from it.
    if level is None or level.version == 0:
        return NotFound("There is no stock of this SKU at this location")
    return out_of_stock([{"sku": sku, "requested": leaving, "available": level.available}])
