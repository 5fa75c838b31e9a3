"""Events that a part of the shop could not act on: what went wrong, and once more when it is mended."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post

from haat.ports.parked_events import ParkedEvent, ParkedEvents
from haat.web.backoffice.desk import Desk
from haat.web.backoffice.forms import typed

SHOWN = 100


class Shown(msgspec.Struct, frozen=True):
    """A parked event and its facts as they can be read."""

    event: ParkedEvent
    facts: str


@get("/events", duty="events")
async def list_events(desk: Desk, parked: Any) -> Response[Any]:
    """The oldest first: later ones often fail because of it."""
    found = await _of(parked).parked(SHOWN + 1)
    events = [Shown(each, facts_of(each.body)) for each in found[:SHOWN]]
    return desk.page("events.html", events=events, more=len(found) > SHOWN)


@post("/events", duty="events", status_code=200)
async def replay(desk: Desk, parked: Any) -> Response[Any]:
    """One event, or all of them; a worker acts on them within seconds."""
    fields = await typed(desk.request)
    reader, event_id = fields.get("reader") or None, fields.get("event") or None
    count = await _of(parked).ask_again(desk.actor, reader, event_id)
    return desk.go(f"/admin/events?said={'replaying' if count else 'gone'}")


def facts_of(body: bytes) -> str:
    """The event's JSON for reading; whatever it is, it must not break the page that shows it."""
    try:
        return msgspec.json.format(body, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return repr(body)


def _of(parked: Any) -> ParkedEvents:
    # Injected by the application without a type, as its other parts that are no contracts.
    found: ParkedEvents = parked
    return found


ROUTES = [list_events, replay]
