"""What the demo shop promises about its goods."""

from datetime import date
from itertools import chain

import pytest

from haat.demo.catalogue import DemoProduct, categories, generate, products, tax_classes

PRODUCTS = list(products())
VARIANTS = list(chain.from_iterable(product.variants for product in PRODUCTS))
PARENT = {category.slug: category.parent for category in categories()}
TAX = {entry.code: entry for entry in tax_classes()}


def depth(slug: str) -> int:
    parent = PARENT[slug]
    return 1 if parent is None else 1 + depth(parent)


def rate_on(product: DemoProduct, taxable_minor: int, day: date) -> list[int]:
    rates = [rate for rate in TAX[product.tax_class].rates if rate.from_date <= day]
    newest = max(rate.from_date for rate in rates)
    return [
        rate.rate_basis_points
        for rate in rates
        if rate.from_date == newest
        and (rate.price_min_minor or 0) <= taxable_minor <= (rate.price_max_minor or taxable_minor)
    ]


def test_there_are_at_least_300_products_in_12_top_categories_each_with_a_use() -> None:
    leaves = {slug for slug in PARENT if slug not in set(PARENT.values())}
    tops = [slug for slug, parent in PARENT.items() if parent is None]
    assert len(PRODUCTS) >= 340
    assert len(tops) >= 12
    assert {product.category for product in PRODUCTS} == leaves
    assert {depth(leaf) for leaf in leaves} == {3}


def test_prices_run_from_49_rupees_to_two_and_a_half_lakh() -> None:
    prices = [variant.price_minor for variant in VARIANTS]
    assert min(prices) == 4_900
    assert 20_000_000 <= max(prices) <= 25_000_000


def test_a_search_for_laptops_between_30_000_and_60_000_finds_a_choice() -> None:
    laptops = [product for product in PRODUCTS if product.category == "laptops"]
    between = [product for product in laptops if all(3_000_000 <= v.price_minor <= 6_000_000 for v in product.variants)]
    assert len(laptops) >= 45
    assert len(between) >= 24


def test_slugs_and_skus_are_unique() -> None:
    slugs = [product.slug for product in PRODUCTS]
    skus = [variant.sku for variant in VARIANTS]
    assert len(set(slugs)) == len(slugs)
    assert len(set(skus)) == len(skus)


def test_every_variant_names_each_option_and_no_two_are_alike() -> None:
    for product in PRODUCTS:
        chosen = [tuple(variant.options[name] for name in product.options) for variant in product.variants]
        assert len(set(chosen)) == len(product.variants)
        assert all(list(variant.options) == product.options for variant in product.variants)


def test_stock_is_mostly_plenty_sometimes_low_sometimes_none() -> None:
    stocks = [variant.stock for variant in VARIANTS]
    assert 0 < stocks.count(0) < len(stocks) * 0.06
    assert 0 < sum(1 <= stock < 5 for stock in stocks) < len(stocks) * 0.1
    assert max(stocks) <= 200


def test_a_former_price_is_higher_and_every_parcel_weighs_something() -> None:
    assert all(v.compare_at_minor is None or v.compare_at_minor > v.price_minor for v in VARIANTS)
    assert all(v.weight_grams > 0 for v in VARIANTS)


def test_descriptions_have_60_to_150_words_and_none_is_repeated() -> None:
    texts = [product.description for product in PRODUCTS]
    assert [text for text in texts if not 60 <= len(text.split()) <= 150] == []
    assert len(set(texts)) == len(texts)
    assert [text for text in texts if "{" in text] == []


def test_attributes_are_typed_without_floats() -> None:
    kinds = {type(value) for product in PRODUCTS for value in product.attributes.values()}
    assert kinds == {str, int, bool}


def test_every_hsn_code_belongs_to_its_tax_class() -> None:
    assert [p.slug for p in PRODUCTS if not p.hsn.startswith(tuple(TAX[p.tax_class].hsn_prefixes))] == []


@pytest.mark.parametrize("day", [date(2023, 5, 1), date(2025, 9, 21), date(2025, 9, 22), date(2026, 11, 24)])
def test_exactly_one_rate_is_in_force_for_every_variant(day: date) -> None:
    found = {len(rate_on(p, v.price_minor, day)) for p in PRODUCTS for v in p.variants}
    assert found == {1}


def test_apparel_changes_slab_by_price_and_by_day() -> None:
    shirt = next(product for product in PRODUCTS if product.tax_class == "apparel")
    before, since = date(2025, 9, 21), date(2025, 9, 22)
    assert rate_on(shirt, 100_000, before) == [500]
    assert rate_on(shirt, 100_001, before) == [1200]
    assert rate_on(shirt, 250_000, since) == [500]
    assert rate_on(shirt, 250_001, since) == [1800]


def test_no_apparel_price_is_ambiguous_about_its_slab() -> None:
    # Between 5 % on 2,500 and 18 % on 2,500 a price with tax included would allow both slabs or neither.
    doubtful = [
        variant.sku
        for product in PRODUCTS
        if product.tax_class in {"apparel", "footwear"}
        for variant in product.variants
        if 262_500 < variant.price_minor < 295_001
    ]
    assert doubtful == []


def test_reviews_are_never_older_than_their_product_nor_repeated_on_it() -> None:
    for product in PRODUCTS:
        titles = [review.title for review in product.reviews]
        assert len(set(titles)) == len(titles)
        assert all(0 < review.days_ago < product.published_days_ago for review in product.reviews)
    assert sum(len(product.reviews) for product in PRODUCTS) > 800


def test_the_catalogue_is_the_same_every_time() -> None:
    assert list(products()) == PRODUCTS


def test_a_load_catalogue_is_unique_and_repeatable() -> None:
    first = list(generate(20_000, seed=5))
    assert len({product.slug for product in first}) == 20_000
    assert len({product.variants[0].sku for product in first}) == 20_000
    assert first == list(generate(20_000, seed=5))
    assert first[:50] != list(generate(50, seed=6))


def test_a_load_catalogue_streams() -> None:
    assert next(generate(1_000_000, seed=1)).slug


def test_more_than_a_million_products_are_refused() -> None:
    with pytest.raises(ValueError, match="1000000"):
        generate(1_000_001, seed=1)


BEFORE, SINCE = date(2025, 9, 21), date(2025, 9, 22)


@pytest.mark.parametrize(
    ("title", "hsn", "before", "since"),
    [
        ("Nanhe Anti-colic Feeding Bottle", "3926", 1200, 500),
        ("Nanhe Steel Sipper", "7323", 1200, 500),
        ("Harit Angan Galvanised Watering Can", "7323", 1200, 500),
        ("Mitti & Glaze Glazed Planter", "6914", 1800, 1800),
        ("Mitti & Glaze Terracotta Pot, Set of 3", "6914", 0, 0),
        ("Kaagaz Ghar Handmade Paper Sketchbook", "4820", 1800, 1800),
        ("Kaagaz Ghar Exercise Notebook", "4820", 1200, 0),
        ("Neelambari Embroidered Potli", "4202", 1200, 500),
        ("Nashta Nook Khakhra, Methi", "2106", 500, 500),
        ("Nashta Nook Bhujia Sev", "2106", 1200, 500),
        ("Drishtica 32-inch HD Smart Television", "8528", 1800, 1800),
        ("Drishtica 43-inch 4K Smart Television", "8528", 2800, 1800),
        ("Ojasvika Sandal Bathing Soap", "3401", 1800, 500),
        ("Pahiya Commuter Bicycle", "8712", 1200, 500),
        ("Taalvrinda Tabla Pair", "9206", 0, 0),
    ],
)
def test_headings_and_rates_are_those_of_the_schedules(title: str, hsn: str, before: int, since: int) -> None:
    (product,) = [each for each in PRODUCTS if each.title == title]
    assert (product.hsn, rate_on(product, 100, BEFORE), rate_on(product, 100, SINCE)) == (hsn, [before], [since])


def test_telephones_came_to_the_common_rate_in_april_2020() -> None:
    phone = next(product for product in PRODUCTS if product.product_type == "smartphone")
    assert [rate_on(phone, 100, day) for day in (date(2020, 3, 31), date(2020, 4, 1))] == [[1200], [1800]]


def test_whole_terabytes_are_told_as_a_shopper_reads_them() -> None:
    words = [text for product in [*PRODUCTS, *generate(2000, seed=1)] for text in (product.title, product.description)]
    big = {product.attributes["storage_gb"] for product in PRODUCTS if "2 TB SSD" in product.title}
    assert ([text for text in words if "1024 GB" in text or "2048 GB" in text], big) == ([], {2048})
