"""The small words that the templates of shop and back office share: money, moments, devices, pictures, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from haat.kit.clock import now
from haat.kit.money import Money, format_money
from haat.web.assets import asset_url

# The demo shop lives in India; times of day are its own.
SHOP_ZONE = ZoneInfo("Asia/Kolkata")
# All that means something in an address, and what is written as `%` and two digits already.
_OF_ADDRESSES = "!#$%&'()*+,/:;=?@[]~"
# Addresses of pictures by the media service: every width exists in every format.
RENDITION = re.compile(r"(/media/[0-9a-f]{40})/[0-9]+\.jpg")
_BROWSERS = {"Edg": "Edge", "Firefox": "Firefox", "OPR": "Opera", "Chrome": "Chrome", "Safari": "Safari"}
_SYSTEMS = {
    **{name: name for name in ("Android", "iPhone", "iPad", "Windows")},
    **{"Mac OS": "Mac", "Linux": "Linux"},
}


def location(address: str) -> str:
    """An address as a header may hold it: other scripts, blanks and ends of lines as `%` and digits."""
    return quote(address, safe=_OF_ADDRESSES)


def environment_of(pages: Path, filters: Mapping[str, Any], words: Mapping[str, Any]) -> Environment:
    """Templates that escape everything; a name that a page misses is an error, not an empty place."""
    made = Environment(
        loader=FileSystemLoader(pages), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"money": money, "moment": moment, "grouped": grouped, "device": device, **filters}
    made.globals |= {"asset": asset_url, "query": query, **words}
    return made


@lru_cache(maxsize=8192)
def minor_money(amount: int, currency: str) -> str:
    """An amount in minor units as `money` shows it."""
    return format_money(Money(amount, currency))


def money(value: Money) -> str:
    """`₹45,999`: paise only when there are any."""
    return minor_money(value.amount, value.currency)


def grouped(number: int) -> str:
    """A count the Indian way: 12,34,567."""
    return ("−" if number < 0 else "") + minor_money(abs(number) * 100, "INR").lstrip("₹")


def moment(value: datetime) -> str:
    """`24 Nov, 12:30 pm` in the shop's own time, with the year when it is another one."""
    local = value.astimezone(SHOP_ZONE)
    year = "" if local.year == now().astimezone(SHOP_ZONE).year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}"


def query(**values: object) -> str:
    """`?a=1&b=2` of what is not empty."""
    text = urlencode({name: value for name, value in values.items() if value not in (None, "", False)}, doseq=True)
    return f"?{text}" if text else ""


def in_width(address: str, width: int) -> str:
    """A picture of ours in another width; one from elsewhere as it is."""
    found = RENDITION.fullmatch(address)
    return f"{found[1]}/{width}.jpg" if found else address


def device(user_agent: str) -> str:
    """A browser and system in a few words, as far as they tell."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in user_agent), "")
    return " on ".join(part for part in (browser, system) if part) or "A program or an unknown browser"
