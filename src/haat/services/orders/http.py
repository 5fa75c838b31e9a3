"""`/v1/orders` and `/v1/returns`: for shoppers their own, for staff everybody's."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import Parameter
from msgspec import Meta

from haat.contracts.orders import (
    ApproveReturn,
    CancelOrder,
    CaptureOrder,
    ListOrders,
    Order,
    OrderOf,
    Orders,
    ReceiveReturn,
    RefundOrder,
    RejectReturn,
    RequestReturn,
    Return,
    ReturnItem,
    ShipItem,
    ShipOrder,
    TakeBack,
)
from haat.kit.access import Caller, needs_role, needs_user
from haat.kit.idempotency import Idempotency, IdempotencyKeyMissing
from haat.kit.message import Forbidden, Message, Page
from haat.kit.money import Money
from haat.kit.problem import problems
from haat.services.orders.model import for_customer

OrderId = Annotated[str, Parameter(description="an order's id, `ord_…`, or its number")]
ShipmentId = Annotated[str, Parameter(description="`shp_…`")]
ReturnId = Annotated[str, Parameter(description="`ret_…`")]
Link = Annotated[str | None, Parameter(query="token", max_length=100, description="the signed link of a guest's mail")]
PDF = "application/pdf"
STAFF_ROLES = ("fulfilment", "finance", "support")


class CancelBody(Message, frozen=True):
    reason: Annotated[str, Meta(max_length=200)] = ""


class ReturnBody(Message, frozen=True):
    items: Annotated[list[ReturnItem], Meta(min_length=1, max_length=100)]


class ShipmentBody(Message, frozen=True):
    """Without items: all that has not been handed over yet."""

    items: Annotated[list[ShipItem], Meta(min_length=1, max_length=100)] | None = None


class CaptureBody(Message, frozen=True):
    """Without amount: the rest of what is authorised."""

    amount: Money | None = None


class RefundBody(Message, frozen=True):
    """An amount, or lines."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    amount: Money | None = None
    items: Annotated[list[ShipItem], Meta(min_length=1, max_length=100)] | None = None


class RejectBody(Message, frozen=True):
    """The customer reads the reason."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class ReceiveBody(Message, frozen=True):
    """`restock` false for what came back damaged."""

    restock: bool = True


@get("/v1/orders", tags=["orders"], guards=[needs_user], responses=problems(401, 403, 422))
async def list_orders(
    orders: Orders,
    caller: Caller,
    scope_: Annotated[Literal["own", "all"], Parameter(query="scope", description="`all` is for staff")] = "own",
    status: Annotated[str | None, Parameter(max_length=40)] = None,
    q: Annotated[str, Parameter(max_length=254, description="staff: number, id or e-mail")] = "",
    cursor: Annotated[str | None, Parameter(max_length=500)] = None,
    limit: Annotated[int, Parameter(ge=1, le=100)] = 20,
) -> Page[Order]:
    """The caller's orders, newest first; staff: everybody's."""
    if scope_ == "all" and not _is_staff(caller):
        raise Forbidden()
    user_id = None if scope_ == "all" else caller.signed_in()
    page = await orders.orders(ListOrders(user_id=user_id, status=status, text=q, cursor=cursor, limit=limit))
    return msgspec.structs.replace(page, data=[_shown(order, caller) for order in page.data])


@get("/v1/orders/{order_id:str}", tags=["orders"], responses=problems(401, 404, 422))
async def view_order(order_id: OrderId, orders: Orders, caller: Caller, link: Link = None) -> Order:
    """One order with its parcels and timeline; guests by the signed link or the cart's token."""
    order = await orders.order(
        OrderOf(
            order=order_id,
            user_id=caller.user_id,
            link=link,
            cart_token=caller.cart_token,
            any_owner=_is_staff(caller),
        )
    )
    return _shown(order, caller)


@get("/v1/orders/{order_id:str}/invoice", media_type=PDF, tags=["orders"], responses=problems(401, 404, 409, 422))
async def view_invoice(order_id: OrderId, orders: Orders, caller: Caller, link: Link = None) -> Response[bytes]:
    """The tax invoice as PDF, from when the order is packed; whoever may see the order may see it."""
    made = await orders.invoice(
        OrderOf(
            order=order_id,
            user_id=caller.user_id,
            link=link,
            cart_token=caller.cart_token,
            any_owner=_is_staff(caller),
        )
    )
    headers = {"Content-Disposition": f'inline; filename="{made.number}.pdf"', "Cache-Control": "private, no-store"}
    return Response(made.pdf, media_type=PDF, headers=headers)


@post("/v1/orders/{order_id:str}/cancel", status_code=200, tags=["orders"], responses=problems(401, 404, 409, 422))
async def cancel_order(
    order_id: OrderId,
    orders: Orders,
    caller: Caller,
    idempotency: Idempotency | None,
    data: CancelBody | None = None,
    link: Link = None,
) -> Order:
    """Before the parcel has left: the money goes back, the stock comes back."""
    order = await orders.cancel(
        CancelOrder(
            order_id=order_id,
            actor=caller.user_id or "guest",
            reason=data.reason if data else "",
            user_id=caller.user_id,
            link=link,
            cart_token=caller.cart_token,
            any_owner=_is_staff(caller),
            idempotency=idempotency,
        )
    )
    return _shown(order, caller)


@post("/v1/orders/{order_id:str}/returns", tags=["orders"], responses=problems(401, 404, 409, 422))
async def request_return(
    order_id: OrderId,
    data: ReturnBody,
    orders: Orders,
    caller: Caller,
    idempotency: Idempotency | None,
    link: Link = None,
) -> Return:
    """Ask to send delivered items back."""
    return await orders.request_return(
        RequestReturn(
            order_id=order_id,
            items=data.items,
            user_id=caller.user_id,
            link=link,
            cart_token=caller.cart_token,
            any_owner=_is_staff(caller),
            idempotency=idempotency,
        )
    )


@post(
    "/v1/orders/{order_id:str}/shipments",
    tags=["orders (staff)"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 409, 422),
)
async def ship_order(
    order_id: OrderId,
    orders: Orders,
    caller: Caller,
    idempotency: Idempotency | None,
    data: ShipmentBody | None = None,
) -> Order:
    """Hand items to the carrier."""
    return await orders.ship(
        ShipOrder(
            order_id=order_id,
            actor=caller.signed_in(),
            items=data.items if data else None,
            idempotency=idempotency,
        )
    )


@post(
    "/v1/orders/{order_id:str}/shipments/{shipment_id:str}/take-back",
    status_code=200,
    tags=["orders (staff)"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 409, 422),
)
async def take_back_shipment(
    order_id: OrderId, shipment_id: ShipmentId, orders: Orders, caller: Caller, idempotency: Idempotency | None
) -> Order:
    """A parcel that the carrier could not deliver is here again: send its items anew, or cancel the order."""
    ask = TakeBack(order_id=order_id, shipment_id=shipment_id, actor=caller.signed_in(), idempotency=idempotency)
    return await orders.take_back(ask)


@post(
    "/v1/orders/{order_id:str}/captures",
    tags=["orders (staff)"],
    guards=[needs_role("finance")],
    responses=problems(401, 403, 404, 409, 422),
)
async def capture_order(
    order_id: OrderId,
    orders: Orders,
    caller: Caller,
    idempotency: Idempotency | None,
    data: CaptureBody | None = None,
) -> Order:
    """Take (part of) what is authorised. Needs an Idempotency-Key.

    `payment.captured` is what was taken: while the provider, or another capture, has no answer this one waits, and may
    be refused yet.
    """
    if idempotency is None:
        raise IdempotencyKeyMissing()
    return await orders.capture(
        CaptureOrder(
            order_id=order_id,
            actor=caller.signed_in(),
            amount=data.amount if data else None,
            idempotency=idempotency,
        )
    )


@post(
    "/v1/orders/{order_id:str}/refunds",
    tags=["orders (staff)"],
    guards=[needs_role("finance")],
    responses=problems(401, 403, 404, 409, 422),
)
async def refund_order(
    order_id: OrderId, data: RefundBody, orders: Orders, caller: Caller, idempotency: Idempotency | None
) -> Order:
    """Give money back: an amount or lines, never more than was taken. Needs an Idempotency-Key."""
    if idempotency is None:
        raise IdempotencyKeyMissing()
    return await orders.refund(
        RefundOrder(
            order_id=order_id,
            actor=caller.signed_in(),
            reason=data.reason,
            amount=data.amount,
            items=data.items,
            idempotency=idempotency,
        )
    )


@post(
    "/v1/returns/{return_id:str}/approve",
    status_code=200,
    tags=["orders (staff)"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 409, 422),
)
async def approve_return(
    return_id: ReturnId, orders: Orders, caller: Caller, idempotency: Idempotency | None
) -> Return:
    """The items may come back: the carrier is sent for them."""
    return await orders.approve_return(
        ApproveReturn(return_id=return_id, actor=caller.signed_in(), idempotency=idempotency)
    )


@post(
    "/v1/returns/{return_id:str}/reject",
    status_code=200,
    tags=["orders (staff)"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 409, 422),
)
async def reject_return(
    return_id: ReturnId, data: RejectBody, orders: Orders, caller: Caller, idempotency: Idempotency | None
) -> Return:
    """The items do not come back, or never came; they can be returned again."""
    return await orders.reject_return(
        RejectReturn(return_id=return_id, actor=caller.signed_in(), reason=data.reason, idempotency=idempotency)
    )


@post(
    "/v1/returns/{return_id:str}/receive",
    status_code=200,
    tags=["orders (staff)"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 409, 422),
)
async def receive_return(
    return_id: ReturnId,
    orders: Orders,
    caller: Caller,
    idempotency: Idempotency | None,
    data: ReceiveBody | None = None,
) -> Return:
    """The parcel is back: the money goes out, the items go on the shelf unless damaged."""
    return await orders.receive_return(
        ReceiveReturn(
            return_id=return_id,
            actor=caller.signed_in(),
            restock=data.restock if data else True,
            idempotency=idempotency,
        )
    )


def _shown(order: Order, caller: Caller) -> Order:
    return order if _is_staff(caller) else for_customer(order)


def _is_staff(caller: Caller) -> bool:
    return any(caller.has_role(role) for role in STAFF_ROLES)


ROUTES = [
    list_orders,
    view_order,
    view_invoice,
    cancel_order,
    request_return,
    ship_order,
    take_back_shipment,
    capture_order,
    refund_order,
    approve_return,
    reject_return,
    receive_return,
]
