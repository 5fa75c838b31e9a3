"""The catalogue's promises, on the real database."""

import asyncio
from contextvars import copy_context
from typing import Any

import msgspec
import pytest

from haat.contracts.catalog import (
    ChangeProduct,
    CreateProduct,
    Image,
    ImportRaw,
    ImportRow,
    ImportRows,
    ListProducts,
    NewCategory,
    NewVariant,
    ProductRef,
    Products,
    Rating,
    RawRow,
    RemoveProduct,
    ReviewsOf,
    SaveCategories,
    ScanProducts,
    SlugTaken,
    VariantsForSale,
    WriteReview,
)
from haat.contracts.inventory import StockChanged
from haat.engines.cache.memory import MemoryCache
from haat.kit.cursor import InvalidCursor
from haat.kit.database import Batch
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound, Nothing
from haat.kit.money import Money
from haat.kit.problem import Precondition
from haat.services.catalog import categories


async def told(database, product_id):
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT name, body FROM catalog.outbox WHERE key = $1 ORDER BY position", product_id
        )
    return [(row["name"], msgspec.json.decode(row["body"])) for row in rows]


async def shown(catalog, ref):
    return msgspec.json.decode((await catalog.product_page(ProductRef(ref=ref))).body)


def change(product, version=None, **changes):
    return ChangeProduct(product_id=product.id, changes=changes, version=version or product.version, actor="usr_staff")


async def test_a_product_is_shown_as_it_was_created(catalog, created, category):
    product = await created("CUP-shown", brand="Mitti", attributes={"glazed": True, "height_mm": 90})
    page = await shown(catalog, product.slug)
    assert page == {
        "id": product.id,
        "slug": product.slug,
        "title": product.title,
        "description": "",
        "brand": "Mitti",
        "category": {
            "id": product.category.id,
            "slug": category,
            "path": [f"{category}-root", f"{category}-kitchen", category],
            "title": "Cups",
        },
        "price": {"amount": 14900, "currency": "INR"},
        "images": [],
        "variants": [
            {
                "id": product.variants[0].id,
                "sku": "CUP-shown",
                "options": {"colour": "c0"},
                "price": {"amount": 14900, "currency": "INR"},
                "available": 0,
                "compare_at": None,
                "weight_grams": 0,
            }
        ],
        "attributes": {"glazed": True, "height_mm": 90},
        "rating": {"average": 0.0, "count": 0},
        "status": "published",
        "product_type": "",
        "hsn": "",
        "tax_class": "standard",
        "version": 1,
        "created_at": page["created_at"],
        "updated_at": page["updated_at"],
    }


async def test_a_tax_class_that_nobody_knows_is_refused_beside_other_faults(catalog, created):
    classes = (await catalog.tax_classes(Nothing())).classes
    detail = f"there is no tax class 'Reduced': choose one of {', '.join(classes)}"
    wrong = {"pointer": "/tax_class", "code": "not_allowed", "detail": detail}
    with pytest.raises(Invalid) as refused:
        await created("CUP-tax", "CUP-tax", tax_class="Reduced")
    assert [each["pointer"] for each in refused.value.facts["errors"]] == [
        "/tax_class", "/variants/0/sku", "/variants/1/sku",
    ]  # fmt: skip
    assert refused.value.facts["errors"][0] == wrong
    product = await created()
    with pytest.raises(Invalid) as refused:
        await catalog.change_product(change(product, tax_class="Reduced"))
    assert refused.value.facts["errors"] == [wrong]


async def test_a_product_keeps_the_tax_class_it_had_before_classes_were_told(catalog, database, created):
    product = await created()
    async with database.connection() as connection:
        await connection.execute(
            """UPDATE catalog.documents SET body = body || '{"tax_class": "odd"}' WHERE document_id = $1""", product.id
        )
    changed = await catalog.change_product(change(product, brand="Mitti"))
    assert (changed.tax_class, changed.brand) == ("odd", "Mitti")


async def test_the_first_units_of_a_new_product_are_received(created, shelf):
    product = await created()
    assert shelf.units(product.variants[0].sku) == 5


async def test_units_that_the_inventory_could_not_take_are_handed_over_later(service, database, created, shelf):
    shelf.away = True
    product = await created()
    shelf.away = False
    async with database.connection() as connection:
        await connection.execute("UPDATE catalog.stock_due SET at = now() - interval '1 minute'")
    await service.receive_due()
    assert shelf.units(product.variants[0].sku) == 5


async def test_the_same_key_creates_one_product(catalog, a_product):
    ask = CreateProduct(
        product=a_product(), actor="usr_staff", idempotency=Idempotency(account=new_id("usr"), key="k", fingerprint="f")
    )
    first, second = await catalog.create_product(ask), await catalog.create_product(ask)
    assert first == second


def picture(url: str) -> Image:
    return Image(url=url, alt="Cup", width=9, height=9)


async def test_pictures_at_other_sites_are_refused_all_at_once(created):
    there = ["https://example.com/a.jpg", "//example.com/a.jpg", "/\\example.com/a.jpg", "javascript:alert(1)", "a.jpg"]
    with pytest.raises(Invalid) as refused:
        await created(images=[picture("/media/a/800.jpg"), *map(picture, there)])
    assert [(each["pointer"], each["code"]) for each in refused.value.facts["errors"]] == [
        (f"/images/{number}/url", "not_allowed") for number in range(1, 6)
    ]


async def test_pictures_that_a_product_had_may_stay_and_no_others_come(catalog, created, database):
    product = await created(images=[picture("/media/a/800.jpg")])
    old = "https://example.com/of-earlier-days.jpg"
    async with database.connection() as connection:
        written = "UPDATE catalog.documents SET body = replace(body::text, $2, $3)::jsonb WHERE document_id = $1"
        await connection.execute(written, product.id, "/media/a/800.jpg", old)
    kept = await catalog.change_product(change(product, brand="Mitti"))
    more = {"images": [msgspec.to_builtins(picture(url)) for url in (old, f"{old}?2")]}
    with pytest.raises(Invalid) as refused:
        await catalog.change_product(change(kept, **more))
    assert [each["pointer"] for each in refused.value.facts["errors"]] == ["/images/1/url"]


async def test_a_taken_sku_is_refused(created):
    await created("CUP-once")
    with pytest.raises(SlugTaken):
        await created("CUP-once")


async def test_a_taken_slug_is_refused(created):
    product = await created()
    with pytest.raises(SlugTaken):
        await created(slug=product.slug)


async def test_equal_titles_get_addresses_of_their_own(created):
    first = await created(title="The same cup for all")
    second = await created(title="The same cup for all")
    assert (second.slug.startswith("the-same-cup-for-all-"), first.slug != second.slug) == (True, True)


async def test_of_ten_who_bring_one_sku_exactly_one_creates_it(created):
    sku = f"CUP-{new_id('x')}"
    results = await asyncio.gather(*(created(sku) for _ in range(10)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Product", *["SlugTaken"] * 9]


async def test_a_product_with_several_faults_hears_of_all(catalog, a_product):
    product = a_product("CUP-x", "CUP-x", category="no-such-category")
    with pytest.raises(Invalid) as caught:
        await catalog.create_product(CreateProduct(product=product, actor="usr_staff"))
    assert [(each["pointer"], each["code"]) for each in caught.value.facts["errors"]] == [
        ("/variants/0/sku", "duplicate"),
        ("/variants/1/sku", "duplicate"),
        ("/category", "not_found"),
    ]


async def test_a_change_keeps_what_it_does_not_name(catalog, created):
    product = await created("CUP-keep", brand="Mitti")
    changed = await catalog.change_product(change(product, title="Tall cup"))
    assert (changed.title, changed.brand, changed.variants, changed.version) == (
        "Tall cup", "Mitti", product.variants, 2,
    )  # fmt: skip


async def test_a_change_keeps_the_order_of_what_it_does_not_name(catalog, created):
    """Shoppers choose colour before size, whatever was corrected since."""
    options = {"Colour": "Red", "Size": "M"}
    variant = NewVariant(sku=new_id("x"), price=Money(1), options=options)
    product = await created(variants=[variant], attributes={"weave": "plain", "fit": "slim"})
    changed = await catalog.change_product(change(product, title="Tall cup"))
    row = {"sku": variant.sku, "title": "Tall cup", "price": 1, "care": "cold"}
    await catalog.import_raw(ImportRaw(rows=[RawRow(line=1, fields=row)], actor="usr_staff"))
    after = await shown(catalog, product.id)
    assert (list(changed.attributes), list(changed.variants[0].options)) == (["weave", "fit"], ["Colour", "Size"])
    assert (list(after["attributes"]), list(after["variants"][0]["options"])) == (
        ["weave", "fit", "care"], ["Colour", "Size"],
    )  # fmt: skip


async def test_a_change_is_seen_at_once(catalog, created, category):
    product = await created()
    await shown(catalog, product.slug)
    await catalog.list_products(ListProducts(category=category))
    await catalog.change_product(change(product, title="Tall cup"))
    listed = msgspec.json.decode((await catalog.list_products(ListProducts(category=category))).body)
    assert ((await shown(catalog, product.slug))["title"], listed["data"][0]["title"]) == ("Tall cup", "Tall cup")


async def test_a_change_of_an_older_version_is_refused(catalog, created):
    product = await created()
    await catalog.change_product(change(product, title="Tall cup"))
    with pytest.raises(Precondition):
        await catalog.change_product(change(product, title="Small cup"))


async def test_of_five_changes_of_one_version_exactly_one_wins(catalog, created):
    product = await created()
    asks = [catalog.change_product(change(product, title=f"Cup {number}")) for number in range(5)]
    results = await asyncio.gather(*asks, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == [*["Precondition"] * 4, "Product"]


async def test_a_review_in_between_does_not_refuse_a_change(catalog, created):
    product = await created()
    await catalog.write_review(WriteReview(product_id=product.id, user_id="usr_a", author="Asha", rating=4))
    changed = await catalog.change_product(change(product, title="Tall cup"))
    assert (changed.version, changed.rating) == (3, Rating(average=4.0, count=1))


async def test_unknown_and_wrong_fields_of_a_change_are_all_told(catalog, created):
    product = await created()
    with pytest.raises(Invalid) as caught:
        await catalog.change_product(change(product, title="", colour="red"))
    assert [each["pointer"] for each in caught.value.facts["errors"]] == ["/title", "/colour"]


async def test_a_new_variant_is_sold_and_a_dropped_one_is_not(catalog, created, shelf):
    product = await created("CUP-v1", "CUP-v2")
    kept = product.variants[0]
    variants = [
        {"sku": "CUP-v1", "price": {"amount": 100, "currency": "INR"}},
        {"sku": "CUP-v3", "price": {"amount": 300, "currency": "INR"}, "stock": 7},
    ]
    changed = await catalog.change_product(change(product, variants=variants))
    ids = [each.id for each in [*product.variants, *changed.variants]]
    found = await catalog.variants_for_sale(VariantsForSale(variant_ids=ids))
    assert sorted((each.sku, each.price.amount) for each in found.data) == [("CUP-v1", 100), ("CUP-v3", 300)]
    assert (changed.variants[0].id, shelf.units("CUP-v3")) == (kept.id, 7)


async def test_variants_may_swap_their_skus(catalog, created):
    product = await created("CUP-s1", "CUP-s2")
    first, second = product.variants
    variants = [
        {"id": first.id, "sku": "CUP-s2", "price": {"amount": 100, "currency": "INR"}},
        {"id": second.id, "sku": "CUP-s1", "price": {"amount": 200, "currency": "INR"}},
    ]
    changed = await catalog.change_product(change(product, variants=variants))
    assert [(each.id, each.sku) for each in changed.variants] == [(first.id, "CUP-s2"), (second.id, "CUP-s1")]


async def test_a_former_slug_still_finds_the_product(catalog, created):
    product = await created()
    moved = await catalog.change_product(change(product, slug=f"{product.slug}-new"))
    assert (await shown(catalog, product.slug))["slug"] == moved.slug


async def test_a_former_slug_taken_by_another_product_leads_there(catalog, created):
    product = await created()
    await catalog.change_product(change(product, slug=f"{product.slug}-new"))
    other = await created(slug=product.slug)
    assert (await shown(catalog, product.slug))["id"] == other.id


async def test_a_former_slug_that_was_just_asked_for_leads_to_the_product_that_takes_it(catalog, created):
    product = await created()
    await catalog.change_product(change(product, slug=f"{product.slug}-new"))
    before = await shown(catalog, product.slug)
    other = await created(slug=product.slug)
    assert (before["id"], (await shown(catalog, product.slug))["id"]) == (product.id, other.id)


async def test_a_draft_is_neither_shown_nor_sold_nor_told(catalog, created, database, category):
    product = await created(status="draft")
    with pytest.raises(NotFound):
        await catalog.product_page(ProductRef(ref=product.slug))
    sold = await catalog.variants_for_sale(VariantsForSale(product_ids=[product.id]))
    listed = msgspec.json.decode((await catalog.list_products(ListProducts(category=category))).body)
    assert (sold.data, listed["data"], await told(database, product.id)) == ([], [], [])


async def test_staff_find_a_draft(catalog, created):
    product = await created(status="draft")
    assert (await catalog.product(ProductRef(ref=product.id, any_status=True))).status == "draft"
    listed = msgspec.json.decode((await catalog.list_products(ListProducts(status="draft"))).body)
    assert product.id in [each["id"] for each in listed["data"]]


async def test_taking_a_product_off_sale_is_told_as_its_removal(catalog, created, database):
    product = await created()
    await catalog.change_product(change(product, status="archived"))
    names = [(name, body.get("version")) for name, body in await told(database, product.id)]
    assert names == [("catalog.ProductSaved", None), ("catalog.ProductRemoved", 2)]


async def test_a_removed_product_is_gone_everywhere(catalog, created, database, category):
    product = await created()
    await shown(catalog, product.id)
    await catalog.remove_product(RemoveProduct(product_id=product.id, version=1, actor="usr_staff"))
    with pytest.raises(NotFound):
        await catalog.product_page(ProductRef(ref=product.id))
    sold = await catalog.variants_for_sale(VariantsForSale(product_ids=[product.id]))
    listed = msgspec.json.decode((await catalog.list_products(ListProducts(category=category))).body)
    assert (sold.data, listed["data"]) == ([], [])
    assert (await told(database, product.id))[-1][0] == "catalog.ProductRemoved"


async def test_lists_run_from_new_to_old_in_pages_without_gap(catalog, created, category):
    made = [(await created()).id for _ in range(5)]
    seen, cursor, more = [], None, True
    while more:
        ask = ListProducts(category=f"{category}-root", limit=2, cursor=cursor)
        answer = msgspec.json.decode((await catalog.list_products(ask)).body)
        seen += [each["id"] for each in answer["data"]]
        cursor, more = answer["next_cursor"], answer["has_more"]
    assert seen == made[::-1]


async def test_a_cursor_of_another_list_is_refused(catalog, created, category):
    await created(), await created()
    page = msgspec.json.decode((await catalog.list_products(ListProducts(category=category, limit=1))).body)
    with pytest.raises(InvalidCursor):
        await catalog.list_products(ListProducts(cursor=page["next_cursor"]))


async def test_an_unknown_category_is_not_an_empty_one(catalog, category):
    empty = msgspec.json.decode((await catalog.list_products(ListProducts(category=category))).body)
    assert empty == {"data": [], "has_more": False, "next_cursor": None}
    with pytest.raises(NotFound):
        await catalog.list_products(ListProducts(category="no-such-category"))


async def test_the_tree_counts_descendants(cache, catalog, created, category):
    await created(), await created()
    await cache.invalidate("categories")
    tree = await catalog.categories(Nothing())
    (root,) = [node for node in tree.data if node.slug == f"{category}-root"]
    assert (root.count, root.children[0].children[0].slug, root.children[0].children[0].count) == (2, category, 2)


async def test_a_renamed_category_shows_on_its_products(catalog, created, category, database):
    product = await created()
    rename = NewCategory(slug=category, title="Mugs", parent_slug=f"{category}-kitchen")
    await catalog.save_categories(SaveCategories(categories=[rename]))
    page = await shown(catalog, product.id)
    events = [body["product"]["category"]["title"] for _, body in await told(database, product.id)]
    assert (page["category"]["title"], events) == ("Mugs", ["Cups", "Mugs"])


async def test_a_renamed_category_tells_the_products_below_it_again(catalog, created, category, database, monkeypatch):
    monkeypatch.setattr(categories, "BATCH", 1)
    published, other = await created(), await created()
    draft = await created(status="draft")
    rename = NewCategory(slug=f"{category}-root", title="House")
    await catalog.save_categories(SaveCategories(categories=[rename]))
    events = [[(name, body["product"]["version"]) for name, body in await told(database, each.id)]
              for each in (published, other, draft)]  # fmt: skip
    saved = ("catalog.ProductSaved", 1)
    assert events == [[saved, saved], [saved, saved], []]


async def test_a_category_renamed_while_a_product_is_made_shows_on_it(store, catalog, a_product, category):
    product = a_product("CUP-made-meanwhile")
    rename = NewCategory(slug=category, title="Mugs", parent_slug=f"{category}-kitchen")
    others = [copy_context(), copy_context()]
    async with store.transaction() as busy:
        await store.lock_stock(busy.connection, ["CUP-made-meanwhile"])
        create = catalog.create_product(CreateProduct(product=product, actor="usr_staff"))
        made = asyncio.create_task(create, context=others[0])
        await asyncio.wait({made}, timeout=0.2)
        saved = catalog.save_categories(SaveCategories(categories=[rename]))
        renamed = asyncio.create_task(saved, context=others[1])
        await asyncio.wait({renamed}, timeout=0.2)
    await asyncio.gather(made, renamed)
    assert (await shown(catalog, (await made).id))["category"]["title"] == "Mugs"


async def test_the_price_of_record_is_the_changed_one_at_once(catalog, created):
    product = await created("CUP-price")
    await catalog.variants_for_sale(VariantsForSale(product_ids=[product.id]))
    variants = [{"sku": "CUP-price", "price": {"amount": 99, "currency": "INR"}}]
    await catalog.change_product(change(product, variants=variants))
    (sold,) = (await catalog.variants_for_sale(VariantsForSale(product_ids=[product.id]))).data
    assert sold.price == Money(99)


async def test_a_product_is_sold_as_its_first_variant(catalog, created, category):
    product = await created("CUP-f1", "CUP-f2", hsn="6912", tax_class="reduced")
    (sold,) = (await catalog.variants_for_sale(VariantsForSale(product_ids=[product.id]))).data
    path = [f"{category}-root", f"{category}-kitchen", category]
    assert (sold.sku, sold.options, sold.hsn, sold.tax_class, sold.category_path) == (
        "CUP-f1", {"colour": "c0"}, "6912", "reduced", path,
    )  # fmt: skip


async def test_new_levels_show_on_the_page(service, catalog, created):
    product = await created("CUP-l1", "CUP-l2")
    await shown(catalog, product.id)
    await service.take_stock(Batch([StockChanged(sku="CUP-l2", available=3, version=1)]))
    assert [each["available"] for each in (await shown(catalog, product.id))["variants"]] == [0, 3]


async def test_of_several_levels_of_a_sku_the_newest_counts(service, catalog, created):
    product = await created("CUP-n1")
    levels = [(3, 5), (9, 7), (4, 6)]
    await service.take_stock(
        Batch([StockChanged(sku="CUP-n1", available=units, version=version) for units, version in levels])
    )
    await service.take_stock(Batch([StockChanged(sku="CUP-n1", available=1, version=6)]))
    assert (await shown(catalog, product.id))["variants"][0]["available"] == 9


async def test_a_level_that_was_rebuilt_shows_under_the_version_it_had(service, catalog, created):
    product = await created("CUP-b1")
    wrong, right = (StockChanged(sku="CUP-b1", available=units, version=5) for units in (7, 4))
    await service.take_stock(Batch([wrong]))
    await service.take_stock(Batch([right]))
    alone = (await shown(catalog, product.id))["variants"][0]["available"]
    await service.take_stock(Batch([wrong, right]))
    assert (alone, (await shown(catalog, product.id))["variants"][0]["available"]) == (4, 4)


async def test_levels_heard_before_the_product_show_once_it_is_there(service, catalog, created):
    await service.take_stock(Batch([StockChanged(sku="CUP-early", available=8, version=2)]))
    product = await created("CUP-early")
    assert product.variants[0].available == 8


async def test_selling_out_and_coming_back_are_told(service, created, database):
    product = await created("CUP-out")
    for version, units in enumerate([5, 4, 0, 2], 1):
        await service.take_stock(Batch([StockChanged(sku="CUP-out", available=units, version=version)]))
    levels = [body["product"]["variants"][0]["available"] for _, body in await told(database, product.id)]
    assert levels == [0, 5, 0, 2]


async def test_levels_and_changes_at_once_lose_neither(service, catalog, created):
    product = await created("CUP-race")

    async def sell():
        for version in range(1, 21):
            await service.take_stock(Batch([StockChanged(sku="CUP-race", available=100 - version, version=version)]))

    async def edit():
        version = 1
        for number in range(10):
            read = await catalog.product(ProductRef(ref=product.id))
            edited = await catalog.change_product(change(product, version=read.version, brand=f"Brand {number}"))
            version = edited.version
        return version

    await asyncio.gather(sell(), edit())
    page = await shown(catalog, product.id)
    assert (page["variants"][0]["available"], page["brand"]) == (80, "Brand 9")


async def test_news_of_a_sku_wait_while_its_product_is_being_written(service, store, catalog, created):
    product = await created("CUP-wait")
    async with store.transaction() as writing:
        await store.lock_stock(writing.connection, ["CUP-wait"])
        news = asyncio.create_task(service.take_stock(Batch([StockChanged(sku="CUP-wait", available=4, version=1)])))
        done, _ = await asyncio.wait({news}, timeout=0.3)
        assert not done
    await news
    assert (await shown(catalog, product.id))["variants"][0]["available"] == 4


async def test_a_rating_is_the_mean_with_two_decimals(catalog, created):
    product = await created()
    for number, rating in enumerate([5, 4, 4]):
        ask = WriteReview(product_id=product.id, user_id=f"usr_{number}", author="A", rating=rating)
        await catalog.write_review(ask)
    assert (await shown(catalog, product.id))["rating"] == {"average": 4.33, "count": 3}


async def test_a_second_review_of_a_user_replaces_the_first(catalog, created):
    product = await created()
    for rating, title in ((1, "Broke"), (5, "Replaced")):
        ask = WriteReview(product_id=product.slug, user_id="usr_a", author="Asha", rating=rating, title=title)
        await catalog.write_review(ask)
    found = await catalog.reviews(ReviewsOf(product_id=product.id))
    assert [(each.rating, each.title) for each in found.data] == [(5, "Replaced")]
    assert (await shown(catalog, product.id))["rating"] == {"average": 5.0, "count": 1}


async def test_twenty_reviews_at_once_all_count(catalog, created):
    product = await created()
    asks = [
        WriteReview(product_id=product.id, user_id=f"usr_{number}", author="A", rating=1 + number % 5)
        for number in range(20)
    ]
    await asyncio.gather(*(catalog.write_review(ask) for ask in asks))
    assert (await shown(catalog, product.id))["rating"] == {"average": 3.0, "count": 20}


@pytest.mark.parametrize(
    ("bought", "away", "verified"), [(True, False, True), (False, False, False), (True, True, False)]
)
async def test_a_review_is_verified_when_its_author_bought_the_product(catalog, created, book, bought, away, verified):
    product = await created()
    book.bought_by = {("usr_a", product.id)} if bought else set()
    book.away = away
    review = await catalog.write_review(WriteReview(product_id=product.id, user_id="usr_a", author="A", rating=5))
    assert review.verified is verified


async def test_a_review_of_a_product_that_is_withdrawn_meanwhile_does_not_bring_it_back(
    catalog, created, book, database
):
    product = await created()

    async def withdraw() -> None:
        await catalog.change_product(change(product, status="archived"))

    book.meanwhile = withdraw
    with pytest.raises(NotFound):
        await catalog.write_review(WriteReview(product_id=product.id, user_id="usr_a", author="A", rating=5))
    names = [name for name, _ in await told(database, product.id)]
    assert names == ["catalog.ProductSaved", "catalog.ProductRemoved"]


async def test_reviews_run_from_new_to_old_in_pages(catalog, created):
    product = await created()
    for number in range(3):
        ask = WriteReview(product_id=product.id, user_id=f"usr_{number}", author=f"A{number}", rating=5)
        await catalog.write_review(ask)
    first = await catalog.reviews(ReviewsOf(product_id=product.id, limit=2))
    second = await catalog.reviews(ReviewsOf(product_id=product.id, limit=2, cursor=first.next_cursor))
    assert [each.author for each in [*first.data, *second.data]] == ["A2", "A1", "A0"]
    assert (first.has_more, second.has_more, second.next_cursor) == (True, False, None)


async def test_a_brought_rating_and_new_reviews_add_up(catalog, a_product):
    row = ImportRow(line=1, product=a_product(slug=new_id("s").replace("_", "-")), rating=Rating(average=4.5, count=3))
    await catalog.import_rows(ImportRows(rows=[row], actor="usr_staff"))
    product = await catalog.product(ProductRef(ref=row.product.slug))
    await catalog.write_review(WriteReview(product_id=product.id, user_id="usr_a", author="A", rating=5))
    await catalog.import_rows(ImportRows(rows=[row], actor="usr_staff"))
    assert (await shown(catalog, product.id))["rating"] == {"average": 4.63, "count": 4}


async def test_products_come_in_the_order_of_their_ids_asked_for(catalog, created):
    first, second = await created(), await created()
    found = await catalog.products(Products(ids=[second.id, new_id("prd"), first.id]))
    assert [each.id for each in found.data] == [second.id, first.id]


async def test_a_scan_meets_every_product_once(catalog, created):
    made = {(await created()).id for _ in range(3)}
    seen, after = [], ""
    while after is not None:
        found = await catalog.scan_products(ScanProducts(after=after, limit=2))
        seen += [msgspec.json.decode(line)["id"] for line in found.lines.splitlines()]
        after = found.last_id
    assert (made <= set(seen), len(seen)) == (True, len(set(seen)))


async def test_a_price_below_zero_or_in_another_currency_is_refused(catalog, a_product):
    variants = [NewVariant(sku="CUP-neg", price=Money(-1)), NewVariant(sku="CUP-usd", price=Money(1, "USD"))]
    with pytest.raises(Invalid) as caught:
        await catalog.create_product(CreateProduct(product=a_product(variants=variants), actor="usr_staff"))
    assert [each["pointer"] for each in caught.value.facts["errors"]] == [
        "/variants/0/price/amount",
        "/variants/1/price/currency",
    ]


class Told(MemoryCache):
    """A cache that hears of a change of everything between a read and its keeping."""

    async def put(self, key: str, value: bytes, **given: Any) -> None:
        await self.invalidate(*given["tags"])
        await super().put(key, value, **given)


@pytest.mark.parametrize("cache", [Told()])
async def test_a_page_that_changes_while_it_is_read_is_not_kept(service, cache, created):
    product = await created()
    await service.product_page(ProductRef(ref=product.id))
    assert await cache.get(f"product:{product.id}") is None


@pytest.mark.parametrize("cache", [Told()])
async def test_a_tree_that_changes_while_it_is_read_is_not_kept(service, cache):
    await service.category_page(Nothing())
    assert await cache.get("categories") is None


@pytest.mark.parametrize("cache", [Told()])
async def test_a_list_that_changes_while_it_is_read_is_not_kept(service, cache, created, category):
    await created()
    await service.list_products(ListProducts(category=category))
    assert await cache.get(f"list:20:products:{category}:published") is None


@pytest.mark.parametrize("cache", [Told()])
async def test_a_price_that_changes_while_it_is_read_is_not_kept(service, cache, created):
    (variant,) = (await created()).variants
    await service.variants_for_sale(VariantsForSale(variant_ids=[variant.id]))
    assert await cache.get(f"sale:{variant.id}") is None


async def test_a_page_is_read_once_until_it_changes(service, cache, created):
    product = await created()
    first = await service.product_page(ProductRef(ref=product.id))
    kept = await cache.get(f"product:{product.id}")
    await service.write_review(WriteReview(product_id=product.id, user_id="usr_1", author="Asha", rating=4))
    second = await service.product_page(ProductRef(ref=product.id))
    assert (kept is not None, first.etag == second.etag, b'"average":4' in second.body) == (True, False, True)
