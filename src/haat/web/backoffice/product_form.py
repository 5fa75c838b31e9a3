"""A product as a form: what it shows, what was typed, what changed since, and what somebody else changed meanwhile."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from haat.contracts.catalog import STANDARD_TAX, Attribute, Image, NewProduct, NewVariant, Product, Variant
from haat.kit.validation import faults as every_fault
from haat.web.backoffice.forms import Faults, Typed, minor, plain_amount, whole

PLAIN = ("title", "slug", "description", "brand", "category", "product_type", "hsn", "tax_class", "status")
LABELS = {
    "title": "Title", "slug": "Address", "description": "Description", "brand": "Brand", "category": "Category",
    "product_type": "Product type", "hsn": "HSN code", "tax_class": "Tax class", "status": "Status",
    "variants": "Variants", "attributes": "Attributes", "images": "Pictures",
}  # fmt: skip
SPARE_ROWS = 2
_ROW = re.compile(r"(variant|attribute|image)\.([0-9]{1,3})\.([a-z_]+)")


class Rows(msgspec.Struct, frozen=True):
    """The repeated parts of the form, each row by its field names."""

    variants: list[Typed]
    attributes: list[Typed]
    images: list[Typed]


class Clash(msgspec.Struct, frozen=True):
    """A field that is not as it was typed: what it is now, and what was typed."""

    label: str
    theirs: str
    yours: str


def blank(currency: str) -> tuple[Typed, Rows]:
    """The form of a new product."""
    fields = dict.fromkeys(PLAIN, "") | {"status": "draft", "tax_class": STANDARD_TAX, "currency": currency}
    return fields, Rows([{}] * SPARE_ROWS, [{}] * SPARE_ROWS, [])


def shown(product: Product) -> tuple[Typed, Rows]:
    """The form of a product as it is."""
    fields = {name: getattr(product, name) for name in PLAIN if name != "category"}
    fields |= {"category": product.category.slug, "version": str(product.version)}
    rows = Rows(
        [*map(_variant_row, product.variants), {}],
        [*({"name": name, "value": _text(value)} for name, value in product.attributes.items()), *[{}] * SPARE_ROWS],
        [{"url": image.url, "alt": image.alt, "place": str(i)} for i, image in enumerate(product.images, 1)],
    )
    return fields, rows


def rows_in(fields: Typed) -> Rows:
    """The repeated parts of a form as typed, in their order, without the rows left empty."""
    found: dict[str, dict[int, Typed]] = {"variant": {}, "attribute": {}, "image": {}}
    for name, value in fields.items():
        match = _ROW.fullmatch(name)
        if match:
            found[match[1]].setdefault(int(match[2]), {})[match[3]] = value
    # The page numbers what it shows again, and a fault names its row by that number.
    parts = [[rows[i] for i in sorted(rows) if any(rows[i].values())] for rows in found.values()]
    return Rows(*parts)


def with_spare(rows: Rows, fresh: Sequence[Image] = ()) -> Rows:
    """The same rows with the pictures that came with them, and with empty ones to write more into."""
    new = [{"url": image.url, "alt": image.alt, "media": image.media_id} for image in fresh]
    return Rows([*rows.variants, {}], [*rows.attributes, *[{}] * SPARE_ROWS], [*rows.images, *new])


def read(
    fields: Typed,
    rows: Rows,
    currency: str,
    old: Product | None,
    fresh: Sequence[Image],
    waiting: Sequence[Image] = (),
) -> tuple[NewProduct | None, Faults]:
    """The product that was typed, with new pictures at the end, or every fault by field.

    Pictures are `waiting` that came with an earlier try of this form.
    """
    faults: Faults = {}
    wish: dict[str, Any] = {name: fields.get(name, "") for name in PLAIN}
    if not wish["slug"]:
        del wish["slug"]
    before = {variant.id: variant for variant in old.variants} if old else {}
    variants = [_variant(i, rows.variants[i], currency, before, faults) for i in _kept(rows)]
    wish["variants"] = variants
    wish["attributes"] = _attributes(rows.attributes, old, faults)
    wish["images"] = msgspec.to_builtins([*_images(rows.images, old, waiting), *fresh])
    if not variants:
        faults["form"] = "A product has at least one variant: give it a SKU and a price"
    if not wish["category"]:
        faults["category"] = "Choose a category"
    for name, detail in named(every_fault(NewProduct, wish), rows).items():
        if variants or name != "variants":
            faults.setdefault(name, detail)
    return (None if faults else msgspec.convert(wish, NewProduct)), faults


def named(found: Sequence[Mapping[str, str]], rows: Rows) -> Faults:
    """Faults of a product by the fields of the form that they are told at."""
    faults: Faults = {}
    for fault in found:
        faults.setdefault(_field(fault["pointer"].strip("/").split("/"), rows), fault["detail"])
    return faults


def _field(path: Sequence[str], rows: Rows) -> str:
    kept = _kept(rows)
    if path[0] == "variants" and len(path) > 2 and path[1].isdigit() and int(path[1]) < len(kept):
        # What lies in an option or a price is told at the one field of all options, or of the price.
        return f"variant.{kept[int(path[1])]}.{path[2]}"
    if path[0] == "attributes" and len(path) > 1:
        name = path[1].replace("~1", "/").replace("~0", "~")
        return next((f"attribute.{i}.name" for i, row in enumerate(rows.attributes) if row.get("name") == name), "form")
    return ".".join(path) or "form"


def _kept(rows: Rows) -> list[int]:
    """The numbers of the rows that are variants of the product."""
    return [
        i
        for i, row in enumerate(rows.variants)
        if any(value for name, value in row.items() if name != "id") and not row.get("remove")
    ]


def changes(new: NewProduct, old: Product) -> dict[str, Any]:
    """The fields of `new` that differ from the product as it is now, as the catalogue takes them."""
    wanted, present = msgspec.to_builtins(new), msgspec.to_builtins(as_new(old))
    for each in (wanted, present):
        for variant in each["variants"]:
            # A SKU that exists has been received; its stock is the inventory's.
            variant["stock"] = variant["stock"] if variant["id"] is None else 0
    return {
        name: wanted[name]
        for name in (*PLAIN, "variants", "attributes", "images")
        if not (name == "slug" and wanted["slug"] is None) and wanted[name] != present[name]
    }


def as_new(product: Product) -> NewProduct:
    """A product in the words in which it would be created."""
    return NewProduct(
        title=product.title,
        category=product.category.slug,
        variants=[_as_new_variant(each) for each in product.variants],
        slug=product.slug,
        description=product.description,
        brand=product.brand,
        product_type=product.product_type,
        attributes=product.attributes,
        hsn=product.hsn,
        tax_class=product.tax_class,
        images=product.images,
        status=product.status,
    )


def clashes(wanted: dict[str, Any], current: Product) -> list[Clash]:
    """What a form that came too late would overwrite."""
    present = msgspec.to_builtins(as_new(current))
    return [Clash(LABELS[name], _told(present[name]), _told(value)) for name, value in wanted.items()]


def _variant(i: int, row: Typed, currency: str, before: Mapping[str, Variant], faults: Faults) -> dict[str, Any]:
    price = minor(row.get("price", ""), currency)
    if price is None or price < 0:
        faults[f"variant.{i}.price"] = "Enter a price such as 1299 or 1299.50"
    compare = None
    if row.get("compare_at"):
        compare = minor(row["compare_at"], currency)
        if compare is None or compare <= (price or 0):
            faults[f"variant.{i}.compare_at"] = "The price before must be above the price"
    grams = whole(row.get("weight_grams") or "0", 0, 1_000_000)
    stock = whole(row.get("stock") or "0", 0, 1_000_000)
    if grams is None:
        faults[f"variant.{i}.weight_grams"] = "Whole grams"
    if stock is None:
        faults[f"variant.{i}.stock"] = "A whole number"
    old = before.get(row.get("id", ""))
    sku = row.get("sku", "")
    if old is not None and old.sku.strip() == sku.strip():
        # A form takes blanks away, and units are counted under the SKU as it was written elsewhere.
        sku = old.sku
    if old is not None and row.get("options", "").strip() == _options_text(old.options).strip():
        # Untouched, they stay what they were: those written elsewhere may be empty, or hold a colon or semicolon.
        options: Mapping[str, str] = old.options
    else:
        options, wrong = _options(row.get("options", ""))
        if wrong:
            faults[f"variant.{i}.options"] = f"Write options as Colour: Red; Size: M ({'; '.join(wrong)})"
    return {
        "id": row.get("id") or None,
        "sku": sku,
        "price": {"amount": price or 0, "currency": currency},
        "compare_at": None if compare is None else {"amount": compare, "currency": currency},
        "weight_grams": grams or 0,
        "stock": stock or 0,
        "options": options,
    }


def _options(text: str) -> tuple[dict[str, str], list[str]]:
    """The options as typed, and what is wrong with each that is none."""
    options: dict[str, str] = {}
    wrong: list[str] = []
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, colon, value = (each.strip() for each in part.partition(":"))
        if not colon:
            wrong.append(f"“{part}” has no colon")
        elif not (name and value):
            wrong.append(f"“{part}” has no {'value' if name else 'name'}")
        elif name in options:
            wrong.append(f"“{name}” stands more than once")
        else:
            options[name] = value
    return options, wrong


def _options_text(options: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in options.items())


def _attributes(rows: Sequence[Typed], old: Product | None, faults: Faults) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    before = old.attributes if old else {}
    for i, row in enumerate(rows):
        name, text = row.get("name", ""), row.get("value", "")
        if not name and text:
            faults[f"attribute.{i}.name"] = "Name this attribute"
        if name and text and name in found:
            faults[f"attribute.{i}.name"] = f"{name} stands more than once"
        elif name and text:
            # Untouched text keeps the type it had: the model "501" is not a number.
            kept = name in before and _text(before[name]) == text
            found[name] = before[name] if kept else _value(text)
    return found


def _value(text: str) -> Attribute:
    if text.lower() in ("yes", "no"):
        return text.lower() == "yes"
    number = whole(text, -(10**9), 10**9) if not text.startswith(("0", "+")) or text == "0" else None
    return text if number is None else number


def _images(rows: Sequence[Typed], old: Product | None, waiting: Sequence[Image]) -> list[Image]:
    """Pictures that stay, in the order of the places typed beside them."""
    known = {image.url: image for image in [*waiting, *(old.images if old else [])]}
    kept = []
    for i, row in enumerate(rows):
        image = known.get(row.get("url", ""))
        if image is not None and not row.get("remove"):
            place = whole(row.get("place", ""), 0, 999)
            kept.append(
                (
                    999 if place is None else place,
                    i,
                    msgspec.structs.replace(image, alt=row.get("alt", image.alt)[:500]),
                )
            )
    return [image for _, _, image in sorted(kept, key=lambda each: each[:2])]


def _variant_row(variant: Variant) -> Typed:
    currency = variant.price.currency
    return {
        "id": variant.id,
        "sku": variant.sku,
        "options": _options_text(variant.options),
        "price": plain_amount(variant.price.amount, currency),
        "compare_at": plain_amount(variant.compare_at.amount, currency) if variant.compare_at else "",
        "weight_grams": str(variant.weight_grams or ""),
        "available": str(variant.available),
    }


def _as_new_variant(variant: Variant) -> NewVariant:
    return NewVariant(
        sku=variant.sku,
        price=variant.price,
        options=variant.options,
        compare_at=variant.compare_at,
        weight_grams=variant.weight_grams,
        id=variant.id,
    )


def _text(value: Attribute) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _told(value: Any) -> str:
    """A field's value in a few words, for laying two side by side."""
    if isinstance(value, str):
        return value[:300] or "(empty)"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_text(each)}" for name, each in value.items()) or "(none)"
    return "; ".join(_row_told(each) for each in value) or "(none)"


def _row_told(row: dict[str, Any]) -> str:
    if "sku" not in row:
        return str(row.get("alt") or row.get("url"))
    told = [f"{row['sku']} at {plain_amount(**row['price'])}"]
    if row["compare_at"]:
        told.append(f"before {plain_amount(**row['compare_at'])}")
    told += [f"{name}: {value}" for name, value in row["options"].items()]
    told += [f"{row[name]} {unit}" for name, unit in (("weight_grams", "g"), ("stock", "first units")) if row[name]]
    return ", ".join(told)
