"""Expands families of hand-written specifications into products."""

import re
from collections.abc import Iterator
from random import Random
from typing import Any
from unicodedata import normalize

from haat.demo.records import AttributeValue, DemoImage, DemoProduct, DemoVariant
from haat.demo.reviews import reviews_of
from haat.demo.source import families, table

Row = dict[str, Any]

# Columns with a meaning of their own; every other column is an attribute of the product.
_RESERVED = {"brand", "title", "hsn", "tax", "price", "mrp", "weight", "colours", "packs", "sizes", "text"}
_SHORT_WORDS = 62
_SCALE = {"g": 1, "kg": 1000, "ml": 1, "l": 1000}


def expand() -> Iterator[DemoProduct]:
    """All products in file order; the same on every machine and in every run."""
    number = 0
    for family in families():
        for index, cells in enumerate(family["rows"]):
            number += 1
            row = dict(zip(family["columns"], cells, strict=True))
            yield _product(family, row, index, number)


def slug_of(text: str) -> str:
    """Lower-case ASCII words joined by hyphens."""
    plain = normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def told(words: str) -> str:
    """A shopper reads 1 TB where the specification counts 1024 GB."""
    return re.sub(r"\b(1024|2048) GB\b", lambda size: f"{int(size[1]) // 1024} TB", words)


def _product(family: Row, row: Row, index: int, number: int) -> DemoProduct:
    rng = Random(number * 7919)  # noqa: S311
    attributes = _attributes(family, row)
    title = told(family.get("title", "{brand} {title}").format(**(attributes | row)))
    options, variants = _variants(family, row, number, rng)
    popularity = max(1, round(10 * rng.paretovariate(1.3)) if rng.random() < 0.8 else 3)
    published = rng.choice((rng.randint(4, 60), rng.randint(60, 900)))
    category = family["category"]
    return DemoProduct(
        slug=slug_of(title),
        title=title,
        description=_description(family, row, attributes, index),
        brand=row["brand"],
        category=category,
        product_type=family["type"],
        attributes=attributes,
        hsn=str(row.get("hsn", family["hsn"])),
        tax_class=str(row.get("tax", family["tax"])),
        options=options,
        variants=variants,
        images=_images(family, row, attributes, title),
        reviews=reviews_of(category, popularity, published, rng),
        published_days_ago=published,
        popularity_hint=popularity,
    )


def _attributes(family: Row, row: Row) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = dict(family.get("attributes", {}))
    attributes.update({key: value for key, value in row.items() if key not in _RESERVED})
    colours = row.get("colours", [])
    if len(colours) == 1:
        attributes["colour"] = colours[0]
    return attributes


def _description(family: Row, row: Row, attributes: dict[str, AttributeValue], index: int) -> str:
    facts, closing = family["facts"], family["closing"]
    parts = [
        row["text"],
        told(_capital(facts[index % len(facts)].format(**attributes))),
        closing[index % len(closing)].format(**attributes),
    ]
    spare = [table("brands")["maker"][row["brand"]], table("brands")["advice"].get(family["category"], "")]
    while spare and sum(len(part.split()) for part in parts) < _SHORT_WORDS:
        parts.append(spare.pop(0))
    return " ".join(part for part in parts if part)


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _variants(family: Row, row: Row, number: int, rng: Random) -> tuple[list[str], list[DemoVariant]]:
    """One variant per combination of colour, size and pack; a pack brings its own price."""
    colours = row.get("colours", [])
    axes: list[tuple[str, list[tuple[str, int | None]]]] = []
    if len(colours) > 1:
        axes.append(("Colour", [(name, None) for name in colours]))
    if sizes := row.get("sizes", family.get("sizes")):
        axes.append(("Size", [(name, None) for name in sizes]))
    if packs := row.get("packs"):
        axes.append((family.get("pack_name", "Pack"), [(name, price) for name, price in packs]))
    combinations: list[list[tuple[str, int | None]]] = [[]]
    for _, values in axes:
        combinations = [[*taken, value] for taken in combinations for value in values]
    names = [name for name, _ in axes]
    code = "".join(word[0] for word in row["brand"].replace("&", "").split())[:2].upper().ljust(2, "X")
    start = packs[0][1] if packs else row["price"]
    variants = []
    for position, chosen in enumerate(combinations):
        rupees = next((price for _, price in chosen if price is not None), start)
        # The printed price of a pack follows its own price: only products without packs state one.
        was = rupees * rng.randint(108, 135) // 1000 * 10 + 9 if packs else row["mrp"]
        variants.append(
            DemoVariant(
                sku=f"{code}{number:04d}-{position + 1:02d}",
                options={name: value for name, (value, _) in zip(names, chosen, strict=True)},
                price_minor=rupees * 100,
                compare_at_minor=was * 100 if was > rupees and rng.random() < 0.9 else None,
                stock=_stock(rng),
                weight_grams=_weight(row, chosen),
            )
        )
    return names, variants


def _stock(rng: Random) -> int:
    roll = rng.random()
    if roll < 0.025:
        return 0
    if roll < 0.07:
        return rng.randint(1, 4)
    return rng.randint(5, 60) if roll < 0.6 else rng.randint(60, 200)


def _weight(row: Row, chosen: list[tuple[str, int | None]]) -> int:
    """Grams of one parcel: a pack named by its weight or volume decides, plus a tenth for the packing."""
    for name, price in chosen:
        found = re.search(r"(?:(\d+) x )?([\d.]+) (kg|g|ml|L|l)$", name)
        if price is not None and found and "weight" not in row:
            times, amount, unit = found.groups()
            grams = int(times or 1) * round(float(amount) * _SCALE[unit.lower()])
            return grams + max(10, grams // 10)
    return int(row.get("weight", 250))


def _images(family: Row, row: Row, attributes: dict[str, AttributeValue], title: str) -> list[DemoImage]:
    colours = row.get("colours") or [str(attributes.get("colour", ""))]
    kind, first = family["type"], colours[0]
    shown = f"{title} in {first.lower()}" if "colours" in row else title
    images = [DemoImage(drawing=f"{kind}/front/{first}", alt=shown)]
    if len(colours) > 1:
        listed = ", ".join(name.lower() for name in colours)
        images.append(DemoImage(drawing=f"{kind}/range/{'|'.join(colours)}", alt=f"{title}: {listed}"))
    else:
        images.append(DemoImage(drawing=f"{kind}/scene/{first}", alt=f"{title} on a wooden floor by the window"))
    if kind in _CLOSE_UPS or len(colours) > 1:
        images.append(DemoImage(drawing=f"{kind}/detail/{first}", alt=f"{title}, a closer look"))
    if kind == "laptop":
        images.append(DemoImage(drawing=f"{kind}/back/{first}", alt=f"{title} from behind"))
    return images


_CLOSE_UPS = {"laptop", "smartphone", "camera", "saree", "shoe", "bicycle", "guitar"}
