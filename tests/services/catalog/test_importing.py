"""Records of other shops read as products."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from haat.contracts.catalog import Image, ImportOptions, Rating, RawRow
from haat.services.catalog.importing import pictures_left_out, row_of

CUP = {"sku": "CUP-1", "title": "Clay cup", "price": "149.50"}


def read(fields, **options):
    return row_of(RawRow(line=7, fields=fields), ImportOptions(**options), "INR", ["standard", "reduced"])


def faults(fields, **options):
    return told(read(fields, **options))


def told(found):
    return [(each.line, each.pointer, each.code) for each in found]


def test_the_least_a_row_needs():
    row = read(CUP)
    (variant,) = row.product.variants
    assert (row.product.title, row.product.slug, row.category_path) == ("Clay cup", "clay-cup-cup-1", ["Imported"])
    assert (variant.sku, variant.price.amount, variant.price.currency, variant.stock) == ("CUP-1", 14950, "INR", 0)


@pytest.mark.parametrize(
    ("price", "minor"),
    [
        ("149.50", 14950), ("1,299", 129900), ("149.505", 14951), (149, 14900), (Decimal("0.1"), 10),
        ("₹1,49,999.00", 14999900), ("$ 12.99", 1299), ("0", 0), ({"amount": 14950, "currency": "INR"}, 14950),
    ],
)  # fmt: skip
def test_prices_are_exact(price, minor):
    assert read({**CUP, "price": price}).product.variants[0].price.amount == minor


@pytest.mark.parametrize(
    ("price", "code"),
    [("cheap", "wrong_type"), (-1, "out_of_range"), ("NaN", "wrong_type"), ("1e40", "out_of_range"),
     ("1e9999999", "out_of_range"), ("-1e9999999", "out_of_range"), ("12,50", "invalid"), ("1.299,00", "invalid"),
     ("1,5", "invalid"), ({"amount": 1.5}, "invalid")],
)  # fmt: skip
def test_a_price_that_is_none_is_a_fault(price, code):
    assert faults({**CUP, "price": price}) == [(7, "/price", code)]


@pytest.mark.parametrize(
    ("fields", "lacking"),
    [
        ({"sku": "CUP-1", "price": "9"}, [(7, "/title", "required")]),
        ({"sku": "CUP-1", "title": "Cup", "price": None}, [(7, "/price", "required")]),
        ({"slug": "cup", "brand": "Mitti"}, [(7, "/title", "required"), (7, "/price", "required")]),
        (CUP, []),
    ],
)
def test_a_row_that_names_its_product_lacks_what_only_a_new_one_needs(fields, lacking):
    assert told(read(fields).unless_known) == lacking


def test_what_cannot_be_read_is_told_beside_what_cannot_be_taken():
    assert faults({"price": "cheap", "stock": "-1", "hsn": "abc", "status": "Active", "title": "Cup"}) == [
        (7, "/price", "wrong_type"), (7, "/stock", "out_of_range"), (7, "/hsn", "invalid"), (7, "/status", "invalid"),
    ]  # fmt: skip
    assert faults({"hsn": "abc"}) == [(7, "/title", "required"), (7, "/price", "required"), (7, "/hsn", "invalid")]


def test_a_row_without_anything_to_know_its_product_by_is_a_fault():
    assert faults({"price": "9"}) == [(7, "/title", "required")]


def test_a_weight_with_a_decimal_comma_is_a_fault():
    assert faults({**CUP, "weight": "1,5 kg"}) == [(7, "/weight", "invalid")]


@pytest.mark.parametrize("given", [{"title": "Clay\0cup"}, {"colour": "red\0"}, {"tags": ["a", "\0"]}, {"a\0": "b"}])
def test_a_row_with_a_zero_character_is_a_fault_of_its_own(given):
    assert faults({**CUP, **given}) == [(7, "", "invalid")]


def test_a_zero_that_is_only_written_down_is_none():
    assert read({**CUP, "title": "Clay \\u0000 cup"}).product.title == "Clay \\u0000 cup"


def test_a_row_without_a_price_takes_the_default():
    assert read({**CUP, "price": None}, default_price="299").product.variants[0].price.amount == 29900


def test_an_invented_price_is_the_same_each_time():
    prices = {read({**CUP, "price": None}, invent_prices=True).product.variants[0].price.amount for _ in range(3)}
    assert (len(prices), min(prices) >= 9900, min(prices) % 100) == (1, True, 0)


def test_prices_of_another_currency_need_a_rate():
    fields = {**CUP, "price": "10", "currency": "USD"}
    assert faults(fields) == [(7, "/currency", "not_allowed")]
    assert read(fields, exchange_rate="85.5").product.variants[0].price.amount == 85500


def test_every_fault_of_a_row_is_told():
    fields = {"sku": "CUP-1", "price": "cheap", "stock": -1, "weight": "heavy"}
    assert faults(fields) == [
        (7, "/title", "required"), (7, "/price", "wrong_type"), (7, "/stock", "out_of_range"),
        (7, "/weight", "invalid"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("category", "path"),
    [
        ("Home > Kitchen>Cups", ["Home", "Kitchen", "Cups"]),
        (["Home", "", "Cups"], ["Home", "Cups"]),
        ("beauty", ["beauty"]),
        ({"slug": "cups", "path": 5}, ["cups"]),
        ({"path": ["home-ware", "cups"]}, ["Home ware", "cups"]),
    ],
)
def test_a_category_is_a_path_or_a_list(category, path):
    assert read({**CUP, "category": category}).category_path == path


def test_other_names_of_the_same_things():
    row = read({"_id": "B07", "Name": "Cup", "body": "Fired.", "bullet_points": "Red\nRound", "qty": "4",
                "unit_price": 5, "manufacturer": "Mitti", "style": "cup", "weight": "1.2 kg"})  # fmt: skip
    product, (variant,) = row.product, row.product.variants
    assert (product.title, product.brand, product.product_type, product.description) == (
        "Cup", "Mitti", "cup", "Fired.\n\n• Red\n• Round",
    )  # fmt: skip
    assert (variant.sku, variant.stock, variant.weight_grams) == ("B07", 4, 1200)


def test_what_is_left_becomes_attributes():
    fields = {**CUP, "Glaze Colour": "green", "glazed": True, "rims": 2, "ratio": Decimal("1.5"), "tags": ["a", "b"],
              "nested": {"x": 1}, "empty": ""}  # fmt: skip
    assert read(fields).product.attributes == {
        "glaze_colour": "green", "glazed": True, "rims": 2, "ratio": "1.5", "tags": "a, b",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"images": ["/media/a.jpg", "b.jpg"]}, ["/media/a.jpg"]),
        ({"images": [{"url": "/media/a.jpg"}, {"alt": "none"}, 3]}, ["/media/a.jpg"]),
        ({"image": "/media/a.jpg|/media/b.jpg c.jpg"}, ["/media/a.jpg", "/media/b.jpg"]),
        ({"image": {"url": "/media/a.jpg"}}, ["/media/a.jpg"]),
        ({"images": ["https://example.com/a.jpg"], "thumbnail": "/media/t.jpg"}, ["/media/t.jpg"]),
        ({"image": "https://example.com/a.jpg //example.com/b.jpg /\\\\example.com/c.jpg"}, []),
    ],
)
def test_pictures_need_an_address_in_this_shop(given, kept):
    expected = [Image(url=url, alt="Clay cup", width=0, height=0) for url in kept]
    assert read({**CUP, **given}).product.images == expected


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"Image URL": "https://example.com/a.jpg"}, [(7, "/image_url", "left_out")]),
        ({"images": ["/media/a.jpg", {"url": "//example.com/b.jpg"}]}, [(7, "/images", "left_out")]),
        ({"images": ["http://example.com/a"], "thumbnail": "http://example.com/b"}, [(7, "/images", "left_out")]),
        ({"images": ["/media/a.jpg"]}, []), ({"image": "cup.jpg"}, []), ({}, []),
    ],
)  # fmt: skip
def test_pictures_at_other_sites_are_told(given, told):
    faults = pictures_left_out(RawRow(line=7, fields={**CUP, **given}))
    assert [(each.line, each.pointer, each.code) for each in faults] == told


@pytest.mark.parametrize(
    ("given", "rating"),
    [
        ({"rating": 4.6, "rating_count": 12}, Rating(average=4.6, count=12)),
        ({"rating": {"rate": "3.9", "count": 120}}, Rating(average=3.9, count=120)),
        ({"rating": 5, "reviews": [{}, {}]}, Rating(average=5.0, count=2)),
        ({"rating": 4.6}, None), ({"rating": "good", "rating_count": 1}, None),
        ({"rating": 9, "rating_count": 1}, None), ({"rating": 10**400, "rating_count": 1}, None),
        ({"rating": 4, "rating_count": Decimal("1e999999999")}, None),
    ],
)  # fmt: skip
def test_a_rating_needs_its_count(given, rating):
    assert read({**CUP, **given}).rating == rating


def test_equal_titles_with_other_keys_have_other_addresses():
    assert read({**CUP, "sku": "CUP-2"}).product.slug == "clay-cup-cup-2"


def test_a_title_without_latin_letters_is_found_by_its_key():
    assert read({**CUP, "title": "मिट्टी का प्याला"}).product.slug == "cup-1"


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("2026-11-01T05:30:00+05:30", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None), ("soon", None),
    ],
)  # fmt: skip
def test_a_moment_that_is_none_is_left_out(told, moment):
    assert read({**CUP, "published_at": told}).published_at == moment
