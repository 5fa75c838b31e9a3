"""Products, imports, stock, coupons, reviews: what forms read, and what they ask of the services."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec
import pytest

from haat.contracts.catalog import CreateProduct, Image, Variant
from haat.contracts.fraud import Decide
from haat.contracts.inventory import Adjust, AnnounceDrop, HistoryOf, SetLowMark, SetPriority, Transfer
from haat.contracts.promotions import NewCoupon
from haat.kit.message import Invalid
from haat.kit.money import Money
from haat.web.backoffice import coupons, stock
from haat.web.backoffice.forms import basis_points, inside, minor, moment_in, plain_amount, whole
from haat.web.backoffice.imports import format_of, options_in
from haat.web.backoffice.product_form import Rows, as_new, changes, clashes, read, rows_in, shown
from tests.web.backoffice.conftest import Enter, House
from tests.web.backoffice.neighbours import product

PICTURE = Image(url="/media/a/800.jpg", alt="front", width=10, height=10, media_id="med_1")
BACK = Image(url="/media/b/800.jpg", alt="back", width=10, height=10, media_id="med_2")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1299", 129_900),
        ("1,29,900.5", 12_990_050),
        ("₹ 10", 1_000),
        ("12,50", None),
        ("1.299,00", None),
        ("0.005", None),
        ("1e3", None),
        ("", None),
    ],
)
def test_amounts_are_read_exactly_or_not_at_all(text: str, amount: int | None) -> None:
    assert minor(text, "INR") == amount


@pytest.mark.parametrize(("amount", "currency", "text"), [(129_950, "INR", "1299.50"), (5_000, "JPY", "5000")])
def test_amounts_are_written_as_they_are_read(amount: int, currency: str, text: str) -> None:
    assert plain_amount(amount, currency) == text
    assert minor(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "points"), [("12.5", 1250), ("100%", 10_000), ("0", None), ("101", None), ("x", None)]
)
def test_percentages_are_basis_points(text: str, points: int | None) -> None:
    assert basis_points(text) == points


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), ("-2", -2), ("−2", -2), ("1,000", 1_000), ("1.5", None), ("1,5", None), ("1,001", None)],
)
def test_whole_numbers_have_bounds(text: str, number: int | None) -> None:
    assert whole(text, -10, 1_000) == number


@pytest.mark.parametrize(
    ("typed", "price", "told"), [("1,299.50", "1299.50", set()), ("12,50", None, {"default_price"}), ("", None, set())]
)
def test_the_price_of_rows_without_one_is_read_as_any_other(typed: str, price: str | None, told: set[str]) -> None:
    options, faults = options_in({"default_price": typed}, "INR")

    assert (options.default_price, set(faults)) == (price, told)


def test_moments_are_typed_in_the_shops_own_time() -> None:
    assert moment_in("2026-11-24T12:00") == datetime(2026, 11, 24, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "soon", ""])
def test_impossible_moments_are_none(text: str) -> None:
    assert moment_in(text) is None


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("/admin/orders?q=1", "/admin/orders?q=1"),
        ("/administration", "/admin"),
        ("//x/admin/", "/admin"),
        ("//[", "/admin"),
    ],
)
def test_only_addresses_of_the_back_office_are_gone_on_to(address: str, target: str) -> None:
    assert inside(address) == target


def test_a_form_that_was_only_looked_at_changes_nothing() -> None:
    one = product(images=[PICTURE, BACK])
    fields, rows = shown(one)

    wanted, faults = read(fields, rows, "INR", one, [])

    assert faults == {}
    assert wanted is not None
    assert changes(wanted, one) == {}


def test_a_sku_with_blanks_around_it_stays_until_it_is_changed() -> None:
    """A form sends it without them, and units are counted under the SKU as it is."""
    one = product()
    one = product(variants=[msgspec.structs.replace(one.variants[0], sku=" LAMP-1 ")])
    fields, rows = shown(one)
    sent = [{name: value.strip() for name, value in row.items()} for row in rows.variants]

    wanted, _ = read(fields, Rows(sent, rows.attributes, rows.images), "INR", one, [])
    assert wanted is not None
    assert changes(wanted, one) == {}


def test_an_attribute_keeps_its_type_until_it_is_changed() -> None:
    one = product()
    rows = Rows(shown(one)[1].variants, [{"name": "model", "value": "501"}, {"name": "watts", "value": "60"}], [])

    wanted, _ = read(shown(one)[0], rows, "INR", one, [])

    assert wanted is not None
    assert wanted.attributes == {"model": "501", "watts": 60}


def test_pictures_follow_the_places_typed_and_removed_ones_go() -> None:
    one = product(images=[PICTURE, BACK])
    fields, rows = shown(one)
    images = [{**rows.images[0], "place": "2"}, {**rows.images[1], "place": "1", "alt": "the back"}]

    wanted, _ = read(fields, Rows(rows.variants, [], images), "INR", one, [])
    fewer, _ = read(fields, Rows(rows.variants, [], [{**images[0], "remove": "yes"}, images[1]]), "INR", one, [])

    assert wanted is not None and [image.alt for image in wanted.images] == ["the back", "front"]
    assert fewer is not None and [image.media_id for image in fewer.images] == ["med_2"]


def test_a_picture_that_is_not_the_products_own_is_not_taken() -> None:
    fields, rows = shown(product())
    stolen = [{"url": "https://evil.example/x.jpg", "alt": "x", "place": "1"}]

    wanted, _ = read(fields, Rows(rows.variants, [], stolen), "INR", product(), [])

    assert wanted is not None and wanted.images == []


def test_every_fault_of_a_product_is_told_by_its_field() -> None:
    fields = {"title": "", "category": "", "slug": "Not A Slug", "variant.0.sku": "A", "variant.0.price": "free"}

    _, faults = read(fields, rows_in(fields), "INR", None, [])

    assert {"title", "category", "slug", "variant.0.price"} <= set(faults)


def test_faults_are_told_at_the_rows_that_were_typed_when_others_are_empty_or_removed() -> None:
    fields = {
        "title": "Lamp",
        "category": "lamps",
        "status": "draft",
        "variant.0.sku": "A",
        "variant.0.remove": "yes",
        "variant.1.sku": "",
        "variant.2.sku": "B" * 65,
        "variant.2.price": "free",
        "variant.2.options": f"Colour: {'red' * 41}",
        "attribute.0.name": "",
        "attribute.1.name": "watts",
        "attribute.1.value": "x" * 2_001,
    }

    _, faults = read(fields, rows_in(fields), "INR", None, [])

    assert set(faults) == {"variant.1.sku", "variant.1.price", "variant.1.options", "attribute.0.name"}


async def test_a_fault_that_the_catalogue_finds_is_told_at_the_row_that_was_typed(enter: Enter, house: House) -> None:
    house.catalog.refusal = Invalid(errors=[{"pointer": "/variants/0/sku", "code": "x", "detail": "Not this one"}])
    wanted = {"title": "Lamp", "category": "lamps", "status": "draft", "variant.1.sku": "B", "variant.1.price": "1"}

    page = await enter("catalogue").send(
        "/admin/products", **wanted, **{"variant.0.sku": "A", "variant.0.price": "1", "variant.0.remove": "yes"}
    )

    assert re.findall(r'id="(f-variant-[^"]*-told)">([^<]*)', page.text) == [("f-variant-1-sku-told", "Not this one")]


def test_options_that_were_written_elsewhere_stay_until_they_are_changed() -> None:
    odd = {"Size": "", "Set": "cup; saucer", "Scale 1:10": "yes"}
    one = product(variants=[msgspec.structs.replace(product().variants[0], options=odd)])
    fields, rows = shown(one)
    sent = {**fields, **_named("variant", [{name: value.strip() for name, value in rows.variants[0].items()}])}

    wanted, faults = read(sent, rows_in(sent), "INR", one, [])

    assert (faults, wanted and wanted.variants[0].options) == ({}, odd)


def test_all_that_is_wrong_with_options_is_told_at_once() -> None:
    fields = {"variant.0.sku": "A", "variant.0.price": "1", "variant.0.options": "Set: cup; saucer; Size:; : M; Set: x"}

    _, faults = read(fields, rows_in(fields), "INR", None, [])

    assert faults["variant.0.options"] == (
        "Write options as Colour: Red; Size: M"
        " (“saucer” has no colon; “Size:” has no value; “: M” has no name; “Set” stands more than once)"
    )


def test_an_attribute_that_is_named_twice_is_told() -> None:
    rows = Rows([], [{"name": "watts", "value": "60"}, {"name": "watts", "value": "40"}], [])

    _, faults = read(shown(product())[0], rows, "INR", None, [])

    assert faults["attribute.1.name"] == "watts stands more than once"


def test_a_clash_tells_all_that_differs_in_a_variant() -> None:
    (mine,) = as_new(product()).variants
    new = {"options": {"Colour": "Blue"}, "weight_grams": 900, "compare_at": Money(199_900), "stock": 3, "id": None}
    typed = msgspec.structs.replace(as_new(product()), variants=[msgspec.structs.replace(mine, **new)])

    (clash,) = clashes(changes(typed, product()), product())

    assert (clash.theirs, clash.yours) == (
        "LAMP-1 at 1299, Colour: Red",
        "LAMP-1 at 1299, before 1999, Colour: Blue, 900 g, 3 first units",
    )


def test_a_product_needs_a_variant() -> None:
    fields = {"title": "Lamp", "category": "lamps", "status": "draft", "variant.0.sku": ""}

    _, faults = read(fields, rows_in(fields), "INR", None, [])

    assert faults == {"form": "A product has at least one variant: give it a SKU and a price"}


async def test_a_product_is_created_with_its_first_units(enter: Enter, house: House) -> None:
    await enter("catalogue").send(
        "/admin/products",
        **{
            "title": "Lamp",
            "category": "lamps",
            "status": "draft",
            "tax_class": "standard",
            "variant.0.sku": "LAMP-9",
            "variant.0.price": "1,299.50",
            "variant.0.options": "Colour: Red; Size: M",
            "variant.0.stock": "7",
        },
    )

    (ask,) = house.catalog.asked
    assert isinstance(ask, CreateProduct)
    (variant,) = ask.product.variants
    assert (variant.price, variant.stock, variant.options) == (Money(129_950), 7, {"Colour": "Red", "Size": "M"})


async def test_a_new_product_has_room_for_two_variants(enter: Enter) -> None:
    page = (await enter("catalogue").see("/admin/products/new")).text

    assert ['name="variant.1.sku"' in page, 'name="variant.2.sku"' in page] == [True, False]


async def test_the_form_offers_the_tax_classes_there_are_and_keeps_an_older_one(enter: Enter, house: House) -> None:
    blank = (await enter("catalogue").see("/admin/products/new")).text
    house.catalog.one = product(tax_class="odd")
    older = (await enter("catalogue").see("/admin/products/prd_1")).text

    choices = r'<select id="f-tax_class"[^>]*>(.*?)</select>'
    offered = [re.findall(r'value="(\w+)"( selected)?', re.findall(choices, page)[0]) for page in (blank, older)]
    assert offered == [
        [("standard", " selected"), ("reduced", "")],
        [("standard", ""), ("reduced", ""), ("odd", " selected")],
    ]


async def test_a_change_sends_only_what_differs_with_the_version_read(enter: Enter, house: House) -> None:
    fields, rows = shown(product())
    typed = {
        **fields,
        "title": "Better lamp",
        **_named("variant", rows.variants),
        **_named("attribute", rows.attributes),
    }

    await enter("catalogue").send("/admin/products/prd_1", **typed)

    (ask,) = house.catalog.asked
    assert (ask.changes, ask.version, ask.actor) == ({"title": "Better lamp"}, 4, "usr_catalogue")


async def test_whoever_changes_a_sku_is_told_where_its_units_are(enter: Enter, house: House) -> None:
    fields, rows = shown(product())
    (variant, spare) = rows.variants
    staff = enter("catalogue")
    typed = {**fields, **_named("variant", [{**variant, "sku": "LAMP-01"}, spare])}

    answer = await staff.send("/admin/products/prd_1", **typed)
    page = await staff.see(answer.headers["location"])

    assert [each["sku"] for each in house.catalog.asked[0].changes["variants"]] == ["LAMP-01"]
    assert "Units are counted by SKU: those under the old one stay there" in page.text


async def test_the_largest_product_fits_into_its_form(enter: Enter, house: House) -> None:
    size = Variant(id="", sku="", options={"Size": "M"}, price=Money(100), compare_at=Money(200), weight_grams=9)
    variants = [msgspec.structs.replace(size, id=f"var_{n}", sku=f"LAMP-{n}") for n in range(200)]
    pictures = [msgspec.structs.replace(PICTURE, url=f"/media/{n}/800.jpg") for n in range(49)]
    house.catalog.one = product(
        variants=variants, images=pictures, attributes={f"fact {n}": f"word {n}" for n in range(100)}
    )
    fields, rows = shown(house.catalog.one)
    repeated = {
        "variant": [{**row, "remove": ""} for row in rows.variants],
        "attribute": rows.attributes,
        "image": [{**row, "media": "", "remove": ""} for row in rows.images],
    }
    named = {name: value for kind, each in repeated.items() for name, value in _named(kind, each).items()}

    answer = await enter("catalogue").send("/admin/products/prd_1", pictures=["a.png"], **{**fields, **named})

    (ask,) = house.catalog.asked
    assert (answer.status_code, list(ask.changes), len(ask.changes["images"])) == (303, ["images"], 50)


async def test_a_change_that_comes_too_late_shows_both_and_saves_over_knowingly(enter: Enter, house: House) -> None:
    fields, rows = shown(product())
    typed = {**fields, "title": "Mine", **_named("variant", rows.variants), **_named("attribute", rows.attributes)}
    house.catalog.one = product(title="Theirs", version=5)

    answer = await enter("catalogue").send("/admin/products/prd_1", **typed)

    assert answer.status_code == 412
    assert '<td role="cell" data-label="Now">Theirs</td><td role="cell" data-label="Yours">Mine</td>' in answer.text
    assert 'name="version" value="5"' in answer.text
    assert house.catalog.asked == []


async def test_a_change_that_was_saved_already_is_no_clash(enter: Enter, house: House) -> None:
    """The second click on a button, or two who correct the same word."""
    fields, rows = shown(product())
    typed = {**fields, "title": "Mine", **_named("variant", rows.variants), **_named("attribute", rows.attributes)}
    house.catalog.meanwhile = product(title="Mine", version=5)

    answer = await enter("catalogue").send("/admin/products/prd_1", **typed)

    assert (answer.status_code, answer.headers.get("location")) == (303, "/admin/products/prd_1?said=saved")


async def test_a_product_is_removed_only_when_its_title_is_typed(enter: Enter) -> None:
    answer = await enter("catalogue").send("/admin/products/prd_1/remove", title="lamp", version="4")

    assert answer.status_code == 422


async def test_a_title_with_blanks_around_it_can_be_typed(enter: Enter, house: House) -> None:
    house.catalog.one = product(title="Lamp ")

    answer = await enter("catalogue").send("/admin/products/prd_1/remove", title="Lamp ", version="4")

    assert (answer.status_code, [ask.product_id for ask in house.catalog.asked]) == (303, ["prd_1"])


@pytest.mark.parametrize(
    ("name", "kind"), [("a.CSV", "csv"), ("a.jsonl", "jsonl"), ("a.ndjson", "jsonl"), ("a.xls", "")]
)
def test_a_files_format_is_told_by_its_name(name: str, kind: str) -> None:
    assert format_of(name) == kind


async def test_every_product_is_exported_as_it_can_be_imported_again(enter: Enter, house: House) -> None:
    staff = enter("catalogue")

    link = (await staff.see("/admin/imports")).text
    answer = await staff.see("/admin/exports/products.jsonl")

    assert 'href="/admin/exports/products.jsonl"' in link
    assert (answer.status_code, answer.content) == (200, msgspec.json.encode(product()) + b"\n")
    assert (answer.headers["content-type"], answer.headers["content-disposition"]) == (
        "application/jsonl",
        'attachment; filename="products.jsonl"',
    )
    assert [(ask.after, ask.status) for ask in house.catalog.asked] == [("", None), ("prd_1", None)]


async def test_an_import_under_way_renews_its_page(enter: Enter) -> None:
    page = await enter("catalogue").see("/admin/imports/imp_running")

    assert '<meta http-equiv="refresh" content="2">' in page.text


async def test_rows_in_error_are_told_one_by_one(enter: Enter) -> None:
    page = (await enter("catalogue").see("/admin/imports/imp_1")).text

    assert "&#39;abc&#39; is not a number" in page
    assert "refresh" not in page


async def test_stock_is_adjusted_with_reason_actor_and_key(enter: Enter, house: House) -> None:
    await enter("fulfilment").send(
        "/admin/stock/LAMP-1", act="adjust", quantity="-2", reason="damaged", note="rain", location="main"
    )

    (ask,) = house.inventory.asked
    assert isinstance(ask, Adjust)
    assert (ask.sku, ask.quantity, ask.reason, ask.actor) == ("LAMP-1", -2, "damaged: rain", "usr_fulfilment")
    assert ask.idempotency is not None


async def test_a_sku_that_never_had_units_gets_its_first_ones(enter: Enter, house: House) -> None:
    staff = enter("fulfilment")

    page = (await staff.see("/admin/stock/NEW-1")).text
    answer = await staff.send("/admin/stock/NEW-1", act="adjust", quantity="5", reason="received")

    assert ("No units of it were ever here." in page, 'value="adjust"' in page, 'value="move"' in page) == (
        True,
        True,
        False,
    )
    (ask,) = [each for each in house.inventory.asked if isinstance(each, Adjust)]
    assert (ask.sku, ask.quantity, ask.location) == ("NEW-1", 5, "main")
    assert answer.headers["location"] == "/admin/stock/NEW-1?said=adjusted"


async def test_a_sku_that_no_product_has_gets_no_units(enter: Enter, house: House) -> None:
    staff = enter("fulfilment")

    page = await staff.see("/admin/stock/LMAP-1")
    answer = await staff.send("/admin/stock/LMAP-1", act="adjust", quantity="5", reason="received")

    assert (page.status_code, answer.status_code, house.inventory.asked) == (404, 404, [])
    assert "No product has the SKU LMAP-1" in answer.text


async def test_more_than_there_is_cannot_be_taken_away(enter: Enter) -> None:
    answer = await enter("fulfilment").send("/admin/stock/LAMP-1", act="adjust", quantity="-9", reason="lost")

    assert answer.status_code == 409
    assert "Only 3 of LAMP-1 left" in answer.text


async def test_the_low_mark_is_set(enter: Enter, house: House) -> None:
    await enter("fulfilment").send("/admin/stock/LAMP-1", act="mark", low_stock_at="10", location="main")

    assert house.inventory.asked == [SetLowMark(sku="LAMP-1", low_stock_at=10, location="main")]


async def test_units_are_moved_to_another_place(enter: Enter, house: House) -> None:
    answer = await enter("fulfilment").send(
        "/admin/stock/LAMP-1", act="move", quantity="2", source="main", target="hub", reason=""
    )

    (ask,) = house.inventory.asked
    assert isinstance(ask, Transfer) and ask.idempotency is not None
    assert (ask.quantity, ask.source, ask.target, ask.reason) == (2, "main", "hub", "moved")
    assert (ask.actor, answer.headers["location"]) == ("usr_fulfilment", "/admin/stock/LAMP-1?said=moved")


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({"quantity": "0", "source": "main", "target": "main"}, {"quantity", "target"}),
        ({"quantity": "2", "source": "", "target": ""}, {"source", "target"}),
        ({"quantity": "2", "source": "main", "target": "hub", "reason": "x" * 201}, {"reason"}),
    ],
)
def test_a_move_tells_all_its_faults(fields: dict[str, str], faults: set[str]) -> None:
    assert set(stock.moving("LAMP-1", fields)[1]) == faults


async def test_more_than_is_free_cannot_be_moved_and_what_was_typed_stays(enter: Enter) -> None:
    answer = await enter("fulfilment").send(
        "/admin/stock/LAMP-1", act="move", quantity="4", source="main", target="hub-9"
    )

    assert answer.status_code == 409
    assert ("Only 3 of LAMP-1 are free at main" in answer.text, 'value="hub-9"' in answer.text) == (True, True)


async def test_a_drop_is_announced_in_the_shops_own_time_and_called_off(enter: Enter, house: House) -> None:
    person = enter("fulfilment")

    announced = await person.send("/admin/stock/LAMP-1", act="drop", until="2099-11-24T12:00")
    called_off = await person.send("/admin/stock/LAMP-1", act="drop", until="", off="yes")

    until = datetime(2099, 11, 24, 6, 30, tzinfo=UTC)
    assert house.inventory.asked == [AnnounceDrop(sku="LAMP-1", until=until), AnnounceDrop(sku="LAMP-1", until=None)]
    said = [answer.headers["location"].partition("said=")[2] for answer in (announced, called_off)]
    assert said == ["announced", "called-off"]


@pytest.mark.parametrize("until", ["", "soon", "2020-01-01T00:00"])
async def test_a_drop_lies_ahead(enter: Enter, house: House, until: str) -> None:
    answer = await enter("fulfilment").send("/admin/stock/LAMP-1", act="drop", until=until)

    assert (answer.status_code, "A day and a time to come" in answer.text) == (422, True)
    assert [ask for ask in house.inventory.asked if isinstance(ask, AnnounceDrop)] == []


async def test_an_announced_drop_is_shown_and_can_be_called_off(enter: Enter, house: House) -> None:
    until = datetime(2099, 11, 24, 6, 30, tzinfo=UTC)
    house.inventory.level = msgspec.structs.replace(house.inventory.level, drop_until=until)

    page = (await enter("fulfilment").see("/admin/stock/LAMP-1")).text

    assert ("crowd expected" in page, "24 Nov 2099, 12:00 pm" in page, "Call it off" in page) == (True, True, True)


async def test_the_history_is_asked_for_as_of_a_moment(enter: Enter, house: House) -> None:
    await enter("support").see("/admin/stock/LAMP-1?as_of=2026-11-24T12:00")

    moment = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
    assert house.inventory.asked == [HistoryOf(sku="LAMP-1", as_of=moment, limit=50)]


async def test_a_whole_sku_opens_its_page(enter: Enter) -> None:
    answer = await enter("fulfilment").see("/admin/stock?q=LAMP-1")

    assert answer.headers["location"] == "/admin/stock/LAMP-1"


def test_a_coupon_is_read_as_it_is_shown() -> None:
    coupon = NewCoupon(
        code="DIWALI",
        title="Festival",
        percent_basis_points=1250,
        maximum_discount_minor=50_000,
        minimum_minor=100_000,
        limit_total=10,
        combinable=True,
        starts_at=datetime(2026, 10, 31, 18, 30, tzinfo=UTC),
        # As an API client ends a day.
        ends_at=datetime(2026, 11, 30, 18, 29, 59, tzinfo=UTC),
    )

    assert coupons.read(coupons.shown(coupon, "INR"), "INR") == (coupon, {})


def test_a_coupon_tells_all_its_faults() -> None:
    _, faults = coupons.read({"percent": "many", "limit_total": "-1", "ends_at": "soon"}, "INR")

    assert set(faults) == {"code", "title", "percent", "limit_total", "ends_at"}


def test_a_coupon_tells_a_bad_code_and_an_end_before_its_beginning_beside_the_rest() -> None:
    days = {"starts_at": "2026-12-02T10:00", "ends_at": "2026-12-01T10:00"}
    _, faults = coupons.read({"code": "10 % OFF", "title": "x" * 201, "percent": "many", **days}, "INR")

    assert faults == {
        "code": "Letters, digits, - and _ only, at most 40",
        "title": "expected `str` of length <= 200",
        "percent": "Enter a percentage from 0.01 to 100",
        "ends_at": "It ends before it begins",
    }


async def test_a_coupon_for_a_category_that_is_none_is_told(enter: Enter, house: House) -> None:
    """It would take nothing off for anybody, and nobody would say why."""
    staff = enter("catalogue")
    typed = {"code": "FRESH", "title": "New", "kind": "percent", "percent": "5"}
    refused = await staff.send("/admin/coupons", **typed, category="Lamps")
    saved = await staff.send("/admin/coupons", **typed, category="lamps")

    assert (refused.status_code, "There is no category with this address" in refused.text) == (422, True)
    assert (saved.status_code, [ask.coupon.category for ask in house.promotions.asked]) == (303, ["lamps"])


async def test_a_coupon_keeps_the_category_it_has(enter: Enter, house: House) -> None:
    house.promotions.category = "kept-from-elsewhere"
    staff = enter("catalogue")
    typed = {"code": "WELCOME10", "changing": "WELCOME10", "title": "New", "kind": "percent", "percent": "5"}
    saved = await staff.send("/admin/coupons", **typed, version="c0ffee", category="kept-from-elsewhere")

    assert (saved.status_code, house.promotions.asked[0].coupon.category) == (303, "kept-from-elsewhere")


async def test_a_taken_code_is_not_changed_by_accident(enter: Enter, house: House) -> None:
    answer = await enter("catalogue").send("/admin/coupons", code="welcome10", title="New", kind="percent", percent="5")

    assert answer.status_code == 422
    assert house.promotions.asked == []


async def test_a_coupon_is_changed_from_its_own_form(enter: Enter, house: House) -> None:
    await enter("catalogue").send(
        "/admin/coupons", code="WELCOME10", changing="WELCOME10", title="New", kind="amount", amount_minor="50"
    )

    (ask,) = house.promotions.asked
    assert ask.coupon == NewCoupon(code="WELCOME10", title="New", amount_minor=5_000)


async def test_a_coupons_form_sends_the_version_that_it_showed(enter: Enter, house: House) -> None:
    staff = enter("catalogue")
    page = await staff.see("/admin/coupons/WELCOME10")
    typed = {"code": "WELCOME10", "changing": "WELCOME10", "title": "New", "kind": "percent", "percent": "5"}
    saved = await staff.send("/admin/coupons", **typed, version="c0ffee")
    clash = await staff.send("/admin/coupons", **typed, version="an older one")

    assert 'name="version" value="c0ffee"' in page.text
    assert (saved.status_code, clash.status_code) == (303, 412)
    assert ("Somebody has changed this coupon" in clash.text, 'name="version" value="c0ffee"' in clash.text) == (
        True,
        True,
    )


async def test_a_new_coupon_must_be_new(enter: Enter, house: House) -> None:
    await enter("catalogue").send("/admin/coupons", code="FRESH", title="New", kind="percent", percent="5")

    assert [ask.version for ask in house.promotions.asked] == [""]


@pytest.mark.parametrize(
    ("email", "link"),
    [
        ("quick@example.com", '<a href="/admin/orders?q=quick%40example.com">quick@example.com</a>'),
        ("", '<a href="/admin/orders?q=chk_1">Its order</a>'),
    ],
    ids=["assessed", "held without an assessment"],
)
async def test_a_review_leads_to_its_order(enter: Enter, house: House, email: str, link: str) -> None:
    house.fraud.email = email
    assert link in (await enter("finance").see("/admin/fraud")).text


async def test_a_rejection_needs_a_note(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/fraud/rev_1", decision="reject")

    assert answer.status_code == 422
    assert house.fraud.asked == []


async def test_a_decision_is_signed_and_has_its_key(enter: Enter, house: House) -> None:
    await enter("finance").send("/admin/fraud/rev_1", decision="approve", note="called them")

    (ask,) = house.fraud.asked
    assert isinstance(ask, Decide)
    assert (ask.decision, ask.note, ask.actor) == ("approve", "called them", "usr_finance")
    assert ask.idempotency is not None


async def test_a_part_that_does_not_answer_is_named_and_the_page_stands(enter: Enter, house: House) -> None:
    async def broken() -> None:
        raise ConnectionError("no route to it")

    house.checks["database"] = broken

    page = await enter("support").see("/admin/system")

    assert page.status_code == 200
    assert "ConnectionError: no route to it" in page.text


def _named(kind: str, rows: list[dict[str, str]]) -> dict[str, str]:
    return {f"{kind}.{i}.{name}": value for i, row in enumerate(rows) for name, value in row.items()}


async def test_locations_are_listed_as_they_are_asked(enter: Enter) -> None:
    page = await enter("fulfilment").see("/admin/locations")

    assert re.findall(r'scope="row">(\w+)</th><td [^>]*>(\d+)</td>', page.text) == [("main", "100"), ("hub", "50")]


async def test_a_location_is_asked_sooner(enter: Enter, house: House) -> None:
    answer = await enter("fulfilment").send("/admin/locations", location=" hub ", priority="5")

    assert house.inventory.asked[-1] == SetPriority(location="hub", priority=5)
    assert answer.headers["location"] == "/admin/locations?said=saved"


async def test_a_locations_faults_are_told_at_once_and_nothing_is_set(enter: Enter, house: House) -> None:
    answer = await enter("fulfilment").send("/admin/locations", location="", priority="soon")

    told = ("Name the place" in answer.text, "A whole number" in answer.text, 'value="soon"' in answer.text)
    assert (answer.status_code, told) == (422, (True, True, True))
    assert [ask for ask in house.inventory.asked if isinstance(ask, SetPriority)] == []
