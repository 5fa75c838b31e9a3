"""Imports: good rows are kept, whatever happens in between."""

import asyncio

import msgspec
import pytest

from haat.contracts.catalog import (
    ImportOptions,
    ImportRaw,
    ImportRow,
    ImportRows,
    JobRef,
    NewVariant,
    ProductRef,
    RawRow,
    StartImport,
)
from haat.kit.ids import new_id
from haat.kit.money import Money
from haat.services.catalog import batches


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
    product = await catalog.product(ProductRef(ref=batches.row_of(
        raw({"sku": mark, "title": "Cup", "price": 1})[0], ImportOptions(), "INR").product.slug))  # fmt: skip
    assert (done.updated, product.title, product.version) == (1, "Mug", 2)


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
        claimed = await service._imports.claim(connection)
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
        slow = await service._imports.claim(connection)
        await connection.execute("UPDATE catalog.import_jobs SET leased_until = now() WHERE job_id = $1", job.id)
        fast = await service._imports.claim(connection)
        written = [await service._imports.advance(connection, each, 99, 7, 0, []) for each in (slow, fast)]
    after = await job_of(catalog, job)
    assert (slow.job_id, fast.job_id, written, after.created) == (job.id, job.id, [False, True], 7)


async def test_workers_that_claim_at_once_get_different_jobs(service, store, catalog):
    jobs = [await start(catalog, file_of(new_id("x"), 1)) for _ in range(2)]
    async with store.transaction() as first, store.transaction() as second:
        claims = [await asyncio.wait_for(service._imports.claim(each.connection), 5) for each in (first, second)]
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
