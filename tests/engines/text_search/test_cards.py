"""Where the cards lie: beside the index, each found by its place, none for longer than it is worth."""

import msgspec
import pytest
from text_search_shop import batches, document, documents

from haat.engines.text_search import cards
from haat.engines.text_search.cards import CardReader, CardWriter
from haat.ports.text_search import SearchQuery


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a file of cards is, it may be mostly past."""
    monkeypatch.setattr(cards, "_SMALL_BYTES", 0)


def with_card(version: int, card: bytes):
    return msgspec.structs.replace(document(0, version), card=card)


def test_a_card_is_found_by_its_place(tmp_path):
    writer = CardWriter(tmp_path)
    places = [writer.put("prd_1", b"one"), writer.put("prd_ä", b""), writer.put("prd_3", b"{}" * 50_000)]
    writer.sync()
    writer.close()
    reader = CardReader(tmp_path)
    assert [reader.card(each) for each in places] == [("prd_1", b"one"), ("prd_ä", b""), ("prd_3", b"{}" * 50_000)]


def test_the_next_writer_goes_on_where_the_last_one_ended(tmp_path):
    first = CardWriter(tmp_path)
    before = first.put("prd_1", b"one")
    first.close()
    (tmp_path / "cards").open("ab").write(b"half a card that a crash has left")
    second = CardWriter(tmp_path)
    after = second.put("prd_2", b"two")
    second.close()
    reader = CardReader(tmp_path)
    assert [reader.card(before), reader.card(after)] == [("prd_1", b"one"), ("prd_2", b"two")]


def test_a_card_that_no_place_can_tell_of_is_refused(tmp_path):
    writer = CardWriter(tmp_path)
    with pytest.raises(ValueError, match="longer than 16777215 bytes"):
        writer.put("prd_1", b" " * (1 << 24))
    writer.close()


async def test_a_changed_card_is_seen_by_the_next_search(search, writer):
    await writer.apply([with_card(2, b'{"id":"prd_l1","new":1}')])
    assert (await search.search(SearchQuery("slim"))).hits[0].card == b'{"id":"prd_l1","new":1}'


async def test_a_product_that_only_became_popular_keeps_its_card(tmp_path, writer, search):
    size = cards.cards_bytes(tmp_path / "g-000002")
    await writer.apply([msgspec.structs.replace(document(0, 2), popularity=9_000.0)])
    answer = await search.search(SearchQuery(sort="popularity"))
    assert (answer.hits[0].id, answer.hits[0].card) == ("prd_l1", b'{"id":"prd_l1"}')
    assert cards.cards_bytes(tmp_path / "g-000002") == size > 0


async def test_cards_that_are_mostly_past_ask_for_a_rebuild_and_are_gone_after_it(search, writer, small):
    before = await writer.state()
    for version in range(2, 6):
        await writer.apply([with_card(version, b'{"id":"prd_l1","version":%d}' % version * 20)])
    worn = await writer.state(), await search.state()
    await writer.rebuild(batches(documents(version=9)))
    after = await writer.state()
    assert [each.needs_rebuild for each in (before, *worn, after)] == [False, True, True, False]


async def test_a_few_new_cards_ask_for_no_rebuild(writer):
    for version in range(2, 12):
        await writer.apply([with_card(version, b'{"version":%d}' % version * 20)])
    assert not (await writer.state()).needs_rebuild
