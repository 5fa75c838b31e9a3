"""Where units lie, and which place is asked for them first."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from haat.contracts.inventory import Inventory, SetPriority
from haat.kit.message import Nothing
from haat.web.backoffice.desk import Desk
from haat.web.backoffice.forms import Faults, Typed, typed, whole

LAST = 10_000


@get("/locations", duty="adjust")
async def list_locations(desk: Desk, inventory: Inventory) -> Response[Any]:
    """Every place, the first to be asked first."""
    return await _page(desk, inventory)


@post("/locations", duty="adjust", status_code=200)
async def set_priority(desk: Desk, inventory: Inventory) -> Response[Any]:
    """Ask a place sooner or later; one that has no units yet is known from then on."""
    fields = await typed(desk.request)
    ask, faults = read(fields)
    if ask is None:
        return await _page(desk, inventory, fields, faults, 422)
    await inventory.set_priority(ask)
    return desk.go("/admin/locations?said=saved")


def read(fields: Typed) -> tuple[SetPriority | None, Faults]:
    """A place and its priority as typed."""
    faults: Faults = {}
    location, priority = fields.get("location", "").strip(), whole(fields.get("priority", ""), 0, LAST)
    if not 0 < len(location) <= 100:
        faults["location"] = "Name the place, in at most 100 characters"
    if priority is None:
        faults["priority"] = f"A whole number from 0, asked first, to {LAST}"
    if faults or priority is None:
        return None, faults
    return SetPriority(location=location, priority=priority), faults


async def _page(
    desk: Desk, inventory: Inventory, fields: Typed | None = None, faults: Faults | None = None, status: int = 200
) -> Response[Any]:
    places = (await inventory.locations(Nothing())).data
    return desk.page("locations.html", status=status, places=places, fields=fields or {}, faults=faults or {})


ROUTES = [list_locations, set_priority]
