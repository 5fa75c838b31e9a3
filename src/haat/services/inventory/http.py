"""`/v1/inventory`: levels, their history, adjustments and alerts, for fulfilment staff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import Response, get, patch, post, put
from litestar.params import Parameter
from msgspec import Meta

from haat.contracts.catalog import Catalog, Skus
from haat.contracts.inventory import (
    DEFAULT_LOCATION,
    Adjust,
    Alert,
    AlertsOf,
    AnnounceDrop,
    Damage,
    History,
    HistoryOf,
    Inventory,
    Level,
    Quantity,
    SetLowMark,
    SetPriority,
    SkuRef,
    Transfer,
)
from haat.contracts.inventory import Location as Place
from haat.kit.access import Caller, needs_role
from haat.kit.editing import ANY, NOT_MODIFIED, Known, Read, as_read, tag_of, tagged, version_of, versions_read
from haat.kit.idempotency import Idempotency
from haat.kit.message import Invalid, Message, NotFound, Nothing, Page
from haat.kit.path_parts import whole
from haat.kit.problem import Precondition, problems
from haat.services.inventory.model import summed

Sku = Annotated[str, Parameter(min_length=1, max_length=200, description="a variant's SKU; a slash in it is `%2F`")]
Cursor = Annotated[str | None, Parameter(max_length=1000, description="`next_cursor` of the page before")]
# As a datetime, the framework would take a number of seconds, too.
AsOf = Annotated[
    str | None, Parameter(max_length=40, description="RFC 3339, UTC by default", schema_extra={"format": "date-time"})
]
Limit = Annotated[int, Parameter(ge=1, le=100)]
Location = Annotated[str, Meta(min_length=1, max_length=100)]
LocationName = Annotated[str, Parameter(min_length=1, max_length=100, description="where units lie")]
Reason = Annotated[str, Meta(min_length=1, max_length=200)]


class StockView(Message, frozen=True):
    """Stock of one SKU over all locations, and at each."""

    sku: str
    on_hand: int
    reserved: int
    available: int
    version: int
    locations: Sequence[Level]


class AdjustBody(Message, frozen=True):
    """Units to add (or, negative, to take), and why."""

    quantity: Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]
    reason: Reason
    location: Location = DEFAULT_LOCATION


class LowMarkBody(Message, frozen=True):
    """At how many units left to raise an alert."""

    low_stock_at: Annotated[int, Meta(ge=0, le=1_000_000)]
    location: Location = DEFAULT_LOCATION


@get("/v1/inventory/alerts", tags=["inventory"], guards=[needs_role("fulfilment")], responses=problems(401, 403, 422))
async def list_alerts(inventory: Inventory, cursor: Cursor = None, limit: Limit = 20) -> Page[Alert]:
    """SKUs at or below their low mark, the latest first; `kind` is low_stock or out_of_stock."""
    return await inventory.alerts(AlertsOf(cursor=cursor, limit=limit))


@get(
    "/v1/inventory/{sku:str}",
    tags=["inventory"],
    guards=[needs_role("fulfilment")],
    responses={**problems(401, 403, 404, 422), 304: NOT_MODIFIED},
)
async def view_stock(sku: Sku, inventory: Inventory, if_none_match: Known = None) -> Response[StockView]:
    """The level of a SKU: `available` = `on_hand` - `reserved`. Its ETag serves If-Match of its low marks."""
    levels = (await inventory.levels(SkuRef(sku=whole(sku)))).data
    total = summed(levels)
    shown = StockView(
        sku=whole(sku),
        on_hand=total.on_hand,
        reserved=total.reserved,
        available=total.available,
        version=total.version,
        locations=levels,
    )
    return tagged(shown, tag_of(_marks(levels), version_of(shown)), if_none_match)


@get(
    "/v1/inventory/{sku:str}/events",
    tags=["inventory"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 422),
)
async def list_events(
    sku: Sku, inventory: Inventory, as_of: AsOf = None, cursor: Cursor = None, limit: Limit = 20
) -> History:
    """Why the level is what it is: the events, newest first; with `as_of` the level and the events of that moment."""
    moment = None if as_of is None else _moment(as_of)
    return await inventory.history(HistoryOf(sku=whole(sku), as_of=moment, cursor=cursor, limit=limit))


def _moment(text: str) -> datetime:
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        raise Invalid(
            errors=[{"pointer": "/as_of", "code": "invalid", "detail": "must be an RFC 3339 time"}]
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@post(
    "/v1/inventory/{sku:str}/adjustments",
    tags=["inventory"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 409, 422),
)
async def adjust_stock(
    sku: Sku,
    data: AdjustBody,
    inventory: Inventory,
    catalog: Catalog,
    caller: Caller,
    idempotency: Idempotency | None,
) -> Level:
    """Add or take units of a product's SKU; what is reserved cannot be taken: 409 `out_of_stock` with `available`."""
    await _counted_or_sold(whole(sku), inventory, catalog)
    ask = Adjust(
        sku=whole(sku),
        quantity=data.quantity,
        reason=data.reason,
        actor=caller.signed_in(),
        location=data.location,
        idempotency=idempotency,
    )
    return await inventory.adjust(ask)


async def _counted_or_sold(sku: str, inventory: Inventory, catalog: Catalog) -> None:
    """Raises NotFound for a SKU that no product has; what lies here of one that was removed can still be counted."""
    try:
        await inventory.levels(SkuRef(sku=sku))
    except NotFound:
        if not (await catalog.known_skus(Skus(skus=[sku]))).skus:
            raise NotFound(f"No product has the SKU {sku}") from None


@patch(
    "/v1/inventory/{sku:str}",
    tags=["inventory"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 412, 422),
)
async def change_low_mark(sku: Sku, data: LowMarkBody, inventory: Inventory, if_match: Read = None) -> Level:
    """Set the low mark of a SKU at a location; with If-Match only when no mark of the SKU was changed since."""
    expected, versions = None, versions_read(if_match)
    if versions not in (None, [ANY]):
        levels = (await inventory.levels(SkuRef(sku=whole(sku)))).data
        if _marks(levels) not in versions:
            raise Precondition()
        expected = next((level.low_stock_at for level in levels if level.location == data.location), None)
    return await inventory.set_low_mark(
        SetLowMark(sku=whole(sku), low_stock_at=data.low_stock_at, location=data.location, expected=expected)
    )


class DamageBody(Message, frozen=True):
    """Units to write off, and why."""

    quantity: Quantity
    reason: Reason
    location: Location = DEFAULT_LOCATION


class TransferBody(Message, frozen=True):
    """Units to move from one location to another, and why."""

    quantity: Quantity
    source: Location
    target: Location
    reason: Reason


class DropBody(Message, frozen=True):
    """Until when a crowd is expected; null calls it off."""

    until: Annotated[datetime, Meta(tz=True)] | None


class PriorityBody(Message, frozen=True):
    """The lower, the sooner a location is asked for units."""

    priority: Annotated[int, Meta(ge=0, le=10_000)]


@post(
    "/v1/inventory/{sku:str}/damages",
    tags=["inventory"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 409, 422),
)
async def write_off(
    sku: Sku, data: DamageBody, inventory: Inventory, caller: Caller, idempotency: Idempotency | None
) -> Level:
    """Write off damaged units; what is reserved cannot be taken: 409 `out_of_stock` with `available`."""
    ask = Damage(
        sku=whole(sku),
        quantity=data.quantity,
        reason=data.reason,
        actor=caller.signed_in(),
        location=data.location,
        idempotency=idempotency,
    )
    return await inventory.damage(ask)


@post(
    "/v1/inventory/{sku:str}/transfers",
    tags=["inventory"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 409, 422),
)
async def transfer_stock(
    sku: Sku, data: TransferBody, inventory: Inventory, caller: Caller, idempotency: Idempotency | None
) -> Page[Level]:
    """Move free units to another location; the levels at all locations."""
    ask = Transfer(
        sku=whole(sku),
        quantity=data.quantity,
        source=data.source,
        target=data.target,
        reason=data.reason,
        actor=caller.signed_in(),
        idempotency=idempotency,
    )
    return await inventory.transfer(ask)


@put(
    "/v1/inventory/{sku:str}/drop",
    tags=["inventory"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 404, 422),
)
async def announce_drop(sku: Sku, data: DropBody, inventory: Inventory) -> Nothing:
    """Expect a crowd for a SKU until then: reservations are granted many at a time."""
    return await inventory.announce(AnnounceDrop(sku=whole(sku), until=data.until))


@get("/v1/inventory/locations", tags=["inventory"], guards=[needs_role("fulfilment")], responses=problems(401, 403))
async def list_locations(inventory: Inventory) -> Page[Place]:
    """Every location, the first to be asked for units first."""
    return await inventory.locations(Nothing())


@put(
    "/v1/inventory/locations/{location:str}",
    tags=["inventory"],
    guards=[needs_role("fulfilment")],
    responses=problems(401, 403, 412, 422),
)
async def change_priority(
    location: LocationName, data: PriorityBody, inventory: Inventory, if_match: Read = None
) -> Nothing:
    """Set when a location is asked for units; with If-Match only when nobody else did since."""
    place, versions = whole(location), versions_read(if_match)
    if versions == [ANY]:
        if place not in {each.location for each in (await inventory.locations(Nothing())).data}:
            raise Precondition()
        versions = None

    async def change(version: str | None) -> Nothing:
        if version is not None and not (version.isascii() and version.isdigit() and len(version) < 10):
            raise Precondition()
        expected = None if version is None else int(version)
        return await inventory.set_priority(SetPriority(location=place, priority=data.priority, expected=expected))

    return await as_read(versions, change)


@get(
    "/v1/inventory/locations/{location:str}",
    tags=["inventory"],
    guards=[needs_role("fulfilment")],
    responses={**problems(401, 403, 404), 304: NOT_MODIFIED},
)
async def view_location(location: LocationName, inventory: Inventory, if_none_match: Known = None) -> Response[Place]:
    """One location; its ETag serves If-Match."""
    places = (await inventory.locations(Nothing())).data
    found = next((place for place in places if place.location == whole(location)), None)
    if found is None:
        raise NotFound("There is no such location")
    return tagged(found, tag_of(str(found.priority)), if_none_match)


def _marks(levels: Sequence[Level]) -> str:
    """The version of what staff set of a SKU: its low mark at each location."""
    return version_of(*(part for level in levels for part in (level.location, level.low_stock_at)))


ROUTES = [
    list_alerts,
    list_locations,
    view_location,
    change_priority,
    view_stock,
    list_events,
    adjust_stock,
    write_off,
    transfer_stock,
    announce_drop,
    change_low_mark,
]
