"""The sandboxes' few HTML pages: no script, nothing from elsewhere; the template engine loads when first used."""

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, status: int = 200, leads_to: str | None = None, **facts: object) -> web.Response:
    """Render `templates/<template>`; `leads_to` is the address a form's answer may redirect to."""
    style = _style()
    text = _templates().get_template(template).render(style=style, **facts)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    # Browsers hold a form's redirect to form-action too, so the shop it leads back to must be named.
    back = "" if leads_to is None else " {0.scheme}://{0.netloc}".format(urlsplit(leads_to))
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'{back}; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8", headers=headers)


def drawn_code(content: str, scale: int = 4) -> str:
    """A QR code as a data URI."""
    import segno  # noqa: PLC0415 - a twentieth of a second that only these pages need

    return str(segno.make_qr(content).svg_data_uri(scale=scale, border=2, dark="#111", light="#fff"))


def in_words(amount: int, currency: str) -> str:
    """Minor units as people write them, ₹1,23,456.00."""
    from decimal import Decimal  # noqa: PLC0415

    from babel.numbers import format_currency, get_currency_precision  # noqa: PLC0415 - as above

    return format_currency(Decimal(amount).scaleb(-get_currency_precision(currency)), currency, locale="en_IN")


@lru_cache(maxsize=1)
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - as above

    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)


@lru_cache(maxsize=1)
def _style() -> str:
    return (TEMPLATES / "style.css").read_text(encoding="utf-8")
