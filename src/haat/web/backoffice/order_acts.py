"""What staff does to an order: ship, take money, give money back, cancel; the last two say first what will happen."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Response, post

from haat.contracts.identity import Identity
from haat.contracts.notifications import Notifications
from haat.contracts.orders import CancelOrder, CaptureOrder, Order, OrderOf, Orders, RefundOrder, ShipOrder, TakeBack
from haat.contracts.payments import Payments
from haat.kit.message import DomainError
from haat.kit.money import Money
from haat.web.backoffice.desk import Desk, told
from haat.web.backoffice.forms import Faults, Typed, minor, new_key, typed
from haat.web.backoffice.order_view import (
    LONGEST_REASON,
    Refunding,
    cancel_consequences,
    refund_consequences,
    refunding,
    ship_items,
)
from haat.web.backoffice.orders import order_page
from haat.web.words import money


class Bench:
    """One form about one order: the contracts that its page needs, and the way back to it."""

    def __init__(
        self, desk: Desk, orders: Orders, payments: Payments, identity: Identity, notifications: Notifications
    ) -> None:
        self.desk = desk
        self.orders = orders
        self._around = (payments, identity, notifications)

    async def load(self, order_id: str) -> tuple[Order, Typed]:
        """The order and the form."""
        return await self.orders.order(OrderOf(order=order_id, any_owner=True)), await typed(self.desk.request)

    async def again(self, order: Order, form: str, faults: Faults, fields: Typed, status: int = 422) -> Response[Any]:
        """The order's page with the form open, its faults and what was typed."""
        return await order_page(
            self.desk, order, *self._around, status=status, opened=form, faults=faults, fields=fields
        )

    async def carry_out(
        self, order: Order, form: str, fields: Typed, act: Callable[[], Awaitable[Order]], said: str
    ) -> Response[Any]:
        """Do it, and lead back to the order; a refusal is told in the form."""
        try:
            after = await act()
        except DomainError as error:
            if error.status == 404:
                raise
            fresh = await self.orders.order(OrderOf(order=order.id, any_owner=True))
            return await self.again(fresh, form, _by_name(told(error)), fields, error.status)
        return self.desk.go(f"/admin/orders/{order.id}?said={'trying' if _waits(said, order, after) else said}")

    def confirm(self, order: Order, form: str, fields: Typed, **words: Any) -> Response[Any]:
        """Say what will happen before it does."""
        return self.desk.page("confirm.html", order=order, form=form, fields=fields, key=new_key(), **words)


async def provide_bench(
    desk: Desk, orders: Orders, payments: Payments, identity: Identity, notifications: Notifications
) -> Bench:
    """The dependency `bench` of the routes below."""
    return Bench(desk, orders, payments, identity, notifications)


@post("/orders/{order_id:str}/ship", duty="ship", status_code=200, dependencies={"bench": provide_bench})
async def ship(bench: Bench, order_id: str) -> Response[Any]:
    """Hand over everything that is left, or the units that were typed."""
    order, fields = await bench.load(order_id)
    items = None
    if fields.get("which") == "some":
        items, faults = ship_items(order, fields)
        if faults:
            return await bench.again(order, "ship", faults, fields)
    ask = ShipOrder(order_id=order.id, actor=bench.desk.actor, items=items, idempotency=bench.desk.once(fields))
    return await bench.carry_out(order, "ship", fields, lambda: bench.orders.ship(ask), "shipped")


@post(
    "/orders/{order_id:str}/parcels/{shipment_id:str}/take-back",
    duty="ship",
    status_code=200,
    dependencies={"bench": provide_bench},
)
async def take_back(bench: Bench, order_id: str, shipment_id: str) -> Response[Any]:
    """A parcel that the carrier could not deliver is here again."""
    order, fields = await bench.load(order_id)
    ask = TakeBack(
        order_id=order.id, shipment_id=shipment_id, actor=bench.desk.actor, idempotency=bench.desk.once(fields)
    )
    return await bench.carry_out(order, "take_back", fields, lambda: bench.orders.take_back(ask), "taken_back")


@post("/orders/{order_id:str}/capture", duty="capture", status_code=200, dependencies={"bench": provide_bench})
async def capture(bench: Bench, order_id: str) -> Response[Any]:
    """Take what is authorised, or a part of it."""
    order, fields = await bench.load(order_id)
    currency = order.totals.total.currency
    amount = None
    if fields.get("amount"):
        units = minor(fields["amount"], currency)
        if units is None or units <= 0:
            return await bench.again(order, "capture", {"amount": "Enter an amount above zero"}, fields)
        amount = Money(units, currency)
    ask = CaptureOrder(order_id=order.id, actor=bench.desk.actor, amount=amount, idempotency=bench.desk.once(fields))
    return await bench.carry_out(order, "capture", fields, lambda: bench.orders.capture(ask), "captured")


@post("/orders/{order_id:str}/refund", duty="refund", status_code=200, dependencies={"bench": provide_bench})
async def refund(bench: Bench, order_id: str) -> Response[Any]:
    """First what it would do, then, confirmed, the refund."""
    order, fields = await bench.load(order_id)
    wanted, faults = refunding(order, fields)
    if wanted is None:
        return await bench.again(order, "refund", faults, fields)
    if fields.get("confirmed") != _seal(wanted):
        return bench.confirm(
            order,
            "refund",
            {**fields, "confirmed": _seal(wanted)},
            title=f"Refund {money(wanted.amount)}?",
            button=f"Refund {money(wanted.amount)}",
            told=refund_consequences(order, wanted),
        )
    ask = RefundOrder(
        order_id=order.id,
        actor=bench.desk.actor,
        reason=wanted.reason,
        amount=wanted.amount if wanted.items is None else None,
        items=wanted.items,
        idempotency=bench.desk.once(fields),
    )
    return await bench.carry_out(order, "refund", fields, lambda: bench.orders.refund(ask), "refunded")


@post("/orders/{order_id:str}/cancel", duty="cancel", status_code=200, dependencies={"bench": provide_bench})
async def cancel(bench: Bench, order_id: str) -> Response[Any]:
    """First what it would do, then, confirmed, the end of the order."""
    order, fields = await bench.load(order_id)
    reason = fields.get("reason", "")
    if not 1 <= len(reason) <= LONGEST_REASON:
        faults = {"reason": f"Say why, in 1 to {LONGEST_REASON} characters"}
        return await bench.again(order, "cancel", faults, fields)
    if fields.get("confirmed") != "yes":
        return bench.confirm(
            order,
            "cancel",
            {**fields, "confirmed": "yes"},
            title=f"Cancel {order.number}?",
            button="Cancel the order",
            told=cancel_consequences(order),
        )
    ask = CancelOrder(
        order_id=order.id,
        actor=bench.desk.actor,
        reason=reason,
        any_owner=True,
        idempotency=bench.desk.once(fields),
    )
    return await bench.carry_out(order, "cancel", fields, lambda: bench.orders.cancel(ask), "canceled")


def _waits(said: str, before: Order, after: Order) -> bool:
    """Whether it is not done: it waits for neighbours that are away, and may be refused yet."""
    if said == "canceled":
        return after.status != "canceled"
    if said == "refunded":
        return after.payment.refunded == before.payment.refunded
    return said != "taken_back" and after.version == before.version


def _seal(wanted: Refunding) -> str:
    # What was confirmed is what is done: when the same lines are worth something else meanwhile, it is asked again.
    # A digest, which no form cuts or strips.
    return hashlib.sha256(msgspec.json.encode((wanted.amount, wanted.items))).hexdigest()


def _by_name(faults: Faults) -> Faults:
    # Faults of a list of items name places in that list, which the form does not have.
    return {"form" if name.startswith("items") else name: text for name, text in faults.items()}


ROUTES = [ship, take_back, capture, refund, cancel]
