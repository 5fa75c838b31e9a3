"""The shop's templates and the words that only they use: days, attributes, pictures, linked data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import segno
from jinja2 import Environment
from markupsafe import Markup

from haat.contracts.search import Card
from haat.kit.clock import now
from haat.web.storefront import progress
from haat.web.words import RENDITION, SHOP_ZONE, environment_of, grouped, in_width, minor_money

PAGES = Path(__file__).parent / "pages"
WIDTHS = (200, 400, 800, 1200)
UNITS = {
    **{each: each for each in ("cm", "mm", "kg", "g", "l", "ml", "hours", "months", "years", "inches")},
    **{"gb": "GB", "tb": "TB", "inch": "inches", "w": "W", "wh": "Wh", "mah": "mAh", "mp": "MP", "hz": "Hz"},
}
SHORT = {"ram": "RAM", "ssd": "SSD", "usb": "USB", "os": "System", "isbn": "ISBN", "bee": "BEE"}


def render(template: str, **facts: Any) -> str:
    """A page or a piece of one as HTML."""
    return environment().get_template(template).render(**facts)


@lru_cache(maxsize=1)
def environment() -> Environment:
    return environment_of(
        PAGES,
        {"day": day, "worded": worded, "about": about, "minor_money": minor_money},
        {
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
            "this_year": _this_year,
        },
    )


def _this_year() -> int:
    return now().astimezone(SHOP_ZONE).year


def about(number: int, exact: bool) -> str:
    """A count as far as it is known: `about 10,000` tells two digits of an estimate."""
    if exact:
        return grouped(number)
    return f"about {grouped(int(float(f'{number:.1e}')))}"


def day(value: date | datetime, weekday: bool = True) -> str:
    """`Sat 28 Nov`, with the year when it is another one."""
    if isinstance(value, datetime):
        value = value.astimezone(SHOP_ZONE).date()
    text = f"{value:%a} {value.day} {value:%b}" if weekday else f"{value.day} {value:%b}"
    return text if value.year == now().astimezone(SHOP_ZONE).year else f"{text} {value.year}"


def linked_data(value: object) -> Markup:
    """JSON-LD that cannot leave its script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704


def qr_code(text: str) -> Markup:
    """A QR code as an SVG element without styles of its own."""
    code = segno.make(text, error="m", micro=False)
    drawn = code.svg_inline(border=2, omitsize=True, svgclass="qr", lineclass="modules", dark="#1d1410", light="#fff")
    return Markup(drawn)  # noqa: S704


def sources(address: str) -> list[tuple[str, str]]:
    """Media type and `srcset` of the smaller formats of a picture; none for pictures from elsewhere."""
    found = RENDITION.fullmatch(address)
    if found is None:
        return []
    return [
        (f"image/{kind}", ", ".join(f"{found[1]}/{width}.{kind} {width}w" for width in WIDTHS))
        for kind in ("avif", "webp")
    ]


def largest(address: str) -> str:
    """The picture in its greatest width."""
    return in_width(address, WIDTHS[-1])


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
