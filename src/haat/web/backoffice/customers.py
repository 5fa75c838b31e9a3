"""Customers: found by name or e-mail, each with orders, addresses and signed-in devices."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Response, get, post

from haat.contracts.identity import EndSession, FindUsers, Identity, ListOfUser, OfUser
from haat.contracts.orders import ListOrders, Orders
from haat.kit.message import Page
from haat.kit.money import Money
from haat.web.backoffice.desk import Desk, gently

A_PAGE = 25
LOOKED_AT = 50


@get("/customers", duty="customers")
async def list_customers(desk: Desk, identity: Identity) -> Response[Any]:
    """The newest accounts, or those whose name or e-mail holds a text."""
    text = desk.asked("q", 254)
    page = await identity.find_users(FindUsers(text=text, cursor=desk.asked("cursor", 1000) or None, limit=A_PAGE))
    return desk.page("customers.html", page=page, q=text)


@get("/customers/{user_id:str}", duty="customers")
async def view_customer(desk: Desk, identity: Identity, orders: Orders, user_id: str) -> Response[Any]:
    """One account and what belongs to it."""
    who = ListOfUser(user_id=user_id)
    user, sessions, addresses, bought = await asyncio.gather(
        identity.user(OfUser(user_id=user_id)),
        gently(identity.sessions(who), Page(data=[])),
        gently(identity.addresses(who), Page(data=[])),
        gently(orders.orders(ListOrders(user_id=user_id, limit=LOOKED_AT)), None),
    )
    standing = [order for order in bought.data if order.status != "canceled"] if bought else []
    kept = sum((order.payment.captured - order.payment.refunded).amount for order in standing)
    return desk.page(
        "customer.html",
        user=user,
        sessions=sessions.data,
        addresses=addresses.data,
        orders=bought,
        standing=len(standing),
        kept=Money(kept, desk.settings.currency),
        looked_at=LOOKED_AT,
    )


@post("/customers/{user_id:str}/sessions/{session_id:str}/end", duty="customers", status_code=200)
async def end_session(desk: Desk, identity: Identity, user_id: str, session_id: str) -> Response[Any]:
    """Sign a lost or stolen device out."""
    await identity.end_session(EndSession(user_id=user_id, session_id=session_id))
    return desk.go(f"/admin/customers/{user_id}?said=ended")


ROUTES = [list_customers, view_customer, end_session]
