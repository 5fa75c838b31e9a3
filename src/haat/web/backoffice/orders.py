"""Orders to look at: the list with its tabs and search, and one order with everything that belongs to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from litestar import Response, get

from haat.contracts.identity import Identity
from haat.contracts.notifications import Mail, Mailbox, Notifications
from haat.contracts.orders import ListOrders, Order, OrderOf, Orders
from haat.contracts.payments import Payment, PaymentRef, Payments
from haat.web.backoffice.desk import Desk, dressed, gently
from haat.web.backoffice.forms import Faults, Typed, new_key
from haat.web.backoffice.order_view import actors_in, acts_of, money_rows, steps_of
from haat.web.backoffice.people import names_of

TABS = (
    *("placed", "confirmed", "packed", "partially_shipped", "shipped", "out_for_delivery"),
    *("partially_delivered", "delivered", "returned", "canceled"),
)
A_PAGE = 25


@get("/orders", duty="see_orders")
async def list_orders(desk: Desk, orders: Orders) -> Response[Any]:
    """Newest first; one hit of a search by number or id opens at once."""
    status = desk.asked("status") if desk.asked("status") in TABS else None
    text = desk.asked("q", 254)
    page = await orders.orders(
        ListOrders(status=status, text=text, cursor=desk.asked("cursor", 1000) or None, limit=A_PAGE)
    )
    if text and len(page.data) == 1 and "@" not in text:
        return desk.go(f"/admin/orders/{page.data[0].id}")
    return desk.page("orders.html", page=page, tabs=TABS, chosen=status or "", q=text)


@get("/orders/{order_id:str}", duty="see_orders")
async def view_order(
    desk: Desk, order_id: str, orders: Orders, payments: Payments, identity: Identity, notifications: Notifications
) -> Response[Any]:
    """One order: items, money, parcels, returns, and what may be done now."""
    order = await orders.order(OrderOf(order=order_id, any_owner=True))
    return await order_page(desk, order, payments, identity, notifications)


@get("/orders/{order_id:str}/invoice.pdf", duty="see_orders")
async def invoice(desk: Desk, order_id: str, orders: Orders) -> Response[Any]:
    """The tax invoice, as the customer gets it."""
    made = await orders.invoice(OrderOf(order=order_id, any_owner=True))
    headers = {"Content-Disposition": f'inline; filename="{made.number}.pdf"'}
    return dressed(Response(made.pdf, media_type="application/pdf", headers=headers))


async def order_page(
    desk: Desk,
    order: Order,
    payments: Payments,
    identity: Identity,
    notifications: Notifications,
    *,
    status: int = 200,
    opened: str = "",
    faults: Faults | None = None,
    fields: Typed | None = None,
) -> Response[Any]:
    """The order's page; with `opened` the form that was refused, its faults and what was typed."""
    actors = actors_in(order)
    payment, names, mails = await asyncio.gather(
        gently(_payment(payments, order), None),
        names_of(identity, actors),
        gently(_mails(notifications, order, desk.may("mail")), []),
    )
    return desk.page(
        "order.html",
        status=status,
        order=order,
        payment=payment,
        names=names,
        mails=mails,
        acts=acts_of(order, payment, desk.may),
        rows=money_rows(order),
        steps=steps_of(order),
        opened=opened,
        faults=faults or {},
        fields=fields or {},
        # A new key each time: a refused try must not answer for the next one.
        key=new_key(),
    )


async def _payment(payments: Payments, order: Order) -> Payment | None:
    return await payments.payment(PaymentRef(payment_id=order.payment.id)) if order.payment.id else None


async def _mails(notifications: Notifications, order: Order, may: bool) -> Sequence[Mail]:
    return (await notifications.mailbox(Mailbox(about=order.id, limit=20))).data if may else []


ROUTES = [list_orders, view_order, invoice]
