"""What comes back: returns asked for or rejected, the way of their parcels, and parcels that were not delivered.

Approving, receiving and calling off are tasks.
"""

from __future__ import annotations

from collections.abc import Sequence

from haat.contracts.orders import (
    OrderStateError,
    RejectReturn,
    RequestReturn,
    Return,
    ReturnMoved,
    TakeBack,
    TimelineEntry,
)
from haat.contracts.shipping import ShipmentMoved
from haat.kit.clock import now
from haat.kit.database import Transaction
from haat.kit.ids import new_id
from haat.kit.message import Nothing
from haat.kit.money import Money
from haat.services.orders.model import RETURNABLE, StoredOrder, return_items, summed, units
from haat.services.orders.parcels import STAGES, STOPPED, not_returnable, taken_back
from haat.services.orders.store import OrderStore, Task
from haat.services.orders.worth import shares_of, with_returned

_STOPPED = {
    "failed": "The carrier does not fetch what comes back",
    "canceled": "The carrier fetches nothing any more",
}


class Returning:
    """Each is one transaction with the order's row held."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store

    async def request(self, order_id: str, ask: RequestReturn) -> Return:
        """Raises OrderStateError before delivery, Invalid for units that are not there to come back."""
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Return)
            if stored is not None:
                return stored
            order = await self._store.load_for_update(transaction.connection, order_id)
            assert order is not None
            if order.status not in RETURNABLE:
                raise OrderStateError("Only what has been delivered can be returned", state=order.status)
            # A refund of lines that waits for payments counts its units when it is over.
            ahead = with_returned(order, *await self._store.being_refunded(transaction.connection, order.id))
            wanted = units(order, return_items(ask.items), not_returnable(ahead))
            shares = shares_of(ahead, wanted)
            made = Return(
                id=new_id("ret"),
                order_id=order.id,
                status="requested",
                items=ask.items,
                refund=Money(sum(shares.values()), order.currency),
                created_at=now(),
                timeline=[TimelineEntry(at=now(), type="requested", detail="Return requested")],
            )
            await self._store.insert_return(transaction.connection, made, shares)
            await self._store.note(transaction.connection, order.id, "return_requested", made.id)
            # Counted now, so that the same unit cannot be in two returns.
            await self._store.update(transaction.connection, with_returned(order, wanted, shares))
            return transaction.remember(made)

    async def reject(self, order_id: str, ask: RejectReturn) -> Return:
        """Its units are free to be returned again. Raises OrderStateError once it is, or is being, received."""
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Return)
            if stored is not None:
                return stored
            order = await self._store.load_for_update(transaction.connection, order_id)
            assert order is not None
            back, shares = await self._store.lock_return(transaction.connection, ask.return_id)
            if back.status == "refunded":
                raise OrderStateError("This return was received already", state=back.status)
            if back.status != "rejected":
                # Work that waits for a neighbour may have sent the money already.
                if await self._store.busy(transaction.connection, order.id):
                    raise OrderStateError("Other work on this order is under way; try again", state=order.status)
                await self._rejected(transaction, order, back, shares, ask)
            after, _ = await self._store.lock_return(transaction.connection, ask.return_id)
            return transaction.remember(after)

    async def take_back(self, order_id: str, ask: TakeBack) -> None:
        """Raises OrderStateError for a parcel that the carrier has not given up."""
        async with self._store.transaction() as transaction:
            if await transaction.replay(ask.idempotency, Nothing) is not None:
                return
            order = await self._store.load_for_update(transaction.connection, order_id)
            assert order is not None
            parcel = order.parcels.get(ask.shipment_id)
            if parcel is None or parcel.status != "failed":
                raise OrderStateError("The carrier has not given this parcel up", state=order.status)
            if parcel.units:
                told = "The parcel is here again"
                await self._store.note(transaction.connection, order.id, "parcel_back", told, ask.actor)
                await self._store.update(transaction.connection, taken_back(order, ask.shipment_id))
            transaction.remember(Nothing())

    async def moved(self, transaction: Transaction, order: StoredOrder, events: Sequence[ShipmentMoved]) -> None:
        """A return's parcel moves, and the return with it; that it has arrived is noted, receiving it is for people."""
        for event in events:
            back = await self._store.return_of_parcel(transaction.connection, order.id, event.shipment_id)
            if event.status in STOPPED:
                told = event.detail or _STOPPED[event.status]
                await self._store.note(transaction.connection, order.id, f"parcel_{event.status}", told, "carrier")
            elif back is not None and event.status in STAGES:
                await on_its_way(self._store, transaction, back, event.status)

    async def _rejected(
        self, transaction: Transaction, order: StoredOrder, back: Return, shares: dict[str, int], ask: RejectReturn
    ) -> None:
        entry = TimelineEntry(at=now(), type="rejected", detail=ask.reason, actor=ask.actor)
        await self._store.move_return(transaction.connection, back.id, "rejected", entry)
        await self._store.note(transaction.connection, order.id, "return_rejected", ask.reason, ask.actor)
        free = {item_id: -count for item_id, count in summed(back.items).items()}
        money = {item_id: -share for item_id, share in shares.items()}
        await self._store.update(transaction.connection, with_returned(order, free, money))
        transaction.publish(return_moved(order, back.id, "rejected", ask.reason))
        if back.status != "requested":
            await call_off(self._store, transaction, back, ask.actor)


async def call_off(store: OrderStore, transaction: Transaction, back: Return, actor: str) -> None:
    """Nobody needs to fetch the parcel of an approved return any more."""
    parcel = await store.parcel_of_return(transaction.connection, back.id)
    data = {"actor": actor, "shipment_id": parcel}
    await store.follow(transaction.connection, Task(new_id("tsk"), back.order_id, "call_off", data))


async def on_its_way(store: OrderStore, transaction: Transaction, back: Return, parcel: str) -> None:
    """What a parcel that is `parcel` far says of its return; nothing that was said before."""
    said = {entry.type for entry in back.timeline}
    if back.status == "approved":
        entry = TimelineEntry(at=now(), type="in_transit", detail="The carrier has the parcel", actor="carrier")
        await store.move_return(transaction.connection, back.id, "in_transit", entry)
    if parcel == "delivered" and back.status in ("approved", "in_transit") and "arrived" not in said:
        entry = TimelineEntry(at=now(), type="arrived", detail="The parcel is at the warehouse", actor="carrier")
        await store.move_return(transaction.connection, back.id, "in_transit", entry)


def return_moved(order: StoredOrder, return_id: str, status: str, detail: str = "") -> ReturnMoved:
    return ReturnMoved(
        order_id=order.id,
        number=order.number,
        return_id=return_id,
        status=status,
        user_id=order.user_id,
        detail=detail,
    )
