"""The first page: what waits for whom, each one click from the work, and how today goes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from cachetools import TTLCache
from litestar import Response, get

from haat.contracts.checkout import Checkouts, ParkedOf
from haat.contracts.fraud import Fraud
from haat.contracts.fraud import ReviewsOf as FraudReviewsOf
from haat.contracts.inventory import AlertsOf, Inventory
from haat.contracts.notifications import Mailbox, Notifications
from haat.contracts.orders import DayFigures, FiguresOf, ListOrders, Orders, StuckOf
from haat.contracts.payments import ListBreaks, ListPutAside, Payments
from haat.kit.clock import now
from haat.kit.message import Page
from haat.kit.money import Money
from haat.web.backoffice.desk import Desk, gently
from haat.web.words import SHOP_ZONE

T = TypeVar("T")
LOOKED_AT = 100
# Counting a busy day costs the database something, so that it is not done for every look.
KEPT_SECONDS = 30.0
# By who tells them, and the day.
figures: TTLCache[tuple[Orders, str], Today] = TTLCache(maxsize=8, ttl=KEPT_SECONDS)


class Today(msgspec.Struct, frozen=True):
    """Orders since midnight in the shop's own time, canceled ones left out, and those of the day before."""

    so_far: DayFigures
    yesterday: DayFigures
    at: datetime


class Card(msgspec.Struct, frozen=True):
    """One kind of work that waits: how much of it, and where it is done."""

    title: str
    count: int
    more: bool
    words: str
    address: str
    tone: str

    @property
    def shown(self) -> str:
        return f"{self.count}+" if self.more else str(self.count)


@get("/", duty="home")
async def home(
    desk: Desk,
    orders: Orders,
    inventory: Inventory,
    fraud: Fraud,
    notifications: Notifications,
    payments: Payments,
    checkout: Checkouts,
) -> Response[Any]:
    """To-do cards of the caller's own duties, the latest orders, today's figures."""
    sees_orders = desk.may("see_orders")
    (to_pack, latest, reviews, alerts, mails, today), alarms = await asyncio.gather(
        asyncio.gather(
            _page(sees_orders, orders.orders(ListOrders(status="confirmed", limit=LOOKED_AT))),
            _page(sees_orders, orders.orders(ListOrders(limit=8))),
            _page(desk.may("fraud"), fraud.reviews(FraudReviewsOf(limit=LOOKED_AT))),
            _page(desk.may("see_stock"), inventory.alerts(AlertsOf(limit=LOOKED_AT))),
            _page(desk.may("mail"), notifications.mailbox(Mailbox(limit=LOOKED_AT))),
            gently(_today(orders, desk.settings.currency), None) if sees_orders else _nothing(),
        ),
        _alarms(desk, payments, checkout, orders),
    )
    cards = []
    if desk.may("ship"):
        cards.append(_card("To pack", to_pack, "paid and waiting for a parcel", "/admin/orders?status=confirmed"))
    if desk.may("fraud"):
        cards.append(_card("Held for review", reviews, "a person must decide", "/admin/fraud", "warn"))
    cards += alarms
    if desk.may("see_stock"):
        cards.append(_card("Low stock", alerts, "at or below the low mark", "/admin/stock"))
    if desk.may("mail"):
        failed = mails and Page(data=[mail for mail in mails.data if mail.state == "failed"])
        cards.append(_card("Mails failed", failed, "among the latest hundred", "/admin/mail?state=failed", "warn"))
    return desk.page("home.html", cards=cards, latest=latest and latest.data, today=today)


async def _alarms(desk: Desk, payments: Payments, checkout: Checkouts, orders: Orders) -> list[Card]:
    """What should be empty: checkouts and work that cannot go on, and money that others see differently."""
    reconciles = desk.may("reconcile")
    parked, stuck, breaks, facts = await asyncio.gather(
        _page(desk.may("parked"), checkout.parked(ParkedOf(limit=LOOKED_AT))),
        _page(desk.may("see_orders"), orders.stuck(StuckOf(limit=LOOKED_AT))),
        _page(reconciles, payments.breaks(ListBreaks(state="open", limit=LOOKED_AT))),
        _page(reconciles, payments.facts_put_aside(ListPutAside(state="open", limit=LOOKED_AT))),
    )
    cards = []
    if desk.may("parked"):
        cards.append(_card("Parked checkouts", parked, "cannot go on by themselves", "/admin/parked", "warn"))
    if desk.may("see_orders"):
        cards.append(_card("Stuck work", stuck, "on orders, goes on failing", "/admin/stuck", "warn"))
    if reconciles:
        cards.append(_card("Breaks", breaks, "reports and books differ", "/admin/reconciliation", "warn"))
        cards.append(_card("Facts put aside", facts, "told, not applied", "/admin/reconciliation/facts", "warn"))
    return cards


def _card(title: str, page: Page[Any] | None, words: str, address: str, tone: str = "wait") -> Card:
    if page is None:
        return Card(title, 0, False, "does not answer at the moment", address, "warn")
    return Card(title, len(page.data), page.has_more, words, address, tone if page.data else "rest")


async def _page(may: bool, call: Coroutine[Any, Any, Page[T]]) -> Page[T] | None:
    if not may:
        call.close()
        return None
    return await gently(call, None)


async def _nothing() -> None:
    return None


async def _today(orders: Orders, currency: str) -> Today:
    """Today so far, and yesterday whole; at most half a minute old."""
    today = now().astimezone(SHOP_ZONE).date()
    key = (orders, today.isoformat())
    known = figures.get(key)
    if known is None:
        yesterday = today - timedelta(days=1)
        ask = FiguresOf(first=yesterday, last=today, currency=currency, zone=SHOP_ZONE.key)
        days = {each.day: each for each in (await orders.figures(ask)).data}
        none = DayFigures(day=today, count=0, total=Money(0, currency))
        known = figures[key] = Today(days.get(today, none), days.get(yesterday, none), now())
    return known


ROUTES = [home]
