"""The back office's templates and the words that only they use: states, days, waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment

from haat.kit.clock import now
from haat.web.words import SHOP_ZONE, environment_of, in_width, minor_money

PAGES = Path(__file__).parent / "pages"
# Tone of a state: what waits for us, what moves, what is done, what went wrong.
TONES: Mapping[str, str] = {
    **dict.fromkeys(("placed", "confirmed", "requested", "open", "queued", "authorized", "pending", "draft"), "wait"),
    **dict.fromkeys(("low_stock", "requires_action", "unknown", "cash_on_delivery", "authorizing"), "wait"),
    **dict.fromkeys(("packed", "partially_shipped", "shipped", "out_for_delivery"), "move"),
    **dict.fromkeys(("partially_delivered", "in_transit", "picked_up", "created"), "move"),
    **dict.fromkeys(("running", "approved", "partially_refunded", "partially_captured"), "move"),
    **dict.fromkeys(("delivered", "paid", "captured", "sent", "done", "published", "received", "ok"), "good"),
    **dict.fromkeys(("failed", "out_of_stock", "declined", "disputed", "rejected", "parked", "expired"), "bad"),
    **dict.fromkeys(("explained", "healed", "usable"), "good"),
    "voided": "bad",
}
SPOKEN: Mapping[str, str] = {
    "cash_on_delivery": "cash on delivery",
    "partially_shipped": "partly shipped",
    "partially_delivered": "partly delivered",
    "cod": "Cash on delivery",
    "upi": "UPI",
    "card": "Card",
    "wallet": "Wallet",
    "credit": "Credit",
    "ok": "OK",
}


def render(template: str, **facts: Any) -> str:
    """A page as HTML."""
    return environment().get_template(template).render(**facts)


@lru_cache(maxsize=1)
def environment() -> Environment:
    filters = {
        "minor_money": minor_money,
        "utc": utc,
        "day": day,
        "ago": ago,
        "spoken": spoken,
        "tone": tone,
        "segment": segment,
        "percent": percent,
        "small": small,
    }
    return environment_of(PAGES, filters, {})


def utc(value: datetime) -> str:
    """For machines and for pointing at: `2026-11-24T07:00:00Z`."""
    return f"{value:%Y-%m-%dT%H:%M:%SZ}"


def day(value: date | datetime) -> str:
    """`24 Nov 2026`."""
    if isinstance(value, datetime):
        value = value.astimezone(SHOP_ZONE).date()
    return f"{value.day} {value:%b %Y}"


def ago(value: datetime) -> str:
    """`5 min`, `3 h`, `12 d`: how long something has waited."""
    seconds = max(0, int((now() - value).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "just now"


def spoken(state: str) -> str:
    """A state for people: `out_for_delivery` is `out for delivery`."""
    return SPOKEN.get(state, state.replace("_", " "))


def tone(state: str) -> str:
    """The colour of a state by its meaning."""
    return TONES.get(state, "calm")


def segment(text: str) -> str:
    """One part of a path, whatever it holds."""
    return quote(text, safe="")


def percent(points: int) -> str:
    """Basis points for people: 1250 is `12.5%`."""
    return f"{points / 100:g}%"


def small(address: str) -> str:
    """The smallest rendition of a picture of ours; another shop's address as it is."""
    return in_width(address, 200)
