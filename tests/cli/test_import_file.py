"""`haat import` as a user meets it, short of the shop itself."""

import gzip

import pytest

from haat.cli.import_file import Report, format_of, import_file, load, told
from haat.contracts.catalog import ImportOptions, RowFault
from haat.kit.ids import new_id


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.csv", "csv"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("a.JSON", "json"),
        ("a.yml", "yaml"),
        ("a", ""),
    ],
)
def test_the_name_of_a_file_tells_its_format(tmp_path, name, format):
    assert format_of(tmp_path / name) == format


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("a.txt", {}, "say --format"),
        ("a.csv", {}, "cannot be read (No such file"),
        ("a.csv", {"default_price": "cheap"}, "not a number"),
        ("a.csv", {"exchange_rate": "-1"}, "not a number"),
        ("there.csv", {"default_stock": -5}, "--default-stock -5"),
        ("there.csv", {"default_stock": 2_000_000}, "--default-stock 2000000"),
        ("there.csv", {"default_category": ""}, "--default-category"),
    ],
)
def test_what_cannot_be_begun_is_refused_in_words(tmp_path, capsys, name, given, words):
    (tmp_path / "there.csv").write_text("")
    with pytest.raises(SystemExit) as ended:
        import_file(tmp_path / name, **given)
    assert (ended.value.code, words in capsys.readouterr().err) == (2, True)


def test_a_report_names_lines_and_sums_up():
    fault = RowFault(line=3, pointer="/price", code="required", detail="has no price")
    report = Report(rows=1000, created=900, updated=99, refused=1, seconds=0.5, faults=[fault])
    assert told(report) == (
        "line 3: /price: has no price (required)\n"
        "1000 rows: 900 products created, 99 updated, 1 refused; 0.5 s, 2000 rows/s"
    )


def test_of_many_faults_the_first_are_told():
    faults = [RowFault(line=n, pointer="", code="malformed", detail="not JSON") for n in range(25)]
    assert told(Report(rows=25, refused=25, faults=faults)).splitlines()[-2] == (
        "… and 5 more faults; --json tells them all"
    )


async def test_a_packed_file_is_imported_with_its_faults(settings, tmp_path):
    mark = new_id("x")
    file = tmp_path / "cups.csv.gz"
    file.write_bytes(gzip.compress(f"sku,title,price\n{mark}-1,Cup,10\n{mark}-2,Cup,cheap\n".encode()))
    report = await load(settings, file, "csv", ImportOptions())
    assert (report.rows, report.created, report.refused) == (2, 1, 1)
    assert [(each.line, each.pointer) for each in report.faults] == [(3, "/price")]


async def test_a_packed_file_that_was_damaged_on_its_way_is_told_with_what_was_taken(settings, tmp_path):
    file = tmp_path / "cups.csv.gz"
    rows = "".join(f"{new_id('x')},Cup {number},10\n" for number in range(300))
    sound = gzip.compress(f"sku,title,price\n{rows}".encode())
    file.write_bytes(sound + sound[:10] + b"\xff" * 50)
    report = await load(settings, file, "csv", ImportOptions())
    assert (report.created, [(each.line, each.code) for each in report.faults]) == (250, [(0, "malformed")])


async def test_a_plain_file_is_imported_and_stays_open_for_the_progress(settings, tmp_path):
    file = tmp_path / "products.csv"
    file.write_text("sku,title,price\nPLAIN-1,Kettle,499.00\nPLAIN-2,,499.00\n")
    report = await load(settings, file, "csv", ImportOptions())
    assert (report.rows, report.created, report.refused) == (2, 1, 1)
    assert [(fault.line, fault.pointer) for fault in report.faults] == [(3, "/title")]


async def test_a_row_that_was_taken_without_its_pictures_was_not_refused(settings, tmp_path):
    file = tmp_path / "products.csv"
    file.write_text(f"sku,title,price,image\n{new_id('x')},Kettle,499.00,https://cdn.example/k.jpg\n")
    report = await load(settings, file, "csv", ImportOptions())
    assert (report.created, report.refused, [fault.pointer for fault in report.faults]) == (1, 0, ["/image"])
