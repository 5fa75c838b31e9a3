"""Raw records of other shops as products: common field names are known, what is left becomes attributes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import msgspec

from haat.contracts.catalog import (
    LEFT_OUT,
    STANDARD_TAX,
    ImportOptions,
    ImportRow,
    NewProduct,
    Rating,
    RawRow,
    RowFault,
)
from haat.kit.money import exponent, ungrouped
from haat.kit.validation import faults
from haat.services.catalog.model import lies_here, product_faults, slug_of

KEYS = ("sku", "asin", "_id", "id", "product_id", "code")
TITLES = ("title", "name", "product_title", "product_name")
DESCRIPTIONS = ("description", "product_description", "body")
BULLETS = ("bullet_points", "bullets", "features")
BRANDS = ("brand", "product_brand", "manufacturer", "vendor")
CATEGORIES = ("category_path", "category", "categories", "department")
PRICES = ("price", "unit_price", "sale_price", "amount")
COMPARED = ("compare_at_price", "list_price", "mrp")
STOCKS = ("stock", "quantity", "current_stock", "inventory", "qty")
IMAGES = ("images", "image", "image_url", "thumbnail")
RATINGS = ("rating", "average_rating", "stars")
RATING_COUNTS = ("rating_count", "ratings_count", "review_count", "reviews_count")
WEIGHTS = ("weight_grams", "weight")
TYPES = ("product_type", "style", "type")
DATES = ("published_at", "created_at", "date_added")
_KNOWN = frozenset(
    (
        *KEYS, *TITLES, *DESCRIPTIONS, *BULLETS, *BRANDS, *CATEGORIES, *PRICES, *COMPARED, *STOCKS, *IMAGES,
        *RATINGS, *RATING_COUNTS, *WEIGHTS, *TYPES, *DATES, "currency", "slug", "hsn", "tax_class", "status",
        "attributes",
    )
)  # fmt: skip
GRAMS = {
    "": Decimal(1),
    "g": Decimal(1),
    "kg": Decimal(1000),
    "mg": Decimal("0.001"),
    "lb": Decimal("453.592"),
    "oz": Decimal("28.3495"),
}
_OWN = frozenset(field.name for field in msgspec.structs.fields(NewProduct))
# What a record tells of a product it does not make, by the names of its fields.
_TOLD = {
    "sku": KEYS, "title": TITLES, "brand": BRANDS, "product_type": TYPES, "category": CATEGORIES, "price": PRICES,
    "compare_at": COMPARED, "weight_grams": WEIGHTS, "description": (*DESCRIPTIONS, *BULLETS),
    **{name: (name,) for name in ("slug", "hsn", "tax_class", "status")},
}  # fmt: skip
# What a line of this API's own may say is empty.
_EMPTY = {"description": "", "brand": "", "product_type": "", "hsn": "", "images": []}
DEEPEST_CATEGORY = 8
# As JSON writes the zero character; a backslash of the text's own is doubled there.
_ZERO = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
LONGEST_KEY_IN_SLUG = 12
LONGEST_SKU = 64


class _Refused(Exception):
    """A field that cannot be read: pointer, code, detail."""


def row_of(raw: RawRow, options: ImportOptions, currency: str, classes: Sequence[str]) -> ImportRow | list[RowFault]:
    """One record as a product, or everything that is wrong with it; pointers name the record's own fields.

    `classes` are the tax classes that there are.
    """
    if _ZERO.search(msgspec.json.encode(raw.fields)):
        # PostgreSQL keeps it in no text: the whole batch would be refused.
        return [RowFault(line=raw.line, pointer="", code="invalid", detail="holds a zero character")]
    fields = _fields(raw)
    for name, pictures in _pictures(fields).items():
        # A field of which no picture is left counts as one that was not given.
        fields[name] = [each for each in pictures if lies_here(_address(each))]
        if pictures and not fields[name]:
            del fields[name]
    found: list[RowFault] = []

    def read(reader: Any, *args: Any) -> Any:
        try:
            return reader(fields, *args)
        except _Refused as refused:
            pointer, code, detail = refused.args
            found.append(RowFault(line=raw.line, pointer=pointer, code=code, detail=detail))
            return None

    title = _text(fields, TITLES)
    if not title:
        found.append(RowFault(line=raw.line, pointer="/title", code="required", detail="is required"))
    key = _text(fields, KEYS)
    price = read(_price, options, currency, key or title)
    compared = read(_compared, options, currency)
    stock = read(_whole, STOCKS, options.default_stock)
    grams = read(_grams)
    if isinstance(fields.get("variants"), list):
        return _checked(raw, fields, _own_product(fields), options, currency, classes)
    # What names a product may mean a known one, which need not be told whole. The rest is looked at all the same.
    known = bool(key or "slug" in fields) and all(fault.code == "required" for fault in found)
    name, price, stock, grams = title or key or "-", price or 0, stock or 0, grams or 0
    slug = slug_of(_text(fields, ("slug",))) or slug_of(name, _tail(key))
    product = {
        "title": name[:300],
        "category": "",
        "slug": slug or None,
        "description": _description(fields),
        "brand": _text(fields, BRANDS)[:120],
        "product_type": _text(fields, TYPES)[:80],
        "attributes": _attributes(fields),
        "hsn": _text(fields, ("hsn",)),
        "tax_class": _text(fields, ("tax_class",)) or STANDARD_TAX,
        "status": _text(fields, ("status",)).lower() or "published",
        "images": _images(fields, title),
        "variants": [
            {
                "sku": (key or slug or name)[:LONGEST_SKU],
                "price": {"amount": price, "currency": currency},
                "compare_at": {"amount": compared, "currency": currency} if compared and compared > price else None,
                "stock": stock,
                "weight_grams": grams,
            }
        ],
    }
    row = _checked(raw, fields, product, options, currency, classes)
    if not isinstance(row, ImportRow):
        return [*found, *row]
    return msgspec.structs.replace(row, unless_known=found) if known or not found else found


def key_of(raw: RawRow) -> str:
    """The SKU that a record names, "" for none."""
    return _text(_fields(raw), KEYS)[:LONGEST_SKU]


def pictures_left_out(raw: RawRow) -> list[RowFault]:
    """The word about pictures at other sites: pages show none of those, and nothing fetches them."""
    for name, pictures in _pictures(_fields(raw)).items():
        if any(re.match(r"(https?:)?//", _address(each)) for each in pictures):
            detail = "the row was taken without its pictures at other sites: upload them on the product's page"
            return [RowFault(line=raw.line, pointer=f"/{name}", code=LEFT_OUT, detail=detail)]
    return []


def _checked(
    raw: RawRow,
    fields: dict[str, Any],
    product: dict[str, Any],
    options: ImportOptions,
    currency: str,
    classes: Sequence[str],
) -> ImportRow | list[RowFault]:
    try:
        made = msgspec.convert(product, NewProduct)
    except msgspec.ValidationError:
        return [RowFault(line=raw.line, **fault) for fault in faults(NewProduct, product)]
    wrong = product_faults(made, currency, classes)
    if wrong:
        return [RowFault(line=raw.line, **fault) for fault in wrong]
    return ImportRow(
        line=raw.line,
        product=made,
        category_path=_category_path(fields) or [options.default_category],
        rating=_rating(fields),
        published_at=_moment(fields),
        told=_told(fields, product),
    )


def _told(fields: dict[str, Any], product: dict[str, Any]) -> list[str]:
    """The fields of the product that come from the record, not from what records without them are filled up with."""
    if isinstance(fields.get("variants"), list):
        return sorted(_OWN & fields.keys())
    told = {name for name, names in _TOLD.items() if any(each in fields for each in names)}
    # Pictures that lead nowhere take none away.
    return sorted(told | {name for name in ("attributes", "images") if product[name]})


def _own_product(fields: dict[str, Any]) -> dict[str, Any]:
    """A product as this API shows and exports it."""
    category = fields.get("category")
    product = {name: value for name, value in fields.items() if name in _OWN}
    product["category"] = category.get("slug", "") if isinstance(category, dict) else str(category or "")
    product["variants"] = [
        {**{name: value for name, value in each.items() if name != "available"}, "stock": each.get("available", 0)}
        if isinstance(each, dict) and "available" in each
        else each
        for each in fields["variants"]
    ]
    return product


def _fields(raw: RawRow) -> dict[str, Any]:
    """By their common names. An empty cell of a table tells nothing, an empty field of an export that it is empty."""
    named = {name.strip().lower().replace(" ", "_"): value for name, value in raw.fields.items()}
    own = isinstance(named.get("variants"), list)
    return {name: value for name, value in named.items() if _filled(value) or (own and value == _EMPTY.get(name))}


def _filled(value: Any) -> bool:
    return value is not None and value not in ("", [])


def _first(fields: dict[str, Any], names: Iterable[str]) -> tuple[str, Any]:
    for name in names:
        if name in fields:
            return name, fields[name]
    return "", None


def _text(fields: dict[str, Any], names: Iterable[str]) -> str:
    value = _first(fields, names)[1]
    return "" if value is None or isinstance(value, (dict, list)) else str(value).strip()


def _number(name: str, value: Any) -> Decimal:
    text = ungrouped(re.sub(r"[^\d.,eE+-]", "", str(value).replace("Rs.", "")))
    if "," in text:
        raise _Refused(f"/{name}", "invalid", f"{str(value)[:60]!r}: write fractions with a point, such as 12.50")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _Refused(f"/{name}", "wrong_type", f"{str(value)[:60]!r} is not a number") from None
    # Not abs: it refuses too large an exponent in a way of its own.
    if number.is_nan() or not -(10**13) <= number <= 10**13:
        raise _Refused(f"/{name}", "out_of_range", "is not a sensible number")
    return number


def _price(fields: dict[str, Any], options: ImportOptions, currency: str, key: str) -> int:
    """In minor units."""
    name, value = _first(fields, PRICES)
    if isinstance(value, dict):
        return _minor_price(name, value, currency)
    if value is None:
        if options.default_price is not None:
            return _minor(Decimal(options.default_price), currency)
        if options.invent_prices:
            return _invented(key, currency)
        raise _Refused("/price", "required", "has no price, and no default price was given")
    theirs = _text(fields, ("currency",)).upper()
    if theirs and theirs != currency and options.exchange_rate == "1":
        raise _Refused("/currency", "not_allowed", f"this shop sells in {currency}: give an exchange rate")
    price = _number(name, value)
    if price < 0:
        raise _Refused(f"/{name}", "out_of_range", "a price is not negative")
    return _minor(price * Decimal(options.exchange_rate), currency)


def _minor_price(name: str, value: dict[str, Any], currency: str) -> int:
    """A price as this API writes it: amount in minor units, and its currency."""
    amount = value.get("amount")
    if not isinstance(amount, int) or isinstance(amount, bool) or value.get("currency", currency) != currency:
        raise _Refused(f"/{name}", "invalid", f"expected an amount in minor units and the currency {currency}")
    return amount


def _compared(fields: dict[str, Any], options: ImportOptions, currency: str) -> int | None:
    name, value = _first(fields, COMPARED)
    if value is None or isinstance(value, dict):
        return None
    return _minor(_number(name, value) * Decimal(options.exchange_rate), currency)


def _minor(major: Decimal, currency: str) -> int:
    return int(major.scaleb(exponent(currency)).quantize(Decimal(1), ROUND_HALF_UP))


def _invented(key: str, currency: str) -> int:
    """A demonstration's price: the same for the same key, from 99 to about 20,000."""
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest())
    highest = 10 ** (1 + number % 3) * 20
    return _minor(Decimal(number // 3 % highest * 1 // 10 * 10 + 99), currency)


def _whole(fields: dict[str, Any], names: Iterable[str], default: int) -> int:
    name, value = _first(fields, names)
    if value is None:
        return default
    number = _number(name, value)
    if number != number.to_integral_value() or number < 0:
        raise _Refused(f"/{name}", "out_of_range", "must be a whole number, 0 or more")
    return min(int(number), 1_000_000)


def _grams(fields: dict[str, Any]) -> int:
    """Weights say their unit (`1.2 kg`); a bare number is grams."""
    name, value = _first(fields, WEIGHTS)
    if value is None:
        return 0
    match = re.fullmatch(r"\s*([\d.,]+)\s*([a-zA-Z]*)\s*", str(value))
    unit = match.group(2).lower().removesuffix("s") if match else ""
    if match is None or unit not in GRAMS:
        raise _Refused(f"/{name}", "invalid", f"{str(value)[:60]!r} is not a weight")
    return min(int(_number(name, match.group(1)) * GRAMS[unit]), 1_000_000)


def _description(fields: dict[str, Any]) -> str:
    bullets = _first(fields, BULLETS)[1]
    points = bullets if isinstance(bullets, list) else str(bullets or "").splitlines()
    parts = [_text(fields, DESCRIPTIONS), "\n".join(f"• {point}" for point in points if str(point).strip())]
    return "\n\n".join(part for part in parts if part)[:20_000]


def _category_path(fields: dict[str, Any]) -> list[str]:
    value = _first(fields, CATEGORIES)[1]
    if isinstance(value, dict):
        path = value.get("path")
        *above, leaf = path if path and isinstance(path, list) else [value.get("slug") or value.get("name") or ""]
        value = [*(str(slug).replace("-", " ").capitalize() for slug in above), value.get("title") or leaf]
    parts = value if isinstance(value, list) else re.split(r"\s*[>›]\s*", str(value or ""))
    return [str(part).strip()[:300] for part in parts if str(part).strip()][:DEEPEST_CATEGORY]


def _pictures(fields: dict[str, Any]) -> dict[str, list[Any]]:
    """Every field of pictures, as a list of addresses or of objects with a `url`."""
    given = {name: fields[name] for name in IMAGES if name in fields}
    return {
        name: value
        if isinstance(value, list)
        else [value]
        if isinstance(value, dict)
        else re.split(r"[\s|]+", str(value))
        for name, value in given.items()
    }


def _address(picture: Any) -> str:
    return str(picture.get("url", "") if isinstance(picture, dict) else picture)


def _images(fields: dict[str, Any], title: str) -> list[dict[str, Any]]:
    images = []
    for each in (_first(fields, IMAGES)[1] or [])[:50]:
        image: dict[str, Any] = each if isinstance(each, dict) else {}
        width, height = image.get("width", 0), image.get("height", 0)
        images.append(
            {"url": _address(each), "alt": str(image.get("alt", title))[:500], "width": width, "height": height}
        )
    return images


def _attributes(fields: dict[str, Any]) -> dict[str, str | int | bool]:
    own = fields.get("attributes")
    left = {name: value for name, value in fields.items() if name not in _KNOWN}
    given: dict[str, Any] = {**left, **(own if isinstance(own, dict) else {})}
    found: dict[str, str | int | bool] = {}
    for name, value in given.items():
        if isinstance(value, list) and all(isinstance(each, (str, int)) for each in value) and name == "tags":
            found[name] = ", ".join(str(each) for each in value)[:2_000]
        elif isinstance(value, (bool, int)):
            found[name[:80]] = value
        elif not isinstance(value, (list, dict)) and name:
            found[name[:80]] = str(value)[:2_000]
    return dict(list(found.items())[:100])


def _rating(fields: dict[str, Any]) -> Rating | None:
    value: Any = _first(fields, RATINGS)[1]
    count: Any = _first(fields, RATING_COUNTS)[1]
    if isinstance(value, dict):
        value, count = value.get("average", value.get("rate")), value.get("count")
    if count is None and isinstance(fields.get("reviews"), list):
        count = len(fields["reviews"])
    try:
        # Not int at once: a number of a billion digits is a short text.
        average, number = float(value), float(count)
    except (TypeError, ValueError, OverflowError):
        return None
    return Rating(average=average, count=int(number)) if 0 < average <= 5 and 1 <= number <= 10**9 else None


def _moment(fields: dict[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(fields, DATES))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _tail(key: str) -> str:
    """What keeps slugs of equal titles apart: the key itself, or a digest of a long one."""
    return key if len(key) <= LONGEST_KEY_IN_SLUG else hashlib.blake2b(key.encode(), digest_size=4).hexdigest()
