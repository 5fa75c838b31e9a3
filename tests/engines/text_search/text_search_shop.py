"""A small shop to search in, and the adapters that must find the same in it."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from haat.engines.text_search.tantivy_engine import TantivySearch
from haat.engines.text_search.writer import TantivyWriter
from haat.ports.text_search import CategoryRef, ProductDocument, SearchAnswer, TextIndexWriter, TextSearch

ELECTRONICS = CategoryRef("cat_e", "electronics", "Electronics")
LAPTOPS = CategoryRef("cat_l", "laptops", "Laptops")
PHONES = CategoryRef("cat_p", "phones", "Phones")
FASHION = CategoryRef("cat_f", "fashion", "Fashion")
SHOES = CategoryRef("cat_s", "shoes", "Shoes")
# Called like SHOES, and another category.
WOMEN_SHOES = CategoryRef("cat_w", "women-shoes", "Shoes")
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)

# id, title, brand, leaf, rupees, rating, rating count, popularity, in stock
ROWS = (
    ("l1", "Vayu Slim laptop 16 GB RAM", "Vayu", LAPTOPS, 45_000, 4.5, 120, 90, True),
    ("l2", "Vayu Gaming laptop 32GB", "Vayu", LAPTOPS, 85_000, 4.2, 40, 70, True),
    ("l3", "Megha Student laptop 8GB", "Megha", LAPTOPS, 30_000, 3.6, 15, 50, False),
    ("l4", "Megha Office laptop 16GB", "Megha", LAPTOPS, 60_000, 2.9, 9, 30, True),
    ("p1", "Vayu Wave phone 128GB", "Vayu", PHONES, 22_000, 4.4, 300, 95, True),
    ("p2", "Tarang Café phone", "Tarang", PHONES, 9_999, 3.9, 60, 20, True),
    ("s1", "Padma running shoes", "Padma", SHOES, 2_499, 4.1, 75, 60, True),
    ("s2", "Padma canvas shoes without laces", "Padma", SHOES, 1_299, 3.2, 22, 10, True),
)


def documents(version: int = 1) -> list[ProductDocument]:
    return [document(at, version) for at in range(len(ROWS))]


def document(at: int, version: int = 1, title: str | None = None) -> ProductDocument:
    key, name, brand, leaf, rupees, rating, count, popularity, in_stock = ROWS[at]
    return ProductDocument(
        id=f"prd_{key}",
        version=version,
        slug=f"slug-{key}",
        title=title or name,
        price_minor=rupees * 100,
        published_at=JANUARY + timedelta(days=at),
        card=b'{"id":"prd_%s"}' % key.encode(),
        description=f"A fine {leaf.name.lower()} article.",
        brand=brand,
        categories=(FASHION if leaf is SHOES else ELECTRONICS, leaf),
        attributes_text="colour blue",
        in_stock=in_stock,
        rating_average=rating,
        rating_count=count,
        popularity=float(popularity),
        skus=(f"SKU-{key.upper()}",),
    )


async def batches(*given: Sequence[ProductDocument]) -> AsyncIterator[Sequence[ProductDocument]]:
    for batch in given:
        yield batch


def ids(answer: SearchAnswer) -> list[str]:
    return [hit.id.removeprefix("prd_") for hit in answer.hits]


class Tantivy:
    """How the suite opens the embedded engine; every adapter has one such class."""

    @staticmethod
    def writer(root: Path) -> TextIndexWriter:
        return TantivyWriter(root)

    @staticmethod
    def search(root: Path) -> TextSearch:
        return TantivySearch(root)
