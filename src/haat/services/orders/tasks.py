"""Work on an order that outlives a request: parcels, cancellations, refunds. Effects first, then one final write.

Each effect is keyed by the task's id, so a worker that finds a half-done task does it again from the start and nothing
happens twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec
import structlog

from haat.contracts.inventory import Inventory, Line, PutBack
from haat.contracts.orders import OrderStateError, TimelineEntry
from haat.contracts.payments import Capture, Payment, PaymentRef, Payments, Refund, Void
from haat.contracts.shipping import CancelShipments, Dispatch, Shipment, ShipmentsOf, ShipmentUnderWay, Shipping
from haat.kit.clock import now
from haat.kit.database import Transaction
from haat.kit.message import DomainError, Unavailable
from haat.kit.money import Money
from haat.kit.telemetry import STUCK
from haat.services.orders.model import (
    CANCELED,
    REFUSED,
    StoredOrder,
    added,
    canceled,
    forward,
    order_moved,
    parcels,
    with_captured,
    with_refund,
)
from haat.services.orders.parcels import STAGES, STOPPED, as_handed_over, lost
from haat.services.orders.returning import call_off, on_its_way, return_moved
from haat.services.orders.store import OrderStore, Refusal, Task
from haat.services.orders.worth import paid_by_return, with_returned

log = structlog.get_logger("haat.orders")
# Tries until work that goes on failing is an alarm: ten minutes with the waits below.
STUCK_TRIES = 15
LONGEST_WAIT_SECONDS = 60.0
STUCK_WAIT_SECONDS = 900.0
AT_ONCE = 5
# What has not happened after all, when nobody waits for the answer.
_REFUSED = {
    "ship": "The parcel was not handed over",
    "cancel": "The order was not canceled",
    "refund": "No money was sent back",
    "receive": "The return was not received",
    "capture": "No money was taken",
    "approve": "The return was not approved",
    "call_off": "The return's parcel was not called off",
}
Write = Callable[[Transaction, StoredOrder], Awaitable[StoredOrder]]


class Tasks:
    """Carries out tasks. Any number of workers may: effects are idempotent and the final write is fenced."""

    def __init__(self, store: OrderStore, payments: Payments, inventory: Inventory, shipping: Shipping) -> None:
        self._store = store
        self._payments = payments
        self._inventory = inventory
        self._shipping = shipping
        self._kinds: dict[str, Callable[[Task, StoredOrder], Awaitable[Write]]] = {
            "ship": self._ship,
            "cancel": self._cancel,
            "refund": self._refund,
            "receive": self._receive,
            "capture": self._capture,
            "approve": self._approve,
            "call_off": self._call_off,
        }

    async def run(self, task: Task, alone: bool = False) -> None:
        """Effects, then the final write. Raises DomainError when refused (the task is over), Unavailable (it waits).

        `alone`: nobody waits for the answer, so a refusal is told to staff in the order's timeline.
        """
        order = await self._store.load(task.order_id)
        assert order is not None
        try:
            write = await self._kinds[task.kind](task, order)
        except Unavailable as error:
            await self._put_off(task, error.detail)
            raise
        except DomainError as error:
            log.info("task refused", task=task.kind, order_id=order.id, code=error.code)
            async with self._store.transaction() as transaction:
                # The order first, as everybody does: whoever holds it may be about to give this task a follower.
                await self._store.load_for_update(transaction.connection, order.id)
                refusal = Refusal(error.code, error.detail, error.facts)
                if await self._store.end_task(transaction.connection, task, refusal) and alone:
                    told, actor = f"{_REFUSED[task.kind]}: {error.detail}", task.data["actor"]
                    await self._store.note(transaction.connection, order.id, REFUSED, told, actor)
            raise
        async with self._store.transaction() as transaction:
            current = await self._store.load_for_update(transaction.connection, order.id)
            assert current is not None
            # Two workers may have carried the task out, each effect once; only one of them writes it down.
            if await self._store.end_task(transaction.connection, task):
                await self._store.update(transaction.connection, await write(transaction, current))

    async def go_on(self, tasks: Sequence[Task]) -> None:
        """Run tasks that nobody waits for, some side by side: one neighbour that hangs must not hold the others."""
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._go_on(task, gate) for task in tasks))

    async def _go_on(self, task: Task, gate: asyncio.Semaphore) -> None:
        """Whatever is wrong with it, it must not keep others from their turn."""
        async with gate:
            try:
                await self.run(task, alone=True)
            except DomainError as error:
                log.warning("task did not end", task=task.kind, order_id=task.order_id, error=error.detail)
            except Exception as error:
                log.exception("task failed", task=task.kind, order_id=task.order_id)
                # Without a database not even that can be written; its lease ends by itself.
                with suppress(Exception):
                    await self._put_off(task, repr(error))

    async def _put_off(self, task: Task, error: str) -> None:
        """To be tried again later; work that goes on failing raises an alarm, and is still tried, but slower."""
        wait = wait_seconds(task.tries)
        tries = await self._store.put_off_task(task.id, wait, error[:500])
        if tries is not None and tries >= STUCK_TRIES:
            STUCK.labels(task.kind).inc()
        if tries == STUCK_TRIES:
            log.error("task stuck", task=task.kind, order_id=task.order_id, tries=tries, again_in=wait, error=error)

    async def _ship(self, task: Task, order: StoredOrder) -> Write:
        wanted: dict[str, int] = task.data["units"]
        items, weight = parcels(order, wanted)
        shipment = await self._shipping.dispatch(
            Dispatch(
                request_id=task.id,
                order_id=order.id,
                address=order.body.shipping_address,
                items=items,
                weight_grams=weight,
                method=order.body.shipping_method,
            )
        )

        async def write(transaction: Transaction, current: StoredOrder) -> StoredOrder:
            detail = _numbered(f"Packed for {shipment.carrier}", shipment)
            await self._store.note(transaction.connection, current.id, "packed", detail, task.data["actor"])
            transaction.publish(order_moved(current, "packed"))
            status, shipped = forward(current.status, "packed"), added(current.shipped, wanted)
            # The carrier may have refused it by now.
            return as_handed_over(msgspec.structs.replace(current, status=status, shipped=shipped))

        return write

    async def _cancel(self, task: Task, order: StoredOrder) -> Write:
        await self._shipping.cancel(CancelShipments(order_id=order.id))
        await self._check_here(order)
        await self._payments.void(Void(attempt_id=order.attempt_id, reason="order canceled"))
        # The money may have been taken a moment ago, and the notice of it not have come yet.
        payment = await self._payments.payment(PaymentRef(payment_id=order.payment_id))
        lines = [Line(sku=line.sku, quantity=line.quantity) for line in order.body.items]
        await self._inventory.put_back(PutBack(cause_id=f"{order.id}:canceled", lines=lines))

        async def write(transaction: Transaction, current: StoredOrder) -> StoredOrder:
            if current.status == CANCELED:
                # A rejection, or money that ran out, beside a cancellation under way follows it and finds it done.
                return canceled(current, payment.captured.amount)
            detail = task.data["reason"] or "Order canceled"
            await self._store.note(transaction.connection, current.id, "canceled", detail, task.data["actor"])
            transaction.publish(order_moved(current, "canceled"))
            return canceled(current, payment.captured.amount)

        return write

    async def _check_here(self, order: StoredOrder) -> None:
        """Raises ShipmentUnderWay for units that are on the road: they must not be sold again."""
        if not order.shipped:
            return
        for parcel in (await self._shipping.shipments(ShipmentsOf(order_ids=[order.id]))).data:
            if lost(order, parcel):
                raise ShipmentUnderWay(shipment_id=parcel.id, state=parcel.status)

    async def _refund(self, task: Task, order: StoredOrder) -> Write:
        paid_back = await self._pay_back(task, order, task.data["amount"])

        async def write(transaction: Transaction, current: StoredOrder) -> StoredOrder:
            refunded = with_refund(current, paid_back)
            if not any(paid_back.values()):
                # Refused at once, which payments tell, too: its lines can be refunded anew.
                return refunded
            await self._store.note(
                transaction.connection, current.id, "refunded", task.data["reason"], task.data["actor"]
            )
            return with_returned(refunded, task.data.get("units") or {}, task.data.get("shares") or {})

        return write

    async def _approve(self, task: Task, order: StoredOrder) -> Write:
        return_id = task.data["return_id"]
        items, weight = parcels(order, task.data["units"])
        shipment = await self._shipping.dispatch(
            Dispatch(
                request_id=task.id,
                order_id=order.id,
                address=order.body.shipping_address,
                items=items,
                weight_grams=weight,
                direction="return",
            )
        )
        if shipment.status in STOPPED:
            # Nobody comes: the customer must not be told so, and another try asks the carrier anew.
            told = "The carrier does not fetch this; arrange its way back with the customer"
            raise OrderStateError(told, state=shipment.status)

        async def write(transaction: Transaction, current: StoredOrder) -> StoredOrder:
            detail = _numbered(f"{shipment.carrier} fetches it", shipment)
            entry = TimelineEntry(at=now(), type="approved", detail=detail, actor=task.data["actor"])
            await self._store.approve_return(transaction.connection, return_id, shipment.id, entry)
            await self._store.note(transaction.connection, current.id, "return_approved", detail, task.data["actor"])
            transaction.publish(return_moved(current, return_id, "approved"))
            back, _ = await self._store.lock_return(transaction.connection, return_id)
            if shipment.status in STAGES:
                # It moved while this waited: the notice of it came when no return had this parcel yet.
                await on_its_way(self._store, transaction, back, shipment.status)
            return current

        return write

    async def _call_off(self, task: Task, order: StoredOrder) -> Write:
        """The parcel of a return that was rejected, or is here already; that it is stopped is told by the carrier."""
        there = False
        try:
            await self._shipping.cancel(CancelShipments(order_id=order.id, shipment_id=task.data["shipment_id"]))
        except ShipmentUnderWay:
            there = True

        async def write(transaction: Transaction, current: StoredOrder) -> StoredOrder:
            if there:
                detail = "The carrier has the return's parcel already: it comes all the same"
                await self._store.note(transaction.connection, current.id, "parcel_under_way", detail, "carrier")
            return current

        return write

    async def _receive(self, task: Task, order: StoredOrder) -> Write:
        back = await self._decided(task, order)
        paid_back = await self._pay_back(task, order, back) if back else {}
        units: dict[str, int] = task.data["units"]
        if task.data["restock"]:
            skus = {line.id: line.sku for line in order.body.items}
            lines = [Line(sku=skus[item_id], quantity=quantity) for item_id, quantity in units.items()]
            await self._inventory.put_back(PutBack(cause_id=task.data["return_id"], lines=lines))

        async def write(transaction: Transaction, current: StoredOrder) -> StoredOrder:
            actor = task.data["actor"]
            detail, sent = "Parcel received, no money was left to send back", sum(paid_back.values())
            if back:
                detail = "Parcel received, money sent back" if sent else "Parcel received, its money did not go through"
            entry = TimelineEntry(at=now(), type="refunded", detail=detail, actor=actor)
            before, _ = await self._store.lock_return(transaction.connection, task.data["return_id"])
            await self._store.move_return(transaction.connection, before.id, "refunded", entry, sent)
            if before.status == "approved":
                # It came some other way than with the carrier, who is still to come for it.
                await call_off(self._store, transaction, before, actor)
            await self._store.note(transaction.connection, current.id, "return_received", entry.detail, actor)
            asked = all(current.returned.get(line.id, 0) >= line.quantity for line in current.body.items)
            everything = asked and not await self._store.returns_open(transaction.connection, current.id)
            status = forward(current.status, "returned") if everything else current.status
            if status != current.status:
                transaction.publish(order_moved(current, status))
            return msgspec.structs.replace(with_refund(current, paid_back), status=status)

        return write

    async def _capture(self, task: Task, order: StoredOrder) -> Write:
        payment = await self._taken(task, order)

        async def write(transaction: Transaction, current: StoredOrder) -> StoredOrder:
            captured, actor = payment.captured.amount, task.data["actor"]
            if "owed" not in task.data or captured > current.captured_minor:
                await self._store.note(transaction.connection, current.id, "paid", "Payment received", actor)
            paid = with_captured(current, captured)
            # A held one waits for its review all the same.
            status = current.status if current.on_hold else forward(current.status, "confirmed")
            return msgspec.structs.replace(paid, status=status)

        return write

    async def _taken(self, task: Task, order: StoredOrder) -> Payment:
        """The payment once an amount is taken (zero is all that is left), or what is owed by now."""
        amount = task.data.get("amount", 0)
        if owed := task.data.get("owed"):
            known = await self._payments.payment(PaymentRef(payment_id=order.payment_id))
            # Gift cards and store credit pay first, and count as taken with the first cash.
            by_credit = known.by_credit.amount if known.by_credit else 0
            amount = owed - max(known.captured.amount, by_credit)
            if amount <= 0:
                return known
        return await self._payments.capture(
            Capture(
                payment_id=order.payment_id,
                request_id=task.id,
                amount=Money(amount, order.currency) if amount else None,
            )
        )

    async def _decided(self, task: Task, order: StoredOrder) -> int:
        """What a return pays. Written down before payments are asked: another try asks for the same, never for less."""
        if "amount" in task.data:
            return int(task.data["amount"])
        payment = await self._payments.payment(PaymentRef(payment_id=order.payment_id))
        return await self._store.decide_amount(task.id, paid_by_return(payment, task.data["most"]))

    async def _pay_back(self, task: Task, order: StoredOrder, amount: int) -> dict[str, int]:
        """What goes back in minor units, by refund id."""
        refund = await self._payments.refund(
            Refund(
                payment_id=order.payment_id,
                request_id=task.id,
                reason=task.data["reason"],
                amount=Money(amount, order.currency),
            )
        )
        return {refund_id: part.amount for refund_id, part in refund.parts.items()}


def wait_seconds(tries: int) -> float:
    """How long a task that has failed `tries` times before waits now."""
    if tries + 1 >= STUCK_TRIES:
        return STUCK_WAIT_SECONDS
    return min(LONGEST_WAIT_SECONDS, 0.5 * 2.0**tries)


def _numbered(words: str, shipment: Shipment) -> str:
    """With the parcel's number, once the carrier has given it one."""
    return f"{words}, {shipment.tracking_number}" if shipment.tracking_number else words
