"""Reading forms: text in, money and moments out, every fault by field."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

import msgspec
from litestar.datastructures import UploadFile

from haat.kit.money import LIMIT, exponent, ungrouped
from haat.web.sessions import AnyRequest
from haat.web.words import SHOP_ZONE

Typed = dict[str, str]
Faults = dict[str, str]
# Fields of the frame around a form, which say nothing of what it asks for.
FRAME = frozenset({"_csrf_token", "key"})
LONGEST = 20_000
_DECIMAL = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,4})?")


async def typed(request: AnyRequest) -> Typed:
    """The text fields of a form, each once, without blanks around them, which only a password keeps."""
    form = await request.form()
    texts = ((name, value) for name, value in form.items() if isinstance(value, str))
    return {name: value[:LONGEST] if name == "password" else _clean(value) for name, value in texts}


async def files(request: AnyRequest, name: str) -> list[UploadFile]:
    """The files of a field, those left empty apart."""
    form = await request.form()
    return [each for each in form.getall(name, []) if isinstance(each, UploadFile) and each.filename]


def _clean(text: str) -> str:
    return text.strip().replace("\r\n", "\n").replace("\0", "")[:LONGEST]


def canonical(fields: Typed) -> bytes:
    """What a form asks for, the same bytes for the same wish."""
    return msgspec.json.encode({name: fields[name] for name in sorted(fields) if name not in FRAME})


def new_key() -> str:
    """A key for a hidden field: the form that carries it takes effect once."""
    return secrets.token_urlsafe(18)


def minor(text: str, currency: str) -> int | None:
    """Minor units of an amount as typed (`1,299.50`), None when it is none."""
    plain = ungrouped(text.replace(" ", "").lstrip("₹"))
    if not _DECIMAL.fullmatch(plain):
        return None
    amount = Decimal(plain).scaleb(exponent(currency))
    return int(amount) if amount == amount.to_integral_value() and abs(amount) <= LIMIT else None


def plain_amount(amount: int, currency: str) -> str:
    """An amount as a form shows it: `1299.50`."""
    digits = exponent(currency)
    value = Decimal(amount).scaleb(-digits)
    return f"{value:.{digits}f}" if digits and amount % 10**digits else str(amount // 10**digits)


def basis_points(text: str) -> int | None:
    """`12.5` percent is 1250; None for anything that is not 0.01 to 100."""
    try:
        points = Decimal(text.strip().rstrip("%").strip()) * 100
    except InvalidOperation:
        return None
    if not points.is_finite() or points != points.to_integral_value():
        return None
    return int(points) if 1 <= points <= 10_000 else None


def whole(text: str, low: int, high: int) -> int | None:
    """A whole number within bounds, None for anything else."""
    plain = ungrouped(text.strip().replace("−", "-"))
    if not re.fullmatch(r"[+-]?[0-9]{1,12}", plain):
        return None
    return int(plain) if low <= int(plain) <= high else None


def moment_in(text: str) -> datetime | None:
    """A `datetime-local` value in the shop's own time, None when it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=SHOP_ZONE)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def inside(address: str) -> str:
    """An address of the back office to go on to; anything else becomes its home."""
    # Browsers read a backslash as a slash, and drop control characters.
    if not address.isprintable() or "\\" in address:
        return "/admin"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/admin"
    ours = parts.path == "/admin" or parts.path.startswith("/admin/")
    return address if ours and not parts.scheme and not parts.netloc else "/admin"
