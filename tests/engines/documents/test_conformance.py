"""What every document store promises."""

import asyncio

import pytest

from haat.engines.documents.postgres import PostgresDocuments
from haat.kit.ids import new_id
from haat.ports.documents import Document, Write


@pytest.fixture(params=["postgres"])
def documents(request, database):
    return {"postgres": lambda: PostgresDocuments(database, "catalog.documents")}[request.param]()


def new_document(**body):
    return Write(new_id("doc"), 1, 0, body)


async def test_a_document_comes_back_as_it_was_put(documents):
    body = {"title": "Clay cup", "heights": [90, 110], "glazed": True, "maker": {"name": "Mitti", "since": None}}
    write = new_document(**body)
    assert await documents.put([write]) == {write.id}
    assert await documents.get([write.id, new_id("doc")]) == {write.id: Document(write.id, 1, body)}


async def test_a_newer_version_replaces_the_whole_document(documents):
    write = new_document(title="Cup", brand="Mitti")
    await documents.put([write])
    assert await documents.put([Write(write.id, 5, 1, {"title": "Mug"})]) == {write.id}
    assert await documents.get([write.id]) == {write.id: Document(write.id, 5, {"title": "Mug"})}


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_a_write_that_expects_another_version_does_nothing(documents, expected):
    write = new_document(title="Cup")
    await documents.put([write])
    await documents.put([Write(write.id, 2, 1, {"title": "Mug"})])
    assert await documents.put([Write(write.id, 9, expected, {"title": "Bowl"})]) == set()
    assert await documents.get([write.id]) == {write.id: Document(write.id, 2, {"title": "Mug"})}


async def test_an_update_of_nothing_does_nothing(documents):
    absent = new_id("doc")
    assert await documents.put([Write(absent, 2, 1, {})]) == set()
    assert await documents.get([absent]) == {}


async def test_of_many_writes_each_stands_for_itself(documents):
    there, fresh = new_document(title="Cup"), new_document(title="Bowl")
    await documents.put([there])
    assert await documents.put([fresh, Write(there.id, 2, 7, {})]) == {fresh.id}


async def test_of_ten_writers_of_one_version_exactly_one_wins(documents):
    write = new_document(title="Cup")
    await documents.put([write])
    won = await asyncio.gather(*(documents.put([Write(write.id, 2, 1, {"by": number})]) for number in range(10)))
    assert sorted(len(each) for each in won) == [0] * 9 + [1]


async def test_of_ten_who_create_one_document_exactly_one_wins(documents):
    name = new_id("doc")
    won = await asyncio.gather(*(documents.put([Write(name, 1, 0, {"by": number})]) for number in range(10)))
    assert sorted(len(each) for each in won) == [0] * 9 + [1]


async def test_find_gives_what_fits_in_the_order_of_ids(documents):
    mark = new_id("mark")
    cups = [new_document(mark=mark, kind="cup", number=number) for number in range(3)]
    await documents.put([*cups, new_document(mark=mark, kind="bowl")])
    first = await documents.find({"mark": mark, "kind": "cup"}, limit=2)
    rest = await documents.find({"mark": mark, "kind": "cup"}, after=first[-1].id, limit=2)
    assert [each.id for each in [*first, *rest]] == sorted(each.id for each in cups)


async def test_a_deleted_document_is_gone(documents):
    write = new_document(title="Cup")
    await documents.put([write])
    await documents.delete([write.id, new_id("doc")])
    assert await documents.get([write.id]) == {}
