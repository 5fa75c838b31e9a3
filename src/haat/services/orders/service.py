"""The order's use cases: place, look, list, and everything people do to an order afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from haat.contracts.inventory import Inventory
from haat.contracts.orders import (
    ApproveReturn,
    Bought,
    BoughtBy,
    CancelOrder,
    CaptureOrder,
    DayFigures,
    FiguresOf,
    InvoiceFile,
    ListOrders,
    ListReturns,
    Order,
    OrderLine,
    OrderLink,
    OrderOf,
    OrderPlaced,
    OrderReturn,
    Orders,
    OrderStateError,
    Placed,
    PlaceOrder,
    ReceiveReturn,
    RefundOrder,
    RejectReturn,
    RequestReturn,
    Return,
    ShipOrder,
    StuckOf,
    StuckWork,
    TakeBack,
)
from haat.contracts.payments import Payments
from haat.contracts.shipping import Shipment, ShipmentsOf, Shipping
from haat.kit.clock import now
from haat.kit.crashpoints import crashpoint
from haat.kit.cursor import Moment, decode_cursor, id_in, paged
from haat.kit.database import Transaction
from haat.kit.idempotency import Idempotency, IdempotencyInFlight, replayed
from haat.kit.ids import is_id, new_id
from haat.kit.message import DomainError, Invalid, Message, NotFound, Page, Unavailable
from haat.ports.invoices import InvoicePrinter, Party
from haat.services.orders.following import Following
from haat.services.orders.invoices import check_invoiceable, financial_year, invoice_of
from haat.services.orders.model import (
    StoredOrder,
    check_cancelable,
    may_see,
    new_number,
    sign,
    summed,
    units,
    view,
    with_wallet_named,
)
from haat.services.orders.parcels import not_refundable
from haat.services.orders.returning import Returning
from haat.services.orders.store import OrderStore, Task
from haat.services.orders.tasks import STUCK_TRIES, Tasks
from haat.services.orders.worth import shares_of

log = structlog.get_logger("haat.orders")

Data = dict[str, Any]
# What a task is to do, told with the order's row held; refuses by raising.
# None when it is done already.
Plan = Callable[[Transaction, StoredOrder], Awaitable[Data | None]]
LEASE_SECONDS = 60.0
SWEEP_BATCH = 50
MOST_DAYS = 366
# The demo's warehouse has two hands: this many orders a second, a few seconds after they came in.
PACKED_A_SECOND = 5
PACK_AFTER = timedelta(seconds=5)


class OrderService(Orders):
    """Orders of record. What others do for an order (money, stock, parcels) runs as a task, finished by any worker."""

    def __init__(
        self,
        store: OrderStore,
        payments: Payments,
        inventory: Inventory,
        shipping: Shipping,
        *,
        printer: InvoicePrinter,
        seller: Party,
        link_secret: str,
        auto_fulfil: bool,
        wallets: Mapping[str, str] | None = None,
    ) -> None:
        self._printer = printer
        self._seller = seller
        self._store = store
        self._shipping = shipping
        self._returning = Returning(store)
        self.following = Following(store, self._returning)
        self._tasks = Tasks(store, payments, inventory, shipping)
        self._secret = link_secret
        self._auto_fulfil = auto_fulfil
        self._wallets = wallets or {}

    async def place(self, ask: PlaceOrder) -> Placed:
        order_id, number = new_id("ord"), new_number()
        lines = [
            OrderLine(
                product_id=line.product_id,
                variant_id=line.variant_id,
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                total=line.total,
            )
            for line in ask.items
        ]
        event = OrderPlaced(
            order_id=order_id,
            number=number,
            checkout_id=ask.checkout_id,
            cart_id=ask.cart_id,
            lines=lines,
            total=ask.totals.total,
            user_id=ask.user_id,
            on_hold=ask.on_hold,
            attempt_id=ask.attempt_id,
            payment_id=ask.payment_id,
        )
        placed = await self._store.place(order_id, number, with_wallet_named(ask, self._wallets), event)
        crashpoint("order.inserted")
        return placed

    async def order(self, ask: OrderOf) -> Order:
        found = await self._store.load_whole(ask.order)
        if found is None or not may_see(found[0], ask, self._secret):
            raise NotFound("There is no such order")
        order, around = found
        return view(order, await self._shipments([order]), *around)

    async def orders(self, ask: ListOrders) -> Page[Order]:
        filters = f"{ask.user_id}|{ask.status}|{ask.text}"
        before = id_in(filters, ask.cursor)
        if ask.user_id is not None:
            found = await self._store.list_of_user(ask.user_id, ask.status, before, ask.limit + 1)
        else:
            found = await self._store.list_all(ask.status, ask.text, before, ask.limit + 1)
        page = paged(filters, found, ask.limit, lambda each: (each.id,))
        return Page(data=await self._all_shown(page.data), has_more=page.has_more, next_cursor=page.next_cursor)

    async def returns(self, ask: ListReturns) -> Page[OrderReturn]:
        filters = f"returns|{ask.ended}"
        after = decode_cursor(filters, ask.cursor, tuple[Moment, str])
        found = await self._store.returns(ask.ended, after, ask.limit + 1)
        return paged(filters, found, ask.limit, lambda each: (each.back.created_at, each.back.id))

    async def stuck(self, ask: StuckOf) -> Page[StuckWork]:
        found = await self._store.stuck(STUCK_TRIES, id_in("stuck", ask.cursor) or "", ask.limit + 1)
        return paged("stuck", found, ask.limit, lambda each: (each.task_id,))

    async def figures(self, ask: FiguresOf) -> Page[DayFigures]:
        try:
            zone = ZoneInfo(ask.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise Invalid(errors=[{"pointer": "/zone", "code": "invalid", "detail": "no such time zone"}]) from None
        if not 0 <= (ask.last - ask.first).days < MOST_DAYS:
            raise Invalid(errors=[{"pointer": "/last", "code": "invalid", "detail": f"1 to {MOST_DAYS} days"}])
        since = datetime.combine(ask.first, time(), zone)
        until = datetime.combine(ask.last + timedelta(days=1), time(), zone)
        return Page(data=await self._store.figures(ask.currency, since, until, ask.zone))

    async def link(self, ask: OrderOf) -> OrderLink:
        if ask.any_owner and is_id(ask.order, "ord"):
            # Nobody is kept from it, and it is made of the id alone: each confirmation asks for one.
            return OrderLink(link=sign(ask.order, self._secret))
        order = await self._allowed(ask.order, ask)
        return OrderLink(link=sign(order.id, self._secret))

    async def invoice(self, ask: OrderOf) -> InvoiceFile:
        """Issued when it is asked for first, once the order is packed; the same ever after."""
        order = await self._allowed(ask.order, ask)
        async with self._store.connection() as connection:
            issued = await self._store.issued(connection, order.id)
        if issued is None:
            async with self._store.transaction() as transaction:
                current = await self._store.load_for_update(transaction.connection, order.id)
                assert current is not None
                issued = await self._store.issued(transaction.connection, order.id)
                if issued is None:
                    check_invoiceable(current)
                    issued = await self._store.issue(transaction.connection, order.id, financial_year(now()))
        pdf = await self._printer.pdf(invoice_of(order, issued, self._seller))
        return InvoiceFile(number=issued.number, pdf=pdf)

    async def bought(self, ask: BoughtBy) -> Bought:
        return Bought(bought=await self._store.bought(ask.user_id, ask.product_id))

    async def cancel(self, ask: CancelOrder) -> Order:
        order = await self._allowed(ask.order_id, ask)

        async def plan(_: Transaction, current: StoredOrder) -> Data | None:
            if current.status == "canceled":
                return None
            check_cancelable(current)
            return {"actor": ask.actor, "reason": ask.reason}

        return await self._do(order, "cancel", plan, ask.idempotency)

    async def ship(self, ask: ShipOrder) -> Order:
        async def plan(_: Transaction, current: StoredOrder) -> Data:
            if current.on_hold or current.status in ("placed", "canceled"):
                raise OrderStateError("This order is not ready to be packed", state=current.status)
            return {"actor": ask.actor, "units": units(current, ask.items, current.shipped)}

        return await self._do(await self._any(ask.order_id), "ship", plan, ask.idempotency)

    async def take_back(self, ask: TakeBack) -> Order:
        order = await self._any(ask.order_id)
        await self._returning.take_back(order.id, ask)
        return await self.order(OrderOf(order=order.id, any_owner=True))

    async def capture(self, ask: CaptureOrder) -> Order:
        async def plan(_: Transaction, current: StoredOrder) -> Data:
            amount = ask.amount.amount if ask.amount else 0
            if ask.amount is not None and (ask.amount.currency != current.currency or amount <= 0):
                raise Invalid(errors=[_amount_fault("must be above zero and in the order's currency")])
            return {"actor": ask.actor, "amount": amount}

        return await self._do(await self._any(ask.order_id), "capture", plan, ask.idempotency)

    async def refund(self, ask: RefundOrder) -> Order:
        async def plan(_: Transaction, current: StoredOrder) -> Data:
            if (ask.amount is None) == (ask.items is None):
                raise Invalid(errors=[_amount_fault("give either amount or items")])
            wanted = units(current, ask.items, not_refundable(current)) if ask.items is not None else {}
            shares = shares_of(current, wanted)
            amount = ask.amount.amount if ask.amount is not None else sum(shares.values())
            if ask.amount is not None and ask.amount.currency != current.currency:
                raise Invalid(errors=[_amount_fault("must be in the order's currency")])
            if amount <= 0:
                raise Invalid(errors=[_amount_fault("must be above zero")])
            return {"actor": ask.actor, "reason": ask.reason, "amount": amount, "units": wanted, "shares": shares}

        return await self._do(await self._any(ask.order_id), "refund", plan, ask.idempotency)

    async def request_return(self, ask: RequestReturn) -> Return:
        allowed = await self._allowed(ask.order_id, ask)
        return await self._returning.request(allowed.id, ask)

    async def approve_return(self, ask: ApproveReturn) -> Return:
        found = await self._return(ask.return_id)

        async def plan(transaction: Transaction, _: StoredOrder) -> Data | None:
            current, _shares = await self._store.lock_return(transaction.connection, ask.return_id)
            if current.status in ("refunded", "rejected"):
                raise OrderStateError(f"This return was {current.status} already", state=current.status)
            if current.status != "requested":
                return None
            return {"actor": ask.actor, "return_id": current.id, "units": summed(current.items)}

        await self._do(await self._any(found.order_id), "approve", plan, ask.idempotency)
        return await self._return(ask.return_id)

    async def reject_return(self, ask: RejectReturn) -> Return:
        found = await self._return(ask.return_id)
        return await self._returning.reject(found.order_id, ask)

    async def receive_return(self, ask: ReceiveReturn) -> Return:
        found = await self._return(ask.return_id)

        async def plan(transaction: Transaction, _: StoredOrder) -> Data | None:
            current, _shares = await self._store.lock_return(transaction.connection, ask.return_id)
            if current.status == "rejected":
                raise OrderStateError("This return was rejected", state=current.status)
            if current.status == "refunded":
                return None
            return {
                "actor": ask.actor,
                "reason": "returned",
                "return_id": current.id,
                "restock": ask.restock,
                "most": current.refund.amount,
                "units": summed(current.items),
            }

        await self._do(await self._any(found.order_id), "receive", plan, ask.idempotency)
        return await self._return(ask.return_id)

    async def finish_tasks(self) -> None:
        """Sweep: go on with what a crash or an absent neighbour left half-done."""
        await self._tasks.go_on(await self._store.lease_tasks(LEASE_SECONDS, SWEEP_BATCH))

    async def fulfil_due(self) -> None:
        """Sweep of the demo's warehouse: pack what was confirmed a few seconds ago, at a human pace."""
        if not self._auto_fulfil:
            return
        for order_id in await self._store.to_fulfil(now() - PACK_AFTER, PACKED_A_SECOND):
            try:
                await self.ship(ShipOrder(order_id=order_id, actor="warehouse"))
            except DomainError as error:
                log.info("not packed", order_id=order_id, error=error.detail)

    async def _do(self, order: StoredOrder, kind: str, plan: Plan, idempotency: Idempotency | None) -> Order:
        """Run a task inline; when a neighbour is away a worker finishes it. Raises OrderStateError beside another.

        What is to do is planned with the order's row held: others may have shipped or refunded since it was read.
        """
        task = None
        async with self._store.transaction() as transaction:
            begun = await transaction.replay(idempotency, _Begun)
            if begun is None:
                current = await self._store.load_for_update(transaction.connection, order.id)
                assert current is not None
                data = await plan(transaction, current)
                if data is not None:
                    task = Task(new_id("tsk"), order.id, kind, data)
                    if not await self._store.begin_task(transaction.connection, task, LEASE_SECONDS):
                        raise OrderStateError("Other work on this order is under way; try again", state=order.status)
                    transaction.remember(_Begun(task_id=task.id))
        if task is not None:
            try:
                await self._tasks.run(task)
            except Unavailable as error:
                log.warning("task waits", task=kind, order_id=order.id, error=error.detail)
        elif begun is not None:
            await self._as_it_ended(begun.task_id)
        return await self._shown(await self._any(order.id))

    async def _as_it_ended(self, task_id: str) -> None:
        """Raises what the task was refused with, and IdempotencyInFlight while nobody can tell how it will end."""
        under_way, refused = await self._store.end_of(task_id)
        if under_way:
            replayed.set(False)
            raise IdempotencyInFlight("This is being done already; look again in a moment")
        if refused is not None:
            raise DomainError.known.get(refused.code, DomainError)(refused.detail, **refused.facts)

    async def _return(self, return_id: str) -> Return:
        found = await self._store.one_return(return_id)
        if found is None:
            raise NotFound("There is no such return")
        return found

    async def _any(self, ref: str) -> StoredOrder:
        order = await self._store.load(ref)
        if order is None:
            raise NotFound("There is no such order")
        return order

    async def _allowed(self, ref: str, ask: OrderOf | CancelOrder | RequestReturn) -> StoredOrder:
        order = await self._store.load(ref)
        if order is None or not may_see(order, ask, self._secret):
            raise NotFound("There is no such order")
        return order

    async def _shipments(self, orders: Sequence[StoredOrder]) -> Sequence[Shipment]:
        order_ids = [order.id for order in orders if order.shipped]
        if not order_ids:
            # Nothing has left yet: there is nobody to ask.
            return []
        try:
            return (await self._shipping.shipments(ShipmentsOf(order_ids=order_ids))).data
        except Unavailable:
            # An order is worth showing without its parcels.
            return []

    async def _shown(self, order: StoredOrder) -> Order:
        return (await self._all_shown([order]))[0]

    async def _all_shown(self, orders: Sequence[StoredOrder]) -> list[Order]:
        if not orders:
            return []
        shipments = await self._shipments(orders)
        around = await self._store.around(orders)
        return [view(order, [s for s in shipments if s.order_id == order.id], *around[order.id]) for order in orders]


class _Begun(Message, frozen=True):
    task_id: str


def _amount_fault(detail: str) -> dict[str, str]:
    return {"pointer": "/amount", "code": "invalid", "detail": detail}
