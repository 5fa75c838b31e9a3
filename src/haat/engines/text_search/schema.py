"""The fields of the index and how a product fills them."""

import zlib
from bisect import bisect_right
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import tantivy

from haat.engines.text_search.analysis import (
    PLAIN,
    READY,
    STEMMED,
    named_key,
    neighbours_of,
    normalised,
    plain_analyser,
    ready_analyser,
    stemmed_analyser,
)
from haat.engines.text_search.breadth import CHAMPION, SAMPLE, champion_level, sample_level, terms_of
from haat.engines.text_search.names import CODE_BITS, code_of, path_name
from haat.kit.keyword import keyword_of
from haat.ports.text_search import DSL_FIELDS, PRICE_EDGES_MINOR, ProductDocument, Removal

# Raised whenever the fields, the analysis or the stored shapes change: an older index is then rebuilt.
FORMAT: Final = 6
LIVE: Final = "1"
_TIE_BITS: Final = 24
_COUNT_BITS: Final = 20
_HIGHEST_KEY: Final = (1 << 63) - 1

# One column per sort: the sorted value above, bits of the id below, so that no two products tie.
ORDER_FIELDS: Final = {
    "popularity": ("order_popularity", True),
    "price_asc": ("order_price", False),
    "price_desc": ("order_price", True),
    "newest": ("order_published", True),
    "rating": ("order_rating", True),
}
# Where the product's card lies (see cards).
CARD: Final = "card"
# Segments are sorted by it: champions of the highest level first, within a level by category and brand.
SHELF: Final = "shelf"
_HALF_BITS: Final = 24
# name of the DSL → text field searched with the shop's analysis.
TEXT_FIELDS: Final = {
    "name": "title",
    "title": "title",
    "description": "description",
    "attributes": "attributes",
    "brand": "brand_text",
    "category": "category_text",
}
# name of the DSL → field of exact, folded terms.
KEYWORD_FIELDS: Final = {
    "id": "id_key",
    "slug": "slug",
    "sku": "sku",
    "brand": "brand",
    "category": "category",
    "in_stock": "in_stock",
}
# Small numbers, or hashes, by which facets are counted.
CODES: Final = ("brand_code", "path_code", "price_step", "rating_step", "stocked")
# name of the DSL → numeric column.
NUMBER_FIELDS: Final = {
    "price": "price",
    "rating": "rating",
    "rating_count": "rating_count",
    "popularity": "popularity",
    "published_at": "published",
}


def build_schema() -> tantivy.Schema:
    """`all` holds every word of a product: it decides what matches. `title`, `beside` (the words that the title lacks)
    and `neighbours` (each two of the title) rank."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    for name in ("live", "present", SAMPLE, CHAMPION, "category_path", "category_named"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("title", "all"):
        builder.add_text_field(name, tokenizer_name=STEMMED)
    for name in ("description", "attributes", "brand_text", "category_text"):
        builder.add_text_field(name, tokenizer_name=STEMMED, index_option="freq")
    builder.add_text_field("words", tokenizer_name=PLAIN, index_option="basic")
    builder.add_text_field("beside", tokenizer_name=READY, index_option="freq")
    builder.add_text_field("neighbours", tokenizer_name="raw", index_option="freq")
    for name in ("id_key", "slug", "sku", "brand", "category", "in_stock"):
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in ("brand_facet", "category_facet"):
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in ("price", "rating_count", "published", "version", CARD, SHELF, *CODES):
        builder.add_integer_field(name, fast=True)
    for name in ("order_popularity", "order_price", "order_published", "order_rating"):
        builder.add_integer_field(name, fast=True)
    for name in ("rating", "popularity", "prior"):
        builder.add_float_field(name, fast=True)
    builder.add_bytes_field("source", stored=True)
    return builder.build()


def register_analysers(index: tantivy.Index) -> None:
    index.register_tokenizer(STEMMED, stemmed_analyser)
    index.register_tokenizer(PLAIN, plain_analyser)
    index.register_tokenizer(READY, ready_analyser)


def _order_key(value: int, tie: int) -> int:
    return min(max(value, 0) << _TIE_BITS | tie, _HIGHEST_KEY)


def price_bounds(low_minor: int | None, high_minor: int | None) -> tuple[str, int | None, int | None]:
    """Inclusive bounds of a price, as a column and bounds in it.

    The engine opens the column of a sort faster than that of the price itself: the bits of the ids in it keep it from
    being compressed in blocks, whose heads would be read each time. Sums beyond it are looked for in that of the price.
    """
    low, high = (None if each is None else max(-1, min(each, _HIGHEST_KEY)) for each in (low_minor, high_minor))
    if any(each is not None and each >= _HIGHEST_KEY >> _TIE_BITS for each in (low, high)):
        return "price", low, high
    first = None if low is None else low << _TIE_BITS
    return "order_price", first, None if high is None else (high + 1 << _TIE_BITS) - 1


def epoch_microseconds(moment: datetime) -> int:
    whole = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86_400 + whole.seconds) * 1_000_000 + whole.microseconds


def to_tantivy(product: ProductDocument, minor_per_major: int, card: int) -> tantivy.Document:
    """`card` is the place of its card."""
    document = tantivy.Document()
    _add_words(document, product)
    _add_keywords(document, product)
    _add_columns(document, product)
    document.add_integer(CARD, card)
    document.add_bytes("source", _source(product, minor_per_major))
    return document


def to_tombstone(removal: Removal) -> tantivy.Document:
    """Remembers the version of what was removed; it has no words, so that no search finds it."""
    document = tantivy.Document()
    document.add_text("id", removal.id)
    document.add_integer("version", removal.version)
    return document


def _add_words(document: tantivy.Document, product: ProductDocument) -> None:
    title = normalised(product.title)
    brand = normalised(product.brand)
    category = normalised(" ".join(each.name for each in product.categories))
    attributes = normalised(product.attributes_text)
    description = normalised(product.description)
    document.add_text("title", title)
    stems = stemmed_analyser.analyze(title)
    for pair in neighbours_of(stems):
        document.add_text("neighbours", pair)
    document.add_text("description", description)
    document.add_text("attributes", attributes)
    document.add_text("brand_text", brand)
    document.add_text("category_text", category)
    named = f"{title} \n {brand} \n {category} \n {attributes}"
    document.add_text("words", named)
    beside = f"{brand} \n {category} \n {attributes} \n {' '.join(product.skus).lower()} \n {description}"
    document.add_text("all", f"{title} \n {beside}")
    titled = set(stems)
    document.add_text("beside", " ".join(stem for stem in stemmed_analyser.analyze(beside) if stem not in titled))


def _add_keywords(document: tantivy.Document, product: ProductDocument) -> None:
    document.add_text("id", product.id)
    document.add_text("live", LIVE)
    for term in terms_of(sample_level(product.id)):
        document.add_text(SAMPLE, term)
    for term in terms_of(champion_level(product.id, product.popularity)):
        document.add_text(CHAMPION, term)
    document.add_text("id_key", keyword_of(product.id))
    document.add_text("slug", keyword_of(product.slug))
    document.add_text("in_stock", "true" if product.in_stock else "false")
    for sku in product.skus:
        document.add_text("sku", keyword_of(sku))
    if product.brand:
        document.add_text("brand", keyword_of(product.brand))
        document.add_text("brand_facet", product.brand)
        document.add_integer("brand_code", code_of(product.brand))
    for name in _present(product):
        document.add_text("present", name)
    for category in product.categories:
        # Its name is a field of its own: it may be another category's slug ("Women > Shoes" beside "shoes").
        for key in {keyword_of(category.id), keyword_of(category.slug)}:
            document.add_text("category", key)
        document.add_text("category_named", named_key(category.name))
        document.add_text("category_facet", "\x1f".join((category.id, category.slug, category.name)))
    if product.categories:
        path = path_name(product.categories)
        document.add_text("category_path", path)
        document.add_integer("path_code", code_of(path))


def _shelf(product: ProductDocument) -> int:
    """A search that looks at champions or at a sample only finds all of them at the beginning of each list."""
    level = champion_level(product.id, product.popularity)
    path = code_of(path_name(product.categories)) >> CODE_BITS - _HALF_BITS if product.categories else 0
    brand = code_of(product.brand) >> CODE_BITS - _HALF_BITS
    return (level << _HALF_BITS | path) << _HALF_BITS | brand


def _present(product: ProductDocument) -> list[str]:
    """The names of the DSL under which the product has a value."""
    absent = {
        "description": not product.description,
        "attributes": not product.attributes_text,
        "brand": not product.brand,
        "category": not product.categories,
        "sku": not product.skus,
    }
    return [name for name in DSL_FIELDS if not absent.get(name, False)]


def _add_columns(document: tantivy.Document, product: ProductDocument) -> None:
    tie = zlib.crc32(product.id.encode()) & ((1 << _TIE_BITS) - 1)
    published = epoch_microseconds(product.published_at)
    popularity = max(product.popularity, 0.0)
    stars = round(product.rating_average * 100) << _COUNT_BITS
    document.add_integer("version", product.version)
    document.add_integer(SHELF, _shelf(product))
    document.add_integer("price", product.price_minor)
    document.add_integer("price_step", bisect_right(PRICE_EDGES_MINOR, product.price_minor))
    document.add_integer("stocked", int(product.in_stock))
    document.add_integer("rating_step", int(product.rating_average))
    document.add_integer("rating_count", product.rating_count)
    document.add_integer("published", published)
    document.add_float("rating", product.rating_average)
    document.add_float("popularity", popularity)
    document.add_float("prior", _prior(popularity, product.in_stock))
    document.add_integer("order_price", _order_key(product.price_minor, tie))
    document.add_integer("order_popularity", _order_key(round(popularity * 1000), tie))
    document.add_integer("order_published", _order_key(published // 1_000_000, tie))
    document.add_integer("order_rating", _order_key(stars | min(product.rating_count, (1 << _COUNT_BITS) - 1), tie))


def _prior(popularity: float, in_stock: bool) -> float:
    """The engine multiplies a score by log2(2 + this): at most 4 % for popularity, 4 % for being in stock.

    On the ESCI judgments every larger weight of popularity made the ranking worse.
    """
    return 0.06 * popularity / (popularity + 100.0) + (0.06 if in_stock else 0.0)


def _source(product: ProductDocument, minor_per_major: int) -> bytes:
    whole, rest = divmod(product.price_minor, minor_per_major)
    fields: dict[str, Any] = {
        "id": product.id,
        "slug": product.slug,
        "name": product.title,
        "title": product.title,
        "description": product.description,
        "brand": product.brand,
        "category": [category.slug for category in product.categories],
        "price": product.price_minor / minor_per_major if rest else whole,
        "in_stock": product.in_stock,
        "rating": product.rating_average,
        "rating_count": product.rating_count,
        "popularity": product.popularity,
        "published_at": product.published_at.astimezone(UTC),
        "sku": list(product.skus),
        "attributes": product.attributes_text,
    }
    return msgspec.json.encode(fields)
