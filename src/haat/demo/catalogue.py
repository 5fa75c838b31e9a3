"""The demo catalogue: categories, tax classes and products of an invented Indian shop; the same on every run."""

from collections import Counter
from collections.abc import Iterator

from haat.demo.bulk import generate
from haat.demo.families import expand
from haat.demo.records import (
    DemoCategory,
    DemoImage,
    DemoProduct,
    DemoReview,
    DemoVariant,
    TaxClass,
    TaxRate,
)
from haat.demo.source import table

__all__ = [
    "DemoCategory",
    "DemoImage",
    "DemoProduct",
    "DemoReview",
    "DemoVariant",
    "TaxClass",
    "TaxRate",
    "categories",
    "generate",
    "products",
    "tax_classes",
]


def categories() -> list[DemoCategory]:
    """The tree, three levels deep, parents before children."""
    siblings: Counter[str] = Counter()
    found = []
    for slug, title, parent, description in table("categories")["rows"]:
        found.append(DemoCategory(slug, title, parent or None, siblings[parent], description))
        siblings[parent] += 1
    return found


def products() -> Iterator[DemoProduct]:
    """Every hand-written product, prices in paise including GST."""
    return expand()


def tax_classes() -> list[TaxClass]:
    """GST classes; of the rates in force on a day the newest `from_date` counts, then the price bounds choose."""
    return [
        TaxClass(
            code=entry["code"],
            hsn_prefixes=entry["hsn"],
            rates=[
                TaxRate(rate["from"], rate["percent"] * 100, rate.get("min"), rate.get("max"))
                for rate in entry["rates"]
            ],
        )
        for entry in table("tax")["class"]
    ]
