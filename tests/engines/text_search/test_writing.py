"""How an index changes: versions, removals, one writer, rebuilds, crashes, old formats."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
import tantivy
from text_search_shop import batches, document, documents, ids

from haat.engines.text_search import writer as index_writer
from haat.engines.text_search.generations import Pointer, read_pointer, write_pointer
from haat.engines.text_search.schema import FORMAT
from haat.engines.text_search.view import ViewFinder, open_index
from haat.ports.text_search import Applied, IndexNotReady, Removal, SearchQuery, WriterBusy

LAPTOP = SearchQuery("laptop", sort="price_asc")


async def test_a_change_is_seen_by_the_next_search_of_an_open_reader(search, writer):
    before = ids(await search.search(SearchQuery("chromebook")))
    await writer.apply([document(0, version=2, title="Vayu chromebook")])
    assert (before, ids(await search.search(SearchQuery("chromebook")))) == ([], ["l1"])


async def test_a_changed_product_is_there_once(search, writer):
    await writer.apply([document(0, version=2)])
    assert (await search.search(SearchQuery())).total == 8


async def test_an_older_document_never_overwrites_a_newer(search, writer):
    await writer.apply([document(0, version=5, title="Vayu newer")])
    applied = await writer.apply([document(0, version=4, title="Vayu older")])
    assert applied == Applied(accepted=0, stale=1)
    assert ids(await search.search(SearchQuery("newer"))) == ["l1"]


async def test_of_two_versions_in_one_batch_the_newer_stays(search, writer):
    applied = await writer.apply([document(0, 9, "Vayu newer"), document(0, 8, "Vayu older")])
    assert applied == Applied(accepted=1, stale=1)
    assert ids(await search.search(SearchQuery("newer"))) == ["l1"]


async def test_the_same_change_twice_is_taken_once(writer):
    first = await writer.apply([document(0, version=2)])
    second = await writer.apply([document(0, version=2)])
    assert (first, second) == (Applied(1, 0), Applied(0, 1))


async def test_a_removed_product_is_found_by_nothing(search, writer):
    await writer.apply([Removal("prd_l1", version=2)])
    assert ids(await search.search(LAPTOP)) == ["l3", "l4", "l2"]
    assert (await search.search(SearchQuery())).total == 7
    assert (await search.state()).documents == 7


async def test_a_late_change_does_not_bring_a_removed_product_back(search, writer):
    await writer.apply([Removal("prd_l1", version=3)])
    assert await writer.apply([document(0, version=2)]) == Applied(accepted=0, stale=1)
    assert ids(await search.search(LAPTOP)) == ["l3", "l4", "l2"]


async def test_a_newer_change_brings_a_removed_product_back(search, writer):
    await writer.apply([Removal("prd_l1", version=2)])
    await writer.apply([document(0, version=3)])
    assert ids(await search.search(LAPTOP)) == ["l3", "l1", "l4", "l2"]


async def test_versions_outlive_the_writer(adapter, tmp_path, writer):
    await writer.apply([document(0, version=5)])
    await writer.close()
    second = adapter.writer(tmp_path)
    applied = await second.apply([document(0, version=4)])
    await second.close()
    assert applied == Applied(accepted=0, stale=1)


async def test_a_second_writer_is_refused(adapter, tmp_path, writer):
    with pytest.raises(WriterBusy):
        adapter.writer(tmp_path)


async def test_the_next_writer_may_begin_when_the_first_has_closed(adapter, tmp_path, writer, search):
    await writer.close()
    second = adapter.writer(tmp_path)
    await second.apply([document(0, version=2, title="Vayu second")])
    await second.close()
    assert ids(await search.search(SearchQuery("second"))) == ["l1"]


async def test_a_writer_in_another_process_keeps_others_out(adapter, tmp_path):
    with foreign_writer(tmp_path, "print('open', flush=True); sys.stdin.read()"), pytest.raises(WriterBusy):
        adapter.writer(tmp_path)


@contextlib.contextmanager
def foreign_writer(root: Path, then: str):
    """A process that opens a writer on `root`, then runs `then`, which must print one line."""
    script = (
        "import asyncio, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from text_search_shop import Tantivy, batches, documents, document\n"
        f"writer = Tantivy.writer(Path(sys.argv[1]))\n{then}"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(root), str(Path(__file__).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline().strip()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)


async def test_before_any_writer_there_is_nothing_to_read(adapter, tmp_path):
    search = adapter.search(tmp_path)
    assert (await search.state()).needs_rebuild
    with pytest.raises(IndexNotReady):
        await search.search(SearchQuery())


async def test_a_new_index_asks_for_a_rebuild_and_a_rebuild_satisfies_it(adapter, tmp_path):
    writer = adapter.writer(tmp_path)
    before = await writer.state()
    count = await writer.rebuild(batches(documents()[:4], documents()[4:]))
    after = await writer.state()
    await writer.close()
    assert (before.needs_rebuild, count, after.needs_rebuild, after.documents) == (True, 8, False, 8)


async def test_a_rebuild_drops_what_the_catalogue_no_longer_has(search, writer):
    await writer.rebuild(batches(documents()[:2]))
    assert ids(await search.search(LAPTOP)) == ["l1", "l2"]


async def test_searches_during_a_rebuild_see_the_old_index_then_the_new(search, writer):
    seen = []

    async def slowly():
        yield documents(version=2)[:1]
        seen.append((await search.search(SearchQuery())).total)
        yield documents(version=2)[1:3]
        seen.append((await search.search(SearchQuery())).total)

    await writer.rebuild(slowly())
    assert [*seen, (await search.search(SearchQuery())).total] == [8, 8, 3]


@pytest.mark.slow
async def test_searches_that_run_beside_many_rebuilds_always_answer(adapter, tmp_path, writer):
    finished = asyncio.Event()

    async def keep_searching() -> set[int]:
        totals = set()
        while not finished.is_set():
            totals.add((await adapter.search(tmp_path).search(SearchQuery())).total)
            await asyncio.sleep(0)
        return totals

    searching = asyncio.create_task(keep_searching())
    for version in range(2, 12):
        await writer.rebuild(batches(documents(version)))
    finished.set()
    assert await searching == {8}


async def test_a_change_during_a_rebuild_is_in_the_new_index(search, writer):
    async def catalogue():
        yield documents()[:4]
        await writer.apply([document(0, version=7, title="Vayu meanwhile"), Removal("prd_p1", version=2)])
        await writer.apply([document(5, version=7, title="Tarang meanwhile")])
        yield documents()[4:]

    await writer.rebuild(catalogue())
    answer = await search.search(SearchQuery("meanwhile", sort="price_asc"))
    assert (ids(answer), (await search.search(SearchQuery())).total) == (["p2", "l1"], 7)


async def test_a_rebuild_that_fails_leaves_the_old_index(search, writer, tmp_path):
    async def broken():
        yield documents()[:1]
        raise OSError("the catalogue is gone")

    with pytest.raises(OSError, match="the catalogue is gone"):
        await writer.rebuild(broken())
    assert (await search.search(SearchQuery())).total == 8
    assert await writer.apply([document(0, version=2)]) == Applied(1, 0)
    assert list(tmp_path.glob("g-*.new")) == []


async def test_a_rebuild_that_is_canceled_while_it_writes_leaves_the_old_index(search, writer, tmp_path, monkeypatch):
    many = [msgspec.structs.replace(document(0), id=f"prd_x{each}") for each in range(200)]
    amid, told, written = threading.Event(), threading.Event(), []
    real = index_writer.to_tantivy

    def one(product, *more):
        written.append(product.id)
        if len(written) == 100:
            amid.set()
            told.wait(60)
        return real(product, *more)

    monkeypatch.setattr(index_writer, "to_tantivy", one)

    before = sorted(each.name for each in tmp_path.iterdir())
    rebuilding = asyncio.create_task(writer.rebuild(batches(many)))
    await asyncio.to_thread(amid.wait, 60)
    rebuilding.cancel()
    asyncio.get_running_loop().call_later(0.1, told.set)
    with pytest.raises(asyncio.CancelledError):
        await rebuilding
    # Nothing is dropped while a thread still writes there.
    assert len(written) == len(many)
    assert (sorted(each.name for each in tmp_path.iterdir()), len(ids(await search.search(LAPTOP)))) == (before, 4)
    assert await writer.rebuild(batches(documents())) == 8


async def test_a_process_killed_in_the_middle_of_a_rebuild_leaves_the_old_index(adapter, tmp_path):
    then = (
        "async def halfway():\n"
        "    yield documents(version=2)[:2]\n"
        "    print('halfway', flush=True); sys.stdin.read()\n"
        "async def main():\n"
        "    await writer.rebuild(batches(documents()))\n"
        "    await writer.rebuild(halfway())\n"
        "asyncio.run(main())"
    )
    with foreign_writer(tmp_path, then):
        left = list(tmp_path.glob("g-*.new"))
    total = (await adapter.search(tmp_path).search(SearchQuery())).total
    writer = adapter.writer(tmp_path)
    applied = await writer.apply([document(0, version=2)])
    await writer.close()
    assert (len(left), total, applied, list(tmp_path.glob("g-*.new"))) == (1, 8, Applied(1, 0), [])


async def test_an_index_of_another_format_asks_for_a_rebuild_until_it_is_done(adapter, tmp_path, writer):
    await writer.close()
    pointer = read_pointer(tmp_path)
    write_pointer(tmp_path, msgspec.structs.replace(pointer, format=FORMAT + 1))
    search, second = adapter.search(tmp_path), adapter.writer(tmp_path)
    with pytest.raises(IndexNotReady):
        await search.search(SearchQuery())
    with pytest.raises(IndexNotReady):
        await second.apply([document(0, version=2)])
    before = (await search.state()).needs_rebuild, (await second.state()).needs_rebuild
    await second.rebuild(batches(documents()))
    after = await search.state()
    await second.close()
    assert (before, after.needs_rebuild, after.documents) == ((True, True), False, 8)


@pytest.mark.parametrize("harm", ["missing", "unreadable"])
async def test_a_damaged_index_asks_for_a_rebuild(adapter, tmp_path, harm):
    folder = tmp_path / "g-000001"
    folder.mkdir()
    if_unreadable = {"missing": "", "unreadable": "not json"}[harm]
    (folder / {"missing": "other", "unreadable": "meta.json"}[harm]).write_text(if_unreadable)
    write_pointer(tmp_path, Pointer(FORMAT, "g-000001", 1, True))
    writer = adapter.writer(tmp_path)
    before = (await writer.state()).needs_rebuild, (await adapter.search(tmp_path).state()).needs_rebuild
    await writer.rebuild(batches(documents()))
    after = await adapter.search(tmp_path).state()
    await writer.close()
    assert (before, after.documents) == ((True, True), 8)


async def test_a_reader_overtaken_by_a_switch_while_it_opens_follows_the_pointer(tmp_path, writer):
    """The generation it was told of is gone by the time it opens it."""

    def overtaken(folder: Path):
        following = folder.with_name("g-900000")
        if not following.exists():
            folder.rename(following)
            write_pointer(tmp_path, Pointer(FORMAT, following.name, 1, True))
        return open_index(folder)

    await writer.close()
    assert ViewFinder(tmp_path, overtaken).view().pointer.generation == "g-900000"


async def test_a_batch_that_cannot_be_indexed_leaves_nothing_of_itself(search, writer):
    fine, broken = document(0, version=2, title="Vayu half"), document(1, version=2)
    with pytest.raises(OverflowError):
        await writer.apply([fine, msgspec.structs.replace(broken, rating_count=1 << 70)])
    await writer.apply([document(2, version=2)])
    assert ids(await search.search(SearchQuery("half", relax_below=1))) == []
    assert await writer.apply([fine]) == Applied(1, 0)
    assert (await search.search(SearchQuery())).total == 8


async def test_segments_begin_with_champions_and_keep_categories_together(tmp_path, writer):
    """After a merge, too: changes make small segments, closing the writer ends their merging."""
    for version in range(2, 14):
        await writer.apply([document(version % 8, version)])
    await writer.close()
    view = ViewFinder(tmp_path).view()
    columns = [
        [view.searcher.fast_field_values("shelf", [tantivy.DocAddress(segment, doc)])[0] for doc in range(count)]
        for segment, count in enumerate(documents_of(tmp_path / "g-000002"))
    ]
    assert all(column == sorted(column, reverse=True) for column in columns)


def documents_of(folder: Path) -> list[int]:
    """By segment."""
    return [segment["max_doc"] for segment in msgspec.json.decode((folder / "meta.json").read_bytes())["segments"]]
