"""Imports: good rows are kept, whatever happens in between."""

import asyncio

import msgspec
import pytest

from haat.contracts.catalog import (
    ChangeProduct,
    CreateProduct,
    Image,
    ImportOptions,
    ImportRaw,
    ImportRow,
    ImportRows,
    JobRef,
    NewCategory,
    NewVariant,
    ProductRef,
    RawRow,
    RemoveProduct,
    RowFault,
    SaveCategories,
    ScanProducts,
    StartImport,
)
from haat.contracts.inventory import StockChanged
from haat.kit.database import Batch
from haat.kit.ids import new_id
from haat.kit.message import Nothing
from haat.kit.money import Money
from haat.services.catalog import batches
from haat.services.catalog.import_store import ImportStore


def raw(*fields):
    return [RawRow(line=number, fields=each) for number, each in enumerate(fields, 1)]


def file_of(mark, rows):
    lines = [{"sku": f"{mark}-{n}", "title": f"Cup {mark} {n}", "price": "10", "stock": 2} for n in range(rows)]
    return b"\n".join(msgspec.json.encode(line) for line in lines)


@pytest.fixture(autouse=True)
async def no_open_jobs(service):
    """What other tests have queued is done first."""
    await service.run_imports()


async def start(catalog, body, format="jsonl"):
    return await catalog.start_import(StartImport(body=body, format=format, actor="usr_staff"))


async def job_of(catalog, job):
    return await catalog.import_job(JobRef(job_id=job.id))


async def count(database, mark):
    async with database.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM catalog.variants WHERE sku LIKE $1 || '-%'", mark)


async def test_good_rows_are_kept_and_the_others_told(catalog):
    mark = new_id("x")
    done = await catalog.import_raw(
        ImportRaw(
            rows=raw(
                {"sku": f"{mark}-1", "title": "Cup", "price": 1},
                {"sku": f"{mark}-2", "title": "Cup", "price": "cheap"},
                {"sku": f"{mark}-3", "price": 1},
            ),
            actor="usr_staff",
        )
    )
    assert (done.created, [(each.line, each.pointer) for each in done.faults]) == (1, [(2, "/price"), (3, "/title")])


async def test_a_row_with_pictures_at_other_sites_is_taken_without_them_and_told(catalog):
    mark = new_id("x").replace("_", "-")
    elsewhere = [{"url": "https://example.com/a.jpg"}, {"url": "/media/b.jpg", "alt": "b", "width": 4, "height": 3}]
    own = {"title": mark, "slug": mark, "category": {"path": ["home"]}, "images": elsewhere,
           "variants": [{"sku": mark, "price": {"amount": 100, "currency": "INR"}}]}  # fmt: skip
    lost = {"sku": f"{mark}-2", "title": "Cup", "image": "https://example.com/a.jpg"}
    done = await catalog.import_raw(ImportRaw(rows=raw(own, lost), actor="usr_staff"))
    images = (await catalog.product(ProductRef(ref=mark))).images
    assert (done.created, [(each.line, each.pointer) for each in done.faults]) == (1, [(1, "/images"), (2, "/price")])
    assert [each.url for each in images] == ["/media/b.jpg"]


async def test_a_row_with_a_tax_class_that_nobody_knows_is_told_and_names_the_known_ones(catalog):
    mark = new_id("x")
    row = {"sku": mark, "title": "Cup", "price": 1}
    known = (await catalog.tax_classes(Nothing())).classes
    rows = raw({**row, "tax_class": "Standrad"}, {**row, "tax_class": "reduced"})
    done = await catalog.import_raw(ImportRaw(rows=rows, actor="usr_staff"))
    detail = f"there is no tax class 'Standrad': choose one of {', '.join(known)}"
    assert (done.created, done.faults) == (
        1, [RowFault(line=1, pointer="/tax_class", code="not_allowed", detail=detail)]
    )  # fmt: skip
    assert [*known[:1], *sorted(known[1:])] == known and {"standard", "reduced"} <= {*known}


async def test_prices_change_by_sku_alone_and_a_new_product_needs_a_title(service, catalog, a_product):
    mark, folder = new_id("x"), new_id("Odds")
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    before = await shown(catalog, shirt)
    done = await import_csv(
        service, catalog, f"sku,price\n{mark}-L,450\n{mark}-XL,500\n{mark}-M,399.50\n", default_category=folder
    )
    medium, large = before.variants
    assert await shown(catalog, shirt) == msgspec.structs.replace(
        before,
        price=Money(39950),
        variants=[
            msgspec.structs.replace(medium, price=Money(39950)),
            msgspec.structs.replace(large, price=Money(45000)),
        ],
    )
    assert [(each.line, each.pointer, each.code) for each in done.errors] == [(3, "/title", "required")]
    assert folder not in [each.title for each in (await catalog.categories(Nothing())).data]


async def test_a_picture_that_comes_by_sku_alone_is_described_by_the_title_of_its_product(service, catalog, a_product):
    mark = new_id("x")
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    await import_csv(service, catalog, f"sku,image\n{mark}-M,/media/front.jpg\n")
    images = (await shown(catalog, shirt)).images
    assert [(each.url, each.alt) for each in images] == [("/media/front.jpg", shirt.title)]


async def test_a_known_product_is_not_said_to_lack_what_its_row_need_not_tell(catalog, a_product):
    mark = new_id("x")
    await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    rows = raw(*({"sku": f"{mark}-{size}", "stock": "-1"} for size in ("M", "XL")), {"sku": f"{mark}-M", "hsn": "abc"})
    done = await catalog.import_raw(ImportRaw(rows=rows, actor="usr_staff"))
    assert [(each.line, each.pointer) for each in done.faults] == [
        (1, "/stock"), (2, "/title"), (2, "/price"), (2, "/stock"), (3, "/hsn"),
    ]  # fmt: skip


async def test_one_more_variant_needs_a_price_and_no_title(service, catalog, a_product):
    mark = new_id("x")
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    done = await import_csv(
        service, catalog, f"slug,sku,price\n{shirt.slug},{mark}-S,\n{shirt.slug},{mark}-XL,500\n{shirt.slug},,\n"
    )
    after = await shown(catalog, shirt)
    assert [(each.sku, each.price.amount) for each in after.variants] == [
        (f"{mark}-M", 49900), (f"{mark}-L", 59900), (f"{mark}-XL", 50000),
    ]  # fmt: skip
    assert (after.title, [(each.line, each.pointer, each.code) for each in done.errors]) == (
        shirt.title, [(2, "/price", "required"), (4, "/sku", "required")],
    )  # fmt: skip


async def test_a_row_whose_product_was_removed_meanwhile_makes_none(service, catalog, a_product):
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, new_id("x")), actor="usr_staff"))
    (row,), _ = await service._importer.read(raw({"sku": shirt.variants[0].sku, "price": "1"}), ImportOptions())
    wanted, _ = await service._importer._wanted([row])
    await catalog.remove_product(RemoveProduct(product_id=shirt.id, version=shirt.version, actor="usr_staff"))
    async with service._store.transaction() as transaction:
        written = await service._writer.write(transaction, wanted, "usr_staff", merging=True)
    assert (written.created, [(each.line, each.pointer) for each in written.faults]) == ([], [(1, "/title")])


async def test_an_import_repeated_changes_nothing(catalog, shelf, database):
    mark = new_id("x")
    ask = ImportRaw(rows=raw({"sku": f"{mark}-1", "title": "Cup", "price": 1, "stock": 3}), actor="usr_staff")
    first, second = await catalog.import_raw(ask), await catalog.import_raw(ask)
    assert [(each.created, each.updated) for each in (first, second)] == [(1, 0), (0, 0)]
    assert (await count(database, mark), shelf.units(f"{mark}-1")) == (1, 3)


async def test_a_known_sku_changes_its_product(catalog):
    mark = new_id("x").replace("_", "-")
    for title in ("Cup", "Mug"):
        done = await catalog.import_raw(
            ImportRaw(rows=raw({"sku": mark, "title": title, "price": 1}), actor="usr_staff")
        )
    (row,) = raw({"sku": mark, "title": "Cup", "price": 1})
    made = batches.row_of(row, ImportOptions(), "INR", ["standard"])
    product = await catalog.product(ProductRef(ref=made.product.slug))
    assert (done.updated, product.title, product.version) == (1, "Mug", 2)


async def import_csv(service, catalog, text, **options):
    ask = StartImport(body=text.encode(), format="csv", actor="usr_staff", options=ImportOptions(**options))
    job = await catalog.start_import(ask)
    await service.run_imports()
    return await job_of(catalog, job)


def a_shirt(a_product, mark):
    """Everything that a product can hold, in two variants."""
    variants = [
        NewVariant(sku=f"{mark}-{size}", price=Money(price), options={"Size": size}, weight_grams=180, stock=5,
                   compare_at=Money(99900))
        for size, price in (("M", 49900), ("L", 59900))
    ]  # fmt: skip
    return a_product(
        variants=variants, description="Soft.", brand="Vayu", product_type="shirt", attributes={"fit": "slim"},
        hsn="6109", tax_class="reduced", images=[Image(url="/m/1.jpg", alt="Shirt", width=9, height=9)],
        status="archived", slug=f"tee-{mark[2:]}",
    )  # fmt: skip


async def shown(catalog, product):
    found = await catalog.product(ProductRef(ref=product.id, any_status=True))
    return msgspec.structs.replace(found, version=0, updated_at=None)


async def test_a_row_changes_only_what_its_file_has(service, catalog, a_product):
    mark = new_id("x")
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    await service.take_stock(Batch([StockChanged(sku=f"{mark}-L", available=7, version=9)]))
    before = await shown(catalog, shirt)
    done = await import_csv(service, catalog, f"sku,title,price,brand\n{mark}-M,New shirt,450,\n")
    medium, large = before.variants
    price = Money(45000)
    assert (done.updated, done.errors) == (1, [])
    assert (await shown(catalog, shirt)) == msgspec.structs.replace(
        before, title="New shirt", price=price, variants=[msgspec.structs.replace(medium, price=price), large]
    )
    assert large.available == 7


async def test_rows_of_several_variants_of_one_product_all_count(service, catalog, a_product):
    mark = new_id("x")
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    lines = [f"{mark}-M,Shirt,450,200 g,,red", f"{mark}-L,Shirt,550,,,", f"{mark}-S,Shirt,400,150 g,{shirt.slug},"]
    text = "\n".join(["sku,title,price,weight,slug,colour", *lines])
    done = await import_csv(service, catalog, text)
    product = await shown(catalog, shirt)
    assert (done.created, done.updated, done.errors) == (0, 3, [])
    assert [(each.sku[-1], each.price.amount, each.weight_grams) for each in product.variants] == [
        ("M", 45000, 200), ("L", 55000, 180), ("S", 40000, 150),
    ]  # fmt: skip
    assert (product.attributes, product.status, product.slug) == (
        {"fit": "slim", "colour": "red"}, "archived", shirt.slug,
    )  # fmt: skip


async def test_what_rows_are_filled_up_with_changes_no_known_product(service, catalog, a_product):
    mark = new_id("x")
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    before = await shown(catalog, shirt)
    done = await import_csv(
        service, catalog, f"sku,title\n{mark}-M,{shirt.title}\n", default_price="1", default_category=mark
    )
    assert (done.updated, done.errors, await shown(catalog, shirt)) == (0, [], before)
    assert mark not in [node.title for node in (await catalog.categories(Nothing())).data]


async def test_a_row_without_a_sku_does_not_choose_among_variants(service, catalog, a_product):
    mark = new_id("x")
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    before = await shown(catalog, shirt)
    done = await import_csv(service, catalog, f"slug,title,price\n{shirt.slug},Shirt,1\n")
    assert [(each.line, each.pointer, each.code) for each in done.errors] == [(2, "/sku", "required")]
    assert await shown(catalog, shirt) == before


async def test_a_row_without_a_sku_changes_the_only_variant(service, catalog, created):
    cup = await created(slug=new_id("x").replace("_", "-"))
    await import_csv(service, catalog, f"slug,title,price\n{cup.slug},Cup,2\n")
    (variant,) = (await shown(catalog, cup)).variants
    assert (variant.id, variant.sku, variant.price) == (cup.variants[0].id, cup.variants[0].sku, Money(200))


async def test_a_line_that_has_variants_has_them_all(catalog, a_product):
    mark = new_id("x")
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    variants = [{"sku": f"{mark}-L", "price": {"amount": 100, "currency": "INR"}}]
    line = {"title": "Shirt", "slug": shirt.slug, "variants": variants}
    await catalog.import_raw(ImportRaw(rows=raw(line), actor="usr_staff"))
    product = await shown(catalog, shirt)
    assert ([each.sku for each in product.variants], product.variants[0].id) == ([f"{mark}-L"], shirt.variants[1].id)
    assert (product.hsn, product.status, product.category) == ("6109", "archived", shirt.category)


async def export(catalog, product):
    """A product's line, as the export writes it."""
    page = await catalog.scan_products(ScanProducts(after=product.id[:-1], limit=1, status=None))
    return msgspec.json.decode(page.lines)


async def test_an_export_brings_back_what_it_says_is_empty(catalog, created):
    plain = await created(status="draft")
    line = await export(catalog, plain)
    before = await shown(catalog, plain)
    picture = Image(url="/m/1.jpg", alt="Cup", width=9, height=9)
    filled = {"brand": "Mitti", "description": "Fired twice.", "hsn": "6912", "product_type": "cup",
              "images": [msgspec.to_builtins(picture)], "attributes": {"glazed": True}}  # fmt: skip
    await catalog.change_product(ChangeProduct(product_id=plain.id, changes=filled, version=1, actor="usr_staff"))
    done = await catalog.import_raw(ImportRaw(rows=raw(line), actor="usr_staff"))
    assert (done.updated, done.faults, await shown(catalog, plain)) == (1, [], before)


async def test_a_variant_that_was_copied_with_its_id_is_told_and_the_other_rows_are_kept(catalog, created):
    line = await export(catalog, await created())
    (first,) = line["variants"]
    copied = {**line, "variants": [first, {**first, "sku": f"{first['sku']}-L"}]}
    good = {"sku": new_id("x"), "title": "Cup", "price": 1}
    done = await catalog.import_raw(ImportRaw(rows=raw(copied, good), actor="usr_staff"))
    told = [(each.line, each.pointer, each.code) for each in done.faults]
    assert (done.created, done.updated, told) == (
        1,
        0,
        [(1, "/variants/0/id", "duplicate"), (1, "/variants/1/id", "duplicate")],
    )


async def test_drafts_that_a_file_publishes_are_as_new_as_that(catalog, created):
    draft = await created(status="draft")
    line = await export(catalog, draft)
    await catalog.import_raw(ImportRaw(rows=raw({**line, "status": "published"}), actor="usr_staff"))
    published = await catalog.product(ProductRef(ref=draft.id))
    assert published.created_at > draft.created_at


async def test_a_row_that_raises_the_price_above_the_one_before_ends_the_offer(service, catalog, a_product):
    mark = new_id("x")
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    await import_csv(service, catalog, f"sku,title,price\n{mark}-M,Shirt,999\n{mark}-L,Shirt,998.99\n")
    assert [each.compare_at for each in (await shown(catalog, shirt)).variants] == [None, Money(99900)]


async def test_a_row_that_is_found_by_its_address_makes_no_category(service, catalog, a_product):
    mark = new_id("x")
    shirt = await catalog.create_product(CreateProduct(product=a_shirt(a_product, mark), actor="usr_staff"))
    text = f"sku,slug,title,price\n{mark}-S,{shirt.slug},Shirt,400\n"
    done = await import_csv(service, catalog, text, default_category=mark)
    assert (done.updated, done.errors, (await shown(catalog, shirt)).category) == (1, [], shirt.category)
    assert mark not in [node.title for node in (await catalog.categories(Nothing())).data]


async def test_a_row_that_would_be_one_variant_too_many_is_told(service, catalog, created):
    mark = new_id("x")
    full = await created(*(f"{mark}-{n}" for n in range(200)))
    done = await import_csv(service, catalog, f"sku,slug,title,price\n{mark}-200,{full.slug},Cup,1\n")
    assert [(each.line, each.pointer, each.code) for each in done.errors] == [(2, "/variants", "out_of_range")]


async def test_rows_of_one_product_in_one_batch_are_taken_in_order(catalog, database):
    mark = new_id("x")
    rows = raw(*({"sku": f"{mark}-1", "title": "Cup", "price": price} for price in (1, 2, 3)))
    done = await catalog.import_raw(ImportRaw(rows=rows, actor="usr_staff"))
    async with database.connection() as connection:
        price = await connection.fetchval("SELECT price_minor FROM catalog.variants WHERE sku = $1", f"{mark}-1")
    assert (done.created, done.updated, price) == (1, 2, 300)


async def test_a_row_whose_skus_belong_to_two_products_is_told(catalog, a_product):
    first, second = a_product(), a_product()
    both = [NewVariant(sku=each.variants[0].sku, price=Money(1)) for each in (first, second)]
    rows = [ImportRow(line=n, product=each) for n, each in enumerate((first, second, a_product(variants=both)), 1)]
    done = await catalog.import_rows(ImportRows(rows=rows, actor="usr_staff"))
    assert (done.created, [(each.line, each.code) for each in done.faults]) == (2, [(3, "slug_taken")])


async def test_a_row_of_an_unknown_category_is_told(catalog, a_product):
    done = await catalog.import_rows(
        ImportRows(rows=[ImportRow(line=4, product=a_product(category="nowhere"))], actor="usr_staff")
    )
    assert [(each.line, each.pointer, each.code) for each in done.faults] == [(4, "/category", "not_found")]


async def test_missing_categories_are_made_once(catalog, database):
    mark = new_id("x")
    rows = raw(*({"sku": f"{mark}-{n}", "title": "Cup", "price": 1, "category": f"{mark} > Cups"} for n in range(4)))
    await asyncio.gather(*(catalog.import_raw(ImportRaw(rows=[each], actor="usr_staff")) for each in rows))
    async with database.connection() as connection:
        paths = await connection.fetch("SELECT path FROM catalog.categories WHERE title = $1", mark)
        leaves = await connection.fetchval(
            "SELECT count(*) FROM catalog.categories WHERE path[1] = $1 AND title = 'Cups'", paths[0][0][0]
        )
    assert (len(paths), leaves) == (1, 1)


async def test_a_category_that_an_import_makes_is_in_the_tree_at_once(catalog):
    mark = new_id("x")
    await catalog.categories(Nothing())
    row = {"sku": mark, "title": "Cup", "price": 1, "category": f"{mark} > Cups"}
    await catalog.import_raw(ImportRaw(rows=raw(row), actor="usr_staff"))
    (root,) = [node for node in (await catalog.categories(Nothing())).data if node.title == mark]
    assert [node.title for node in root.children] == ["Cups"]


async def test_a_category_that_was_renamed_is_found_by_its_former_title(catalog):
    """A supplier's file goes on with the words it has always used."""
    mark = new_id("x").replace("_", "-")
    row = {"sku": mark, "slug": mark, "title": "Cup", "price": 1, "category": f"{mark} > C"}
    await catalog.import_raw(ImportRaw(rows=raw(row), actor="usr_staff"))
    cups = (await catalog.product(ProductRef(ref=mark))).category
    rename = NewCategory(slug=cups.slug, title="Cups", parent_slug=cups.path[0])
    await catalog.save_categories(SaveCategories(categories=[rename]))
    other = {"sku": f"{mark}-2", "title": "Cup", "price": 1, "category": f"{mark} > Cups++"}
    done = await catalog.import_raw(ImportRaw(rows=raw({**row, "title": "Mug"}, other), actor="usr_staff"))
    product = await catalog.product(ProductRef(ref=mark))
    (root,) = [node for node in (await catalog.categories(Nothing())).data if node.title == mark]
    assert ((done.created, done.updated), (product.category.id, product.category.title)) == ((1, 1), (cups.id, "Cups"))
    assert [node.title for node in root.children] == ["Cups", "Cups++"]


async def test_a_category_with_a_longer_slug_was_not_renamed(catalog):
    mark = new_id("x").replace("_", "-")
    rows = raw(
        {"sku": f"{mark}-1", "title": "Cup", "price": 1, "category": f"{mark} > Cups"},
        {"sku": f"{mark}-2", "title": "Cup", "price": 1, "category": f"{mark} men > Cups"},
        {"sku": f"{mark}-3", "title": "Cup", "price": 1, "category": f"{mark} men > {mark} men cups"},
    )
    for row in rows:
        await catalog.import_raw(ImportRaw(rows=[row], actor="usr_staff"))
    (men,) = [node for node in (await catalog.categories(Nothing())).data if node.title == f"{mark} men"]
    assert [node.title for node in men.children] == ["Cups", f"{mark} men cups"]


async def test_two_imports_of_the_same_rows_at_once_make_each_product_once(catalog, database):
    mark = new_id("x")
    rows = raw(*({"sku": f"{mark}-{n}", "title": "Cup", "price": 1} for n in range(50)))
    done = await asyncio.gather(*(catalog.import_raw(ImportRaw(rows=rows, actor="usr_staff")) for _ in range(4)))
    assert (sum(each.created for each in done), await count(database, mark)) == (50, 50)


async def test_a_job_that_dies_half_way_is_finished_by_the_next_worker(service, catalog, database, shelf, monkeypatch):
    monkeypatch.setattr(batches, "CHUNK", 4)
    mark = new_id("x")
    job = await start(catalog, file_of(mark, 10))
    dying = Died()
    async with database.connection() as connection:
        claimed = await ImportStore().claim(connection)
    with pytest.raises(Died.Now):
        await service._importer.run(claimed, dying.after_first)
    async with database.connection() as connection:
        await connection.execute("UPDATE catalog.import_jobs SET leased_until = now() WHERE job_id = $1", job.id)
        await connection.execute("UPDATE catalog.stock_due SET at = now() - interval '1 minute'")
    await service.run_imports()
    await service.receive_due()
    after = await job_of(catalog, job)
    assert (after.status, after.rows, after.created, after.updated) == ("done", 10, 10, 0)
    assert (await count(database, mark), sum(shelf.units(f"{mark}-{n}") for n in range(10))) == (10, 20)


class Died:
    """Lets the first chunk be saved, and dies before its units are handed over."""

    class Now(Exception):
        """The worker is gone."""

    async def after_first(self, written):
        raise Died.Now()


async def test_a_worker_whose_lease_ran_out_writes_nothing_more(service, catalog, database):
    job = await start(catalog, file_of(new_id("x"), 3))
    async with database.connection() as connection:
        slow = await ImportStore().claim(connection)
        await connection.execute("UPDATE catalog.import_jobs SET leased_until = now() WHERE job_id = $1", job.id)
        fast = await ImportStore().claim(connection)
        written = [await ImportStore().advance(connection, each, 99, 7, 0, []) for each in (slow, fast)]
    after = await job_of(catalog, job)
    assert (slow.job_id, fast.job_id, written, after.created) == (job.id, job.id, [False, True], 7)


async def test_workers_that_claim_at_once_get_different_jobs(service, store, catalog):
    jobs = [await start(catalog, file_of(new_id("x"), 1)) for _ in range(2)]
    async with store.transaction() as first, store.transaction() as second:
        claims = [await asyncio.wait_for(ImportStore().claim(each.connection), 60) for each in (first, second)]
    assert [each.job_id for each in claims] == [each.id for each in jobs]


async def test_two_workers_share_the_open_jobs(service, catalog):
    jobs = [await start(catalog, file_of(new_id("x"), 5)) for _ in range(4)]
    await asyncio.gather(service.run_imports(), service.run_imports())
    states = [await job_of(catalog, job) for job in jobs]
    assert [(each.status, each.created) for each in states] == [("done", 5)] * 4


async def test_a_file_of_nonsense_ends_with_its_faults(service, catalog):
    job = await start(catalog, b"nonsense\nmore of it")
    await service.run_imports()
    after = await job_of(catalog, job)
    assert (after.status, after.rows, [each.line for each in after.errors]) == ("done", 2, [1, 2])


async def test_rows_in_error_are_counted_beyond_those_shown(service, catalog):
    job = await start(catalog, b"sku,price\n" + b"A,1\n" * 1_100, "csv")
    await service.run_imports()
    after = await job_of(catalog, job)
    assert (after.error_count, len(after.errors), after.errors[0].line) == (1_100, 1_000, 2)
