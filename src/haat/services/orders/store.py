"""SQL of orders. Lock order: the order, then its returns, then its tasks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.orders import (
    DayFigures,
    OrderPlaced,
    OrderReturn,
    Placed,
    PlaceOrder,
    Return,
    ReturnItem,
    StuckWork,
    TimelineEntry,
)
from haat.kit.database import Connection, Database, Transaction, outbox_row
from haat.kit.ids import first_id, is_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.kit.sql import load_queries
from haat.services.orders.invoices import Issued, invoice_number
from haat.services.orders.model import StoredOrder, body_of, first_status

CLOCKS_DIFFER = timedelta(hours=1)
queries = load_queries(Path(__file__).with_name("queries.sql"))


class Task(msgspec.Struct, frozen=True):
    """Work on one order that outlives a request; its effects are keyed by `id`, so repeating it is safe."""

    id: str
    order_id: str
    kind: str
    data: dict[str, Any]
    tries: int = 0


class Refusal(msgspec.Struct, frozen=True):
    """A neighbour's refusal of a task, as it is told again."""

    code: str
    detail: str
    facts: dict[str, Any]


# What happened to an order, and what came back of it, oldest first.
Around = tuple[list[TimelineEntry], list[Return]]


class OrderStore:
    """Orders by id, number and checkout; their timelines, returns and tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("orders")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def place(self, order_id: str, number: str, ask: PlaceOrder, event: OrderPlaced) -> Placed:
        """Insert the order and tell of it, or answer with the one there is for this checkout."""
        status, payment_status = first_status(ask)
        async with self.connection() as connection:
            row = await queries.place(
                connection,
                id=order_id,
                number=number,
                checkout_id=ask.checkout_id,
                attempt_id=ask.attempt_id,
                cart_id=ask.cart_id,
                user_id=ask.user_id,
                guest_hash=ask.guest_hash,
                email=ask.email,
                status=status,
                on_hold=ask.on_hold,
                body=body_of(ask),
                product_ids=[line.product_id for line in ask.items],
                payment_id=ask.payment_id,
                payment_status=payment_status,
                currency=ask.totals.total.currency,
                total_minor=ask.totals.total.amount,
                captured_minor=ask.totals.total.amount if ask.paid else 0,
                **outbox_row(event),
            )
            if row is None:
                # Placed by somebody else while our statement ran: it is not in our snapshot, but it is there now.
                row = await queries.placed(connection, checkout_id=ask.checkout_id)
        return Placed(id=row["id"], number=row["number"])

    async def load(self, ref: str) -> StoredOrder | None:
        """By id or number."""
        async with self.connection() as connection:
            return _order(await queries.load(connection, id=await _id(connection, ref)))

    async def load_whole(self, ref: str) -> tuple[StoredOrder, Around] | None:
        """By id or number, with what happened to it and what came back."""
        async with self.connection() as connection:
            row = await queries.load_whole(connection, id=await _id(connection, ref))
        if row is None:
            return None
        return msgspec.convert(dict(row), StoredOrder), _around(row, row["currency"])

    async def load_for_update(self, connection: Connection, order_id: str) -> StoredOrder | None:
        """By id, locked to the end of the transaction."""
        return _order(await queries.load_for_update(connection, id=order_id))

    async def lock_by_checkouts(self, connection: Connection, checkout_ids: Sequence[str]) -> list[StoredOrder]:
        """The orders of these checkouts, locked in the order of their ids."""
        rows = queries.lock_by_checkouts(connection, checkout_ids=list(checkout_ids))
        return [order async for row in rows if (order := _order(row))]

    async def lock_by_ids(self, connection: Connection, ids: Sequence[str]) -> list[StoredOrder]:
        """These orders, locked in the order of their ids."""
        return [order async for row in queries.lock_by_ids(connection, ids=list(ids)) if (order := _order(row))]

    async def list_of_user(
        self, user_id: str, status: str | None, before: str | None, how_many: int
    ) -> list[StoredOrder]:
        """A user's orders, newest first."""
        async with self.connection() as connection:
            rows = queries.list_of_user(connection, user_id=user_id, status=status, before=before, how_many=how_many)
            return [order async for row in rows if (order := _order(row))]

    async def list_all(self, status: str | None, text: str, before: str | None, how_many: int) -> list[StoredOrder]:
        """Everybody's orders, newest first; `text` is a number, an e-mail, an id of the order or its checkout."""
        async with self.connection() as connection:
            rows = queries.list_all(connection, status=status, text=text, before=before, how_many=how_many)
            return [order async for row in rows if (order := _order(row))]

    async def around(self, orders: Sequence[StoredOrder]) -> dict[str, Around]:
        """What happened to each order and what came back of it, oldest first."""
        currency = {order.id: order.currency for order in orders}
        async with self.connection() as connection:
            return {
                row["id"]: _around(row, currency[row["id"]])
                async for row in queries.around(connection, order_ids=list(currency))
            }

    async def one_return(self, return_id: str) -> Return | None:
        """One return."""
        async with self.connection() as connection:
            row = await queries.one_return(connection, id=return_id)
        return None if row is None else _return(row, row["currency"])

    async def lock_return(self, connection: Connection, return_id: str) -> tuple[Return, dict[str, int]]:
        """A return that exists, locked to the end of the transaction, and what its items cost, by item id."""
        row = await queries.lock_return(connection, id=return_id)
        return _return(row, row["currency"]), row["shares"]

    async def return_of_parcel(self, connection: Connection, order_id: str, shipment_id: str) -> Return | None:
        """The return that comes back in this parcel, locked to the end of the transaction."""
        row = await queries.return_of_parcel(connection, order_id=order_id, shipment_id=shipment_id)
        return None if row is None else _return(row, row["currency"])

    async def parcel_of_return(self, connection: Connection, return_id: str) -> str:
        """The parcel in which an approved return comes back."""
        return str(await queries.parcel_of_return(connection, id=return_id))

    async def approve_return(
        self, connection: Connection, return_id: str, shipment_id: str, entry: TimelineEntry
    ) -> None:
        """It comes back in this parcel."""
        await queries.approve_return(connection, id=return_id, shipment_id=shipment_id, entries=[entry])

    async def bought(self, user_id: str, product_id: str) -> bool:
        """Whether the user has an order with this product that was not canceled."""
        async with self.connection() as connection:
            return bool(await queries.bought(connection, user_id=user_id, product_id=product_id))

    async def update(self, connection: Connection, order: StoredOrder) -> bool:
        """Write what may change of an order; False when it has moved on since it was read."""
        version = await queries.update(
            connection,
            id=order.id,
            version=order.version,
            status=order.status,
            on_hold=order.on_hold,
            payment_status=order.payment_status,
            captured_minor=order.captured_minor,
            refunded_minor=order.refunded_minor,
            shipped=order.shipped,
            returned=order.returned,
            parcels=order.parcels,
            refunds=order.refunds,
            uneven=order.uneven,
        )
        return version is not None

    async def note(self, connection: Connection, order_id: str, type_: str, detail: str, actor: str = "") -> None:
        """A line in the order's timeline."""
        await queries.note(connection, order_id=order_id, type=type_, detail=detail, actor=actor)

    async def insert_return(self, connection: Connection, made: Return, shares: dict[str, int]) -> None:
        """A new return, and what its items cost, by item id."""
        await queries.insert_return(
            connection,
            id=made.id,
            order_id=made.order_id,
            status=made.status,
            items=made.items,
            refund_minor=made.refund.amount,
            timeline=made.timeline,
            shares=shares,
        )

    async def move_return(
        self, connection: Connection, return_id: str, status: str, entry: TimelineEntry, refund_minor: int | None = None
    ) -> None:
        """A return's next status, with its reason, and the money that went back, once it is known."""
        await queries.move_return(connection, id=return_id, status=status, entries=[entry], refund_minor=refund_minor)

    async def returns_open(self, connection: Connection, order_id: str) -> bool:
        """Whether something of the order is still to come back."""
        return bool(await queries.returns_open(connection, order_id=order_id))

    async def being_refunded(self, connection: Connection, order_id: str) -> tuple[dict[str, int], dict[str, int]]:
        """Units, and what they cost in minor units, by item id, of a refund of lines that is under way."""
        row = await queries.being_refunded(connection, order_id=order_id)
        return ({}, {}) if row is None else (row["units"] or {}, row["shares"] or {})

    async def busy(self, connection: Connection, order_id: str) -> bool:
        """Whether work on the order is under way; none begins while its row is held."""
        return bool(await queries.busy(connection, order_id=order_id))

    async def begin_task(self, connection: Connection, task: Task, lease_seconds: float) -> bool:
        """Start work on an order; False while other work on it is running."""
        begun = await queries.begin_task(
            connection, id=task.id, order_id=task.order_id, kind=task.kind, data=task.data, lease_seconds=lease_seconds
        )
        return begun is not None

    async def follow(self, connection: Connection, task: Task) -> None:
        """Start work on an order, or have it done right after the work that is under way."""
        # The work under way may end between the two looks; whoever else begins some holds the order's row.
        for _ in range(2):
            if await self.begin_task(connection, task, 0):
                return
            if await queries.follow_task(connection, order_id=task.order_id, next=[task]):
                return
        raise Unavailable("this order is busy")

    async def end_task(self, connection: Connection, task: Task, refused: Refusal | None = None) -> bool:
        """It is done, or refused, and what was to follow begins; False when another worker has ended it already."""
        row = await queries.end_task(connection, id=task.id, refused=refused)
        if row is None:
            return False
        following = msgspec.convert(row["next"], list[Task])
        if following:
            first, rest = following[0], following[1:]
            data = {**first.data, "next": rest} if rest else first.data
            await self.begin_task(connection, msgspec.structs.replace(first, data=data), 0)
        return True

    async def end_of(self, task_id: str) -> tuple[bool, Refusal | None]:
        """Whether a task is still at its first try, and why it was refused; None when it was not."""
        async with self.connection() as connection:
            row = await queries.end_of(connection, id=task_id)
        return row["under_way"], None if row["refused"] is None else msgspec.convert(row["refused"], Refusal)

    async def decide_amount(self, task_id: str, amount: int) -> int:
        """Write down what a task pays; the first to decide has decided."""
        async with self.connection() as connection:
            return int(await queries.decide_amount(connection, id=task_id, amount=amount))

    async def put_off_task(self, task_id: str, seconds: float, error: str) -> int | None:
        """Try again later: how often it was tried by now, None when another worker has ended it."""
        async with self.connection() as connection:
            tries: int | None = await queries.put_off_task(connection, id=task_id, seconds=seconds, error=error)
        return tries

    async def stuck(self, tries: int, after: str, how_many: int) -> list[StuckWork]:
        """Work that has failed so often and is not done, the oldest first."""
        async with self.connection() as connection:
            rows = queries.stuck(connection, tries=tries, after=after, how_many=how_many)
            return [StuckWork(**dict(row)) async for row in rows]

    async def lease_tasks(self, lease_seconds: float, how_many: int) -> list[Task]:
        """Work that nobody does at the moment."""
        async with self.connection() as connection:
            rows = queries.lease_tasks(connection, lease_seconds=lease_seconds, how_many=how_many)
            return [msgspec.convert(dict(row), Task) async for row in rows]

    async def to_fulfil(self, before: datetime, how_many: int) -> list[str]:
        """Orders confirmed before a moment and not yet packed, oldest first."""
        async with self.connection() as connection:
            return [row["id"] async for row in queries.to_fulfil(connection, before=before, how_many=how_many)]

    async def paid(self, connection: Connection, totals: Sequence[tuple[str, str, int]]) -> list[str]:
        """All the money taken so far, by checkout, payment and minor units; the ids of canceled orders among them."""
        checkout_ids, payment_ids, amounts = (list(column) for column in zip(*totals, strict=True))
        rows = queries.paid(connection, checkout_ids=checkout_ids, payment_ids=payment_ids, amounts=amounts)
        return [row["id"] async for row in rows]

    async def returns(self, ended: bool, after: tuple[datetime, str] | None, how_many: int) -> list[OrderReturn]:
        """Returns with their orders: those that wait, oldest first, or those that have ended, latest first."""
        at, return_id = after or (None, "")
        listed = queries.returns_ended if ended else queries.returns_waiting
        async with self.connection() as connection:
            return [
                OrderReturn(_return(row, row["currency"]), row["number"], row["name"], row["titles"])
                async for row in listed(connection, at=at, id=return_id, how_many=how_many)
            ]

    async def issued(self, connection: Connection, order_id: str) -> Issued | None:
        """The invoice of an order, when it has one."""
        row = await queries.invoice(connection, order_id=order_id)
        return None if row is None else msgspec.convert(dict(row), Issued)

    async def issue(self, connection: Connection, order_id: str, year: str) -> Issued:
        """Give an order that is held the next number of the year: numbers have no gaps, because both commit or none."""
        count = await queries.next_invoice(connection, year=year)
        row = await queries.insert_invoice(connection, order_id=order_id, number=invoice_number(year, count))
        return msgspec.convert(dict(row), Issued)

    async def figures(self, currency: str, since: datetime, until: datetime, zone: str) -> list[DayFigures]:
        """Count and sum of the orders that stand, by day in `zone`; days without orders are left out."""
        asked = {"currency": currency, "since": since, "until": until, "zone": zone}
        # An id is made a moment before its row, on another clock.
        first, end = first_id("ord", since - CLOCKS_DIFFER), first_id("ord", until + CLOCKS_DIFFER)
        async with self.connection() as connection:
            return [
                DayFigures(row["day"], row["count"], Money(row["total"], currency))
                async for row in queries.figures(connection, first=first, end=end, **asked)
            ]


def _around(row: Any, currency: str) -> Around:
    return (
        msgspec.convert(row["timeline"] or [], list[TimelineEntry]),
        [_return(each, currency) for each in row["returns"] or []],
    )


async def _id(connection: Connection, ref: str) -> str | None:
    """The id behind an id or a number. Asked for by either in one statement, an order costs two indexes each time."""
    return ref if is_id(ref, "ord") else await queries.id_of_number(connection, number=ref)


def _order(row: Any) -> StoredOrder | None:
    return None if row is None else msgspec.convert(dict(row), StoredOrder)


def _return(row: Any, currency: str) -> Return:
    return Return(
        id=row["id"],
        order_id=row["order_id"],
        status=row["status"],
        items=msgspec.convert(row["items"], list[ReturnItem]),
        refund=Money(row["refund_minor"], currency),
        created_at=msgspec.convert(row["created_at"], datetime),
        timeline=msgspec.convert(row["timeline"], list[TimelineEntry]),
    )
