"""Orders: thanks, list, one order with its parcels, cancellation and returns; guests by the signed link."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from litestar import Response, get, post

from haat.contracts.orders import (
    CancelOrder,
    ListOrders,
    Order,
    OrderLink,
    OrderOf,
    Orders,
    OrderStateError,
    RequestReturn,
    ReturnItem,
)
from haat.contracts.payments import PaymentRef, Payments
from haat.contracts.recommendations import Recommender
from haat.kit.idempotency import IdempotencyInFlight
from haat.kit.message import DomainError, Invalid
from haat.kit.money import Money
from haat.web.storefront.browsing import advice
from haat.web.storefront.forms import Typed, typed, whole
from haat.web.storefront.progress import may_cancel, may_return, returnable, steps_of
from haat.web.storefront.shell import Shop, gently

REASONS = (
    "It does not fit",
    "It is not what I expected",
    "It is damaged or faulty",
    "The wrong thing arrived",
    "I changed my mind",
)
# What has left, or a part of it.
UNDER_WAY = frozenset({"partially_shipped", "shipped", "out_for_delivery", "partially_delivered", "delivered"})
TOO_LATE = "A parcel has left already, so this order cannot be cancelled any more. What arrives can be sent back."
FEWER = "Not that many can be sent back any more: please look at what is left."


@get("/orders/{order_id:str}/thanks")
async def thanks(
    order_id: str, shop: Shop, orders: Orders, payments: Payments, recommendations: Recommender
) -> Response[str]:
    """The confirmation right after paying."""
    order = await orders.order(who(shop, order_id, None))
    link, similar, due = await asyncio.gather(
        gently(orders.link(who(shop, order_id, None)), OrderLink(link="")),
        advice(shop, recommendations, "similar", order.items[0].product_id, 8),
        _at_the_door(payments, order),
    )
    bought = {item.product_id for item in order.items}
    shown = [each for each in similar if each.product.id not in bought][:4]
    facts = {"order": order, "link": link.link, "similar": shown, "steps": steps_of(order), "due": due}
    return await shop.page("thanks.html", **facts)


async def _at_the_door(payments: Payments, order: Order) -> Money | None:
    """What the courier is still given in cash; None where nothing is collected, or payments do not answer."""
    if order.payment.status != "cash_on_delivery":
        return None
    paid = await gently(payments.payment(PaymentRef(payment_id=order.payment.id)), None)
    return paid.due if paid else None


@get("/orders")
async def list_orders(shop: Shop, orders: Orders, cursor: str | None = None) -> Response[Any]:
    """A signed-in shopper's own orders, newest first."""
    if shop.caller.user_id is None:
        return shop.go("/sign-in?next=/orders")
    page = await orders.orders(ListOrders(user_id=shop.caller.user_id, cursor=cursor, limit=10))
    return await shop.page("orders.html", orders=page)


@get("/orders/{order_id:str}")
async def view_order(
    order_id: str, shop: Shop, orders: Orders, payments: Payments, token: str | None = None
) -> Response[Any]:
    """One order: where it is, what is in it, what can be done."""
    return await _page(shop, orders, payments, order_id, token)


@get("/orders/{order_id:str}/invoice.pdf")
async def invoice(
    order_id: str, shop: Shop, orders: Orders, payments: Payments, token: str | None = None
) -> Response[Any]:
    """The tax invoice; before there is one the order's page says so."""
    try:
        made = await orders.invoice(who(shop, order_id, token))
    except OrderStateError as error:
        return await _page(shop, orders, payments, order_id, token, problem=error.detail, status=error.status)
    return shop.file(made.pdf, "application/pdf", f"{made.number}.pdf")


@post("/orders/{order_id:str}/cancel")
async def cancel_order(order_id: str, shop: Shop, orders: Orders, payments: Payments) -> Response[Any]:
    """Before the parcel has left."""
    fields = await typed(shop.request)
    token = fields.get("token") or None
    caller = shop.caller
    try:
        order = await orders.cancel(
            CancelOrder(
                order_id=order_id,
                actor=caller.user_id or "guest",
                reason=fields.get("reason", "")[:200],
                user_id=caller.user_id,
                link=token,
                cart_token=shop.guest_token,
                idempotency=shop.once(f"cancel:{order_id}", ""),
            )
        )
    except DomainError as error:
        if error.status == 404:
            raise
        gone = isinstance(error, OrderStateError) and error.facts.get("state") in UNDER_WAY
        problem = TOO_LATE if gone else error.detail
        return await _page(shop, orders, payments, order_id, token, problem=problem, status=error.status)
    # While the carrier or the payments are away it waits for them, and may be refused yet.
    said = "canceled" if order.status == "canceled" else "canceling"
    return shop.go(order_address(order_id, token, said))


@post("/orders/{order_id:str}/returns")
async def request_return(order_id: str, shop: Shop, orders: Orders, payments: Payments) -> Response[Any]:
    """Send things back: `quantity.ITEM` and a reason."""
    fields = await typed(shop.request)
    token = fields.get("token") or None
    items = returned_items(fields)
    if not items:
        problem = "Choose at least one item to return, and why"
        return await _page(shop, orders, payments, order_id, token, problem=problem, back=fields, status=422)
    caller = shop.caller
    attempt = fields.get("attempt", "")[:100]
    try:
        await orders.request_return(
            RequestReturn(
                order_id=order_id,
                items=items,
                user_id=caller.user_id,
                link=token,
                cart_token=shop.guest_token,
                idempotency=shop.once(f"return:{order_id}:{attempt}", repr(items)) if attempt else None,
            )
        )
    except IdempotencyInFlight:
        # Pressed twice: the first press does it.
        pass
    except DomainError as error:
        if error.status == 404:
            raise
        problem = FEWER if isinstance(error, Invalid) else error.detail
        return await _page(shop, orders, payments, order_id, token, problem=problem, back=fields, status=error.status)
    return shop.go(order_address(order_id, token, "return"))


def returned_items(fields: Typed) -> list[ReturnItem]:
    """The lines of a return form with a quantity above zero."""
    reason = fields.get("reason", "")[:200]
    found = []
    for name, value in fields.items():
        quantity = whole(value, 1, 10_000)
        if name.startswith("quantity.") and quantity is not None and reason:
            found.append(ReturnItem(item_id=name.removeprefix("quantity."), quantity=quantity, reason=reason))
    return found


def order_address(order_id: str, token: str | None, said: str) -> str:
    return f"/orders/{order_id}?said={said}" + (f"&token={token}" if token else "")


def who(shop: Shop, order_id: str, token: str | None) -> OrderOf:
    """An order, and all that may open it to whoever sits here."""
    return OrderOf(order=order_id, user_id=shop.caller.user_id, link=token, cart_token=shop.guest_token)


async def _page(
    shop: Shop,
    orders: Orders,
    payments: Payments,
    order_id: str,
    token: str | None,
    *,
    problem: str = "",
    back: Typed | None = None,
    status: int = 200,
) -> Response[Any]:
    """The order; `back` is a form to send things back that was refused."""
    order: Order = await orders.order(who(shop, order_id, token))
    return await shop.page(
        "order.html",
        status=status,
        order=order,
        token=token or "",
        steps=steps_of(order),
        may_cancel=may_cancel(order),
        may_return=may_return(order),
        left=returnable(order),
        # The order hears a moment later that the cash was taken.
        due=None if order.status == "delivered" else await _at_the_door(payments, order),
        has_invoice=order.status not in ("placed", "confirmed", "canceled"),
        reasons=REASONS,
        problem=problem,
        back=back or {},
        attempt=secrets.token_urlsafe(12),
    )


ROUTES = [thanks, list_orders, view_order, invoice, cancel_order, request_return]
