"""The templates and the small words they use: money, dates, stars, pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from haat.contracts.search import Card
from haat.kit.clock import now
from haat.kit.money import Money, format_money
from haat.web.assets import asset_url
from haat.web.storefront import progress

PAGES = Path(__file__).parent / "pages"
# The demo shop lives in India; times of day are its own.
# Addresses of pictures by the media service: every width exists in every format.
_RENDITION = re.compile(r"(/media/[0-9a-f]{40})/[0-9]+\.jpg")
WIDTHS = (200, 400, 800, 1200)
UNITS = {
    **{each: each for each in ("cm", "mm", "kg", "g", "l", "ml", "hours", "months", "years", "inches")},
    **{"gb": "GB", "tb": "TB", "inch": "inches", "w": "W", "wh": "Wh", "mah": "mAh", "mp": "MP", "hz": "Hz"},
}
SHORT = {"ram": "RAM", "ssd": "SSD", "usb": "USB", "os": "System", "isbn": "ISBN", "bee": "BEE"}
SHOP_ZONE = ZoneInfo("Asia/Kolkata")


def render(template: str, **facts: Any) -> str:
    """A page or a piece of one as HTML."""
    return environment().get_template(template).render(**facts)


@lru_cache(maxsize=1)
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "money": money,
        "day": day,
        "moment": moment,
        "grouped": grouped,
        "worded": worded,
        "device": device,
    }
    made.globals |= {
        "asset": asset_url,
        "sources": sources,
        "largest": largest,
        "listed": listed,
        "words": {
            "status": progress.STATUS_WORDS,
            "shipment": progress.SHIPMENT_WORDS,
            "payment": progress.PAYMENT_WORDS,
            "return": progress.RETURN_WORDS,
        },
        "ld": linked_data,
        "qr": qr_code,
        "query": query,
        "this_year": now().year,
    }
    return made


@lru_cache(maxsize=8192)
def _formatted(amount: int, currency: str) -> str:
    return format_money(Money(amount, currency))


def money(value: Money) -> str:
    """`₹45,999`: paise only when there are any."""
    return _formatted(value.amount, value.currency)


def grouped(number: int) -> str:
    """A count the Indian way: 12,34,567."""
    return _formatted(number * 100, "INR").lstrip("₹")


def day(value: date | datetime, weekday: bool = True) -> str:
    """`Sat 28 Nov`, with the year when it is another one."""
    if isinstance(value, datetime):
        value = value.astimezone(SHOP_ZONE).date()
    text = f"{value:%a} {value.day} {value:%b}" if weekday else f"{value.day} {value:%b}"
    return text if value.year == now().astimezone(SHOP_ZONE).year else f"{text} {value.year}"


def moment(value: datetime) -> str:
    """`24 Nov, 12:30 pm` in the shop's own time."""
    local = value.astimezone(SHOP_ZONE)
    return f"{local.day} {local:%b}, {local:%I:%M %p}".replace(", 0", ", ").replace("AM", "am").replace("PM", "pm")


def linked_data(value: object) -> Markup:
    """JSON-LD that cannot leave its script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704


def qr_code(text: str) -> Markup:
    """A QR code as an SVG element without styles of its own."""
    code = segno.make(text, error="m", micro=False)
    drawn = code.svg_inline(border=2, omitsize=True, svgclass="qr", lineclass="modules", dark="#1d1410", light="#fff")
    return Markup(drawn)  # noqa: S704


def query(**values: object) -> str:
    """`?a=1&b=2` of what is not empty."""
    text = urlencode({name: value for name, value in values.items() if value not in (None, "", False)}, doseq=True)
    return f"?{text}" if text else ""


def sources(address: str) -> list[tuple[str, str]]:
    """Media type and `srcset` of the smaller formats of a picture; none for pictures from elsewhere."""
    found = _RENDITION.fullmatch(address)
    if found is None:
        return []
    return [
        (f"image/{kind}", ", ".join(f"{found[1]}/{width}.{kind} {width}w" for width in WIDTHS))
        for kind in ("avif", "webp")
    ]


def largest(address: str) -> str:
    """The picture in its greatest width."""
    found = _RENDITION.fullmatch(address)
    return f"{found[1]}/{WIDTHS[-1]}.jpg" if found else address


def listed(cards: Sequence[Card], origin: str) -> list[dict[str, object]]:
    """The entries of an ItemList."""
    return [
        {"@type": "ListItem", "position": i + 1, "url": f"{origin}/p/{card.slug}", "name": card.title}
        for i, card in enumerate(cards)
    ]


def worded(name: str) -> str:
    """An attribute's name for people: `ram_gb` is `RAM (GB)`."""
    words = name.replace("-", "_").split("_")
    unit = UNITS.get(words[-1].lower()) if len(words) > 1 else None
    shown = [SHORT.get(word.lower(), word) for word in (words[:-1] if unit else words)]
    text = " ".join(shown)
    return text[:1].upper() + text[1:] + (f" ({unit})" if unit else "")


def device(user_agent: str) -> str:
    """A browser and system in two words, as far as they tell."""
    browsers = {"Edg": "Edge", "Firefox": "Firefox", "OPR": "Opera", "Chrome": "Chrome", "Safari": "Safari"}
    systems = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Mac OS": "Mac",
               "Linux": "Linux"}  # fmt: skip
    browser = next((name for mark, name in browsers.items() if mark in user_agent), "")
    system = next((name for mark, name in systems.items() if mark in user_agent), "")
    return " on ".join(part for part in (browser, system) if part) or "A program or an unknown browser"
