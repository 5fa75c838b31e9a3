"""The templates, and the small words they use: money, moments, states, addresses of lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from haat.kit.clock import now
from haat.kit.money import Money, format_money
from haat.web.assets import asset_url

PAGES = Path(__file__).parent / "pages"
# The house keeps its shop's time; UTC is told beside it.
SHOP_ZONE = ZoneInfo("Asia/Kolkata")
# Tone of a state: what waits for us, what moves, what is done, what went wrong.
TONES: Mapping[str, str] = {
    **dict.fromkeys(("placed", "confirmed", "requested", "open", "queued", "authorized", "pending", "draft"), "wait"),
    **dict.fromkeys(("low_stock", "requires_action", "unknown", "cash_on_delivery", "authorizing"), "wait"),
    **dict.fromkeys(("packed", "partially_shipped", "shipped", "out_for_delivery"), "move"),
    **dict.fromkeys(("partially_delivered", "in_transit", "picked_up", "created"), "move"),
    **dict.fromkeys(("running", "approved", "partially_refunded", "partially_captured"), "move"),
    **dict.fromkeys(("delivered", "paid", "captured", "sent", "done", "published", "received", "ok"), "good"),
    **dict.fromkeys(("failed", "out_of_stock", "declined", "disputed", "rejected"), "bad"),
}
_RENDITION = re.compile(r"(/media/[0-9a-f]{40})/[0-9]+\.jpg")
SPOKEN: Mapping[str, str] = {
    "cash_on_delivery": "cash on delivery",
    "partially_shipped": "partly shipped",
    "partially_delivered": "partly delivered",
    "cod": "Cash on delivery",
    "upi": "UPI",
    "card": "Card",
    "wallet": "Wallet",
    "ok": "OK",
}


def render(template: str, **facts: Any) -> str:
    """A page as HTML."""
    return environment().get_template(template).render(**facts)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Escapes everything; a name that a page misses is an error, not an empty place."""
    made = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "money": money,
        "minor_money": minor_money,
        "moment": moment,
        "utc": utc,
        "day": day,
        "ago": ago,
        "grouped": grouped,
        "spoken": spoken,
        "tone": tone,
        "segment": segment,
        "device": device,
        "percent": percent,
        "small": small,
    }
    made.globals |= {"asset": asset_url, "query": query}
    return made


@lru_cache(maxsize=8192)
def _formatted(amount: int, currency: str) -> str:
    return format_money(Money(amount, currency))


def money(value: Money) -> str:
    """`₹45,999`: paise only when there are any."""
    return _formatted(value.amount, value.currency)


def minor_money(amount: int, currency: str) -> str:
    """An amount in minor units as `money` shows it."""
    return _formatted(amount, currency)


def grouped(number: int) -> str:
    """A count the Indian way: 12,34,567."""
    return ("−" if number < 0 else "") + _formatted(abs(number) * 100, "INR").lstrip("₹")


def moment(value: datetime) -> str:
    """`24 Nov, 12:30` in the shop's own time, with the year when it is another one."""
    local = value.astimezone(SHOP_ZONE)
    year = "" if local.year == now().astimezone(SHOP_ZONE).year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local:%H:%M}"


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


def query(**values: object) -> str:
    """`?a=1&b=2` of what is not empty."""
    text = urlencode({name: value for name, value in values.items() if value not in (None, "", False)})
    return f"?{text}" if text else ""


def device(user_agent: str) -> str:
    """A browser and system in a few words, as far as they tell."""
    browsers = {"Edg": "Edge", "Firefox": "Firefox", "OPR": "Opera", "Chrome": "Chrome", "Safari": "Safari"}
    systems = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
    browser = next((name for mark, name in browsers.items() if mark in user_agent), "")
    system = next((name for name in systems if name in user_agent), "")
    return " on ".join(part for part in (browser, system) if part) or "A program or an unknown browser"


def percent(points: int) -> str:
    """Basis points for people: 1250 is `12.5%`."""
    return f"{points / 100:g}%"


def small(address: str) -> str:
    """The smallest rendition of a picture of ours; another shop's address as it is."""
    return _RENDITION.sub(r"\1/200.jpg", address)
