"""Orders follow what others tell: money that is taken, comes back or runs out, parcels that move, decisions."""

from __future__ import annotations

import msgspec
import structlog

from haat.contracts.fraud import ReviewDecided
from haat.contracts.orders import ParcelUndelivered
from haat.contracts.payments import PaymentCaptured, PaymentFailed, PaymentRefunded
from haat.contracts.shipping import ShipmentMoved
from haat.kit.database import Batch, Transaction
from haat.kit.ids import new_id
from haat.kit.money import format_money
from haat.services.orders.model import (
    CANCELABLE,
    StoredOrder,
    canceled,
    forward,
    order_moved,
    undelivered,
    with_failed_refund,
    with_heard_refund,
)
from haat.services.orders.parcels import STOPPED, owed_at_the_door, with_parcel
from haat.services.orders.returning import Returning
from haat.services.orders.store import OrderStore, Task

log = structlog.get_logger("haat.orders")
_SAID = {
    "partially_shipped": "A part is on its way",
    "shipped": "On its way",
    "out_for_delivery": "Out for delivery",
    "partially_delivered": "A part was delivered",
    "delivered": "Delivered",
}
_STOPPED = {
    "failed": "The carrier does not deliver this parcel",
    "canceled": "This parcel was stopped before it left",
}
RAN_OUT = "The payment ran out before the money was taken"


class Following:
    """Each batch is one transaction; a notice that came before is not heard again."""

    def __init__(self, store: OrderStore, returning: Returning) -> None:
        self._store = store
        self._returning = returning

    async def payments_captured(self, batch: Batch[PaymentCaptured]) -> None:
        """Money has been taken: the orders are confirmed; a canceled one gives it back, as the payments do."""
        async with self._store.transaction() as transaction:
            fresh = await transaction.accept(batch)
            if not fresh:
                return
            totals = [(each.checkout_id, each.payment_id, (each.total or each.amount).amount) for each in fresh]
            for order_id in await self._store.paid(transaction.connection, totals):
                order = await self._store.load_for_update(transaction.connection, order_id)
                assert order is not None
                await self._store.update(transaction.connection, canceled(order, order.captured_minor))

    async def payments_refunded(self, batch: Batch[PaymentRefunded]) -> None:
        """The orders' money says what went back, whoever asked for it; what a bank sent back is seen by staff."""
        async with self._store.transaction() as transaction:
            fresh = await transaction.accept(batch)
            for order in await self._of_checkouts(transaction, fresh):
                after = order
                for event in fresh:
                    if event.payment_id == order.payment_id:
                        after = await self._refunded(transaction, after, event)
                if after is not order:
                    await self._store.update(transaction.connection, after)

    async def payments_failed(self, batch: Batch[PaymentFailed]) -> None:
        """A hold ran out after the order was placed: what has not left is canceled, so that its stock is sold."""
        async with self._store.transaction() as transaction:
            fresh = await transaction.accept(batch)
            lost = {event.payment_id for event in fresh}
            for order in await self._of_checkouts(transaction, fresh):
                # Other payments of the checkout were refused before the order's own went through.
                if order.payment_id not in lost or order.payment_status != "authorized" or order.captured_minor:
                    continue
                await self._store.note(transaction.connection, order.id, "payment_expired", RAN_OUT, "payments")
                if order.status in CANCELABLE:
                    data = {"actor": "payments", "reason": RAN_OUT}
                    await self._store.follow(transaction.connection, Task(new_id("tsk"), order.id, "cancel", data))
                else:
                    log.error("shipped without money", order_id=order.id)
                    await self._store.update(transaction.connection, _with(order, payment_status="voided"))

    async def shipments_moved(self, batch: Batch[ShipmentMoved]) -> None:
        """Parcels move, the orders with them; never back, and delivered only when every unit is."""
        async with self._store.transaction() as transaction:
            fresh = await transaction.accept(batch)
            orders = await self._store.lock_by_ids(transaction.connection, [e.order_id for e in fresh])
            for order in orders:
                mine = [event for event in fresh if event.order_id == order.id]
                await self._returning.moved(transaction, order, [e for e in mine if e.direction == "return"])
                moved = order
                for event in mine:
                    if event.direction == "outbound":
                        moved = with_parcel(moved, event.shipment_id, event.status, event.units)
                        if event.status in STOPPED and order.status != "canceled":
                            kind, told = f"parcel_{event.status}", event.detail or _STOPPED[event.status]
                            await self._store.note(transaction.connection, order.id, kind, told, "carrier")
                await self._move(transaction, order, moved)

    async def reviews_decided(self, batch: Batch[ReviewDecided]) -> None:
        """A person has looked at a held order: it goes on, or it is canceled and the money goes back."""
        async with self._store.transaction() as transaction:
            fresh = await transaction.accept(batch)
            decisions = {event.attempt_id: event.decision for event in fresh}
            for order in await self._store.lock_by_checkouts(transaction.connection, [e.checkout_id for e in fresh]):
                # Another attempt of the checkout was another payment: what is said of that one is not of this order.
                if not order.on_hold or order.attempt_id not in decisions:
                    continue
                if decisions[order.attempt_id] == "approve":
                    await self._release_hold(transaction, order)
                    continue
                data = {"actor": "risk", "reason": "Order declined"}
                await self._store.follow(transaction.connection, Task(new_id("tsk"), order.id, "cancel", data))

    async def _refunded(self, transaction: Transaction, order: StoredOrder, event: PaymentRefunded) -> StoredOrder:
        money = format_money(event.amount)
        if event.state == "failed":
            detail = f"The refund of {money} did not reach the customer"
            await self._store.note(transaction.connection, order.id, "refund_failed", detail, "payments")
            log.error("refund failed", order_id=order.id, refund_id=event.refund_id)
            return with_failed_refund(order, event.refund_id, event.amount.amount)
        after = with_heard_refund(order, event.refund_id, event.amount.amount)
        if order.status == "canceled" and after.refunded_minor > order.refunded_minor:
            detail = f"The refund of {money} went out again"
            await self._store.note(transaction.connection, order.id, "refunded", detail, "payments")
        return after

    async def _of_checkouts(
        self, transaction: Transaction, events: list[PaymentRefunded] | list[PaymentFailed]
    ) -> list[StoredOrder]:
        if not events:
            return []
        return await self._store.lock_by_checkouts(transaction.connection, [event.checkout_id for event in events])

    async def _release_hold(self, transaction: Transaction, order: StoredOrder) -> None:
        paid = order.payment_status in ("paid", "cash_on_delivery")
        status = forward(order.status, "confirmed") if paid else order.status
        await self._store.update(transaction.connection, _with(order, status=status, on_hold=False))
        await self._store.note(transaction.connection, order.id, "reviewed", "The order was checked and goes on")
        if not paid:
            task = Task(new_id("tsk"), order.id, "capture", {"actor": "risk", "amount": 0})
            await self._store.follow(transaction.connection, task)

    async def _move(self, transaction: Transaction, before: StoredOrder, order: StoredOrder) -> None:
        if order is before:
            return
        await self._store.update(transaction.connection, order)
        for shipment_id in undelivered(order):
            if shipment_id not in undelivered(before):
                news = ParcelUndelivered(
                    order_id=order.id, number=order.number, shipment_id=shipment_id, user_id=order.user_id
                )
                transaction.publish(news)
        status, owed = order.status, owed_at_the_door(order)
        if status != before.status and status in _SAID:
            await self._store.note(transaction.connection, order.id, status, _SAID[status])
            transaction.publish(order_moved(order, status))
        if owed > owed_at_the_door(before):
            task = Task(new_id("tsk"), order.id, "capture", {"actor": "carrier", "owed": owed})
            await self._store.follow(transaction.connection, task)


def _with(order: StoredOrder, **changes: object) -> StoredOrder:
    return msgspec.structs.replace(order, **changes)
