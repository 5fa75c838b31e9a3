"""Stock: what is low, and per SKU the answer to "why is this 3?", with ways to correct, to move and to prepare it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from litestar import Response, get, post

from haat.contracts.catalog import Catalog, Product, Skus
from haat.contracts.identity import Identity
from haat.contracts.inventory import (
    DEFAULT_LOCATION,
    Adjust,
    AlertsOf,
    AnnounceDrop,
    History,
    HistoryOf,
    Inventory,
    Level,
    Location,
    SetLowMark,
    SkuRef,
    Transfer,
)
from haat.contracts.search import Search
from haat.kit.clock import now
from haat.kit.message import DomainError, Forbidden, NotFound, Nothing, Page
from haat.web.backoffice.desk import Desk, gently, told
from haat.web.backoffice.forms import Faults, Typed, moment_in, new_key, typed, whole
from haat.web.backoffice.people import names_of
from haat.web.backoffice.products import found
from haat.web.backoffice.templates import segment

T = TypeVar("T")
REASONS = ("counted", "received", "damaged", "lost", "found", "sample")
MOST = 1_000_000
Asked = Adjust | SetLowMark | Transfer | AnnounceDrop
# What an event does to the units on the shelf and to those that are promised.
EFFECTS = {
    "received": (1, 0), "returned": (1, 0), "adjusted": (1, 0), "committed": (-1, -1), "reserved": (0, 1),
    "released": (0, -1), "expired": (0, -1), "damaged": (-1, 0), "transferred": (1, 0),
}  # fmt: skip


@get("/stock", duty="see_stock")
async def stock_page(desk: Desk, inventory: Inventory, catalog: Catalog, search: Search) -> Response[Any]:
    """A search by SKU or product, and what runs low."""
    text = desk.asked("q", 200)
    known: Sequence[Level] = await gently(_levels(inventory, text), []) if text else []
    if known:
        return desk.go(f"/admin/stock/{segment(text)}")
    hits, alerts = await asyncio.gather(
        found(text, catalog, search) if text else _none(),
        inventory.alerts(AlertsOf(cursor=desk.asked("cursor", 1000) or None, limit=50)),
    )
    return desk.page("stock.html", q=text, hits=hits.data, alerts=alerts)


@get("/stock/{sku:path}", duty="see_stock")
async def view_sku(desk: Desk, inventory: Inventory, catalog: Catalog, identity: Identity, sku: str) -> Response[Any]:
    """Levels by location, and every event behind them; with `as_of` the level of that moment."""
    return await _sku_page(desk, inventory, catalog, identity, sku.removeprefix("/"))


@post("/stock/{sku:path}", duty="adjust", status_code=200)
async def change_sku(desk: Desk, inventory: Inventory, catalog: Catalog, identity: Identity, sku: str) -> Response[Any]:
    """Adjust units, set the low mark, move units elsewhere, announce a drop; the form's `act` tells which."""
    sku = sku.removeprefix("/")
    fields = await typed(desk.request)
    act = fields.get("act", "")
    if act not in ACTS:
        raise NotFound()
    if not desk.may("adjust"):
        raise Forbidden("Your role does not change stock")
    (reads, said), status = ACTS[act], 422
    ask, faults = reads(sku, fields)
    if ask is not None:
        try:
            await _done(desk, inventory, catalog, ask, fields)
            return desk.go(f"/admin/stock/{segment(sku)}?said={'called-off' if fields.get('off') else said}")
        except DomainError as error:
            if error.status == 404:
                raise
            faults, status = told(error), error.status
    return await _sku_page(
        desk, inventory, catalog, identity, sku, opened=act, faults=faults, fields=fields, status=status
    )


async def _done(desk: Desk, inventory: Inventory, catalog: Catalog, ask: Asked, fields: Typed) -> None:
    match ask:
        case Adjust():
            if not (await _found(inventory.levels(SkuRef(sku=ask.sku)), Page[Level](data=[]))).data:
                await _sold(catalog, ask.sku)
            await inventory.adjust(msgspec.structs.replace(ask, actor=desk.actor, idempotency=desk.once(fields)))
        case Transfer():
            await inventory.transfer(msgspec.structs.replace(ask, actor=desk.actor, idempotency=desk.once(fields)))
        case SetLowMark():
            await inventory.set_low_mark(ask)
        case AnnounceDrop():
            await inventory.announce(ask)


def adjusting(sku: str, fields: Typed) -> tuple[Adjust | None, Faults]:
    """An adjustment as typed: the difference, or what was counted against the level that the form showed."""
    faults: Faults = {}
    quantity = whole(fields.get("quantity", ""), -MOST, MOST)
    if quantity is None or quantity == 0:
        faults["quantity"] = "How many to add, such as 5, or to take, such as -2"
    reason = fields.get("reason", "")
    note = fields.get("note", "")
    if reason not in REASONS:
        faults["reason"] = "Choose a reason"
    words = f"{reason}: {note}" if note else reason
    if len(words) > 200:
        faults["note"] = "At most 180 characters"
    if faults or quantity is None:
        return None, faults
    location = fields.get("location") or DEFAULT_LOCATION
    return Adjust(sku=sku, quantity=quantity, reason=words, actor="", location=location[:100]), faults


def marking(sku: str, fields: Typed) -> tuple[SetLowMark | None, Faults]:
    """A low mark as typed."""
    mark = whole(fields.get("low_stock_at", ""), 0, MOST)
    if mark is None:
        return None, {"low_stock_at": "A whole number, 0 or more"}
    location = fields.get("location") or DEFAULT_LOCATION
    return SetLowMark(sku=sku, low_stock_at=mark, location=location[:100]), {}


def moving(sku: str, fields: Typed) -> tuple[Transfer | None, Faults]:
    """Units to move as typed, from a place that has them to any other."""
    faults: Faults = {}
    quantity = whole(fields.get("quantity", ""), 1, MOST)
    if quantity is None:
        faults["quantity"] = "How many to move, such as 5"
    source, target = fields.get("source", "")[:100], fields.get("target", "")[:100]
    if not source:
        faults["source"] = "Choose where they are"
    if not target:
        faults["target"] = "Name where they go"
    elif source == target:
        faults["target"] = "They are there already"
    reason = fields.get("reason", "") or "moved"
    if len(reason) > 200:
        faults["reason"] = "At most 200 characters"
    if faults or quantity is None:
        return None, faults
    return Transfer(sku=sku, quantity=quantity, source=source, target=target, reason=reason, actor=""), faults


def announcing(sku: str, fields: Typed) -> tuple[AnnounceDrop | None, Faults]:
    """Until when a crowd is expected as typed; `off` calls it off."""
    if fields.get("off"):
        return AnnounceDrop(sku=sku, until=None), {}
    until = moment_in(fields.get("until", ""))
    if until is None or until <= now():
        return None, {"until": "A day and a time to come"}
    return AnnounceDrop(sku=sku, until=until), {}


ACTS: dict[str, tuple[Callable[[str, Typed], tuple[Asked | None, Faults]], str]] = {
    "adjust": (adjusting, "adjusted"),
    "mark": (marking, "marked"),
    "move": (moving, "moved"),
    "drop": (announcing, "announced"),
}


async def _sku_page(
    desk: Desk,
    inventory: Inventory,
    catalog: Catalog,
    identity: Identity,
    sku: str,
    *,
    opened: str = "",
    faults: Faults | None = None,
    fields: Typed | None = None,
    status: int = 200,
) -> Response[Any]:
    wish = desk.asked("as_of", 40)
    as_of: datetime | None = moment_in(wish) if wish else None
    if wish and as_of is None:
        faults, status = {"as_of": "Choose a day and a time"}, 422
    ask = HistoryOf(sku=sku, as_of=as_of, cursor=desk.asked("cursor", 1000) or None, limit=50)
    # A SKU that never had units is known to the catalogue alone: here it gets its first ones.
    nothing = Level(sku=sku, location=DEFAULT_LOCATION, on_hand=0, reserved=0, available=0, low_stock_at=0, version=0)
    levels, history, places = await asyncio.gather(
        _found(inventory.levels(SkuRef(sku=sku)), Page[Level](data=[])),
        _found(inventory.history(ask), History(level=nothing, data=[])),
        gently(inventory.locations(Nothing()), Page[Location](data=[])),
    )
    if not levels.data:
        await _sold(catalog, sku)
    return desk.page(
        "sku.html",
        status=status,
        sku=sku,
        levels=levels.data,
        drop_until=max((level.drop_until for level in levels.data if level.drop_until), default=None),
        places=[each.location for each in places.data],
        history=history,
        steps=[(event, *EFFECTS.get(event.type, (0, 0))) for event in history.data],
        as_of=as_of,
        wish=wish,
        sum=folded(levels),
        names=await names_of(identity, (str(event.data.get("actor", "")) for event in history.data)),
        reasons=REASONS,
        opened=opened,
        faults=faults or {},
        fields=fields or {},
        key=new_key(),
    )


def folded(levels: Page[Level]) -> tuple[int, int, int]:
    """On hand, reserved and available over all locations."""
    rows = [(level.on_hand, level.reserved, level.available) for level in levels.data]
    on_hand, reserved, available = (sum(column) for column in zip(*rows, strict=True)) if rows else (0, 0, 0)
    return on_hand, reserved, available


async def _levels(inventory: Inventory, sku: str) -> Sequence[Level]:
    return (await inventory.levels(SkuRef(sku=sku))).data


async def _sold(catalog: Catalog, sku: str) -> None:
    """Raises NotFound for a SKU that no product has: nothing of it is counted."""
    if not (await catalog.known_skus(Skus(skus=[sku]))).skus:
        raise NotFound(f"No product has the SKU {sku}")


async def _found(asked: Coroutine[Any, Any, T], otherwise: T) -> T:
    try:
        return await asked
    except NotFound:
        return otherwise


async def _none() -> Page[Product]:
    return Page(data=[])


ROUTES = [stock_page, view_sku, change_sku]
