"""What is found under another name, or another spelling, than the shop gives it."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from text_search_shop import FASHION, WOMEN_SHOES, document, ids

from haat.engines.text_search.synonyms import read_synonyms, synonyms_of
from haat.engines.text_search.tantivy_engine import TantivySearch
from haat.ports.text_search import SearchQuery, SuggestQuery


@pytest.mark.parametrize("text", ["mobile", "Mobiles", "smartphone", "cellphones"])
async def test_a_phone_is_found_by_whatever_it_is_called(search, text):
    answer = await search.search(SearchQuery(text))
    assert sorted(ids(answer)) == ["p1", "p2"]
    assert answer.did_you_mean is None


async def test_what_says_the_shoppers_own_word_comes_first(search, writer):
    await writer.apply([document(4, version=2, title="Vayu Wave smartphone")])
    assert ids(await search.search(SearchQuery("smartphone"))) == ["p1", "p2"]


async def test_what_is_called_by_another_word_comes_before_what_only_mentions_the_shoppers(search, writer):
    case = replace(document(6, version=2, title="Padma clear case"), description="For your phone.")
    await writer.apply([case, document(4, version=2, title="Vayu Wave smartphone")])
    assert ids(await search.search(SearchQuery("phone"))) == ["p2", "p1", "s1"]


async def test_a_word_stands_for_several_side_by_side(search, writer):
    cooler, other = (
        document(0, version=2, title="Vayu air conditioner"),
        document(1, version=2, title="Air, conditioner, x"),
    )
    apart = replace(other, title="Conditioner with air")
    await writer.apply([cooler, apart])
    assert ids(await search.search(SearchQuery("ac"))) == ["l1"]


async def test_other_words_of_the_query_still_count(search):
    assert ids(await search.search(SearchQuery("vayu mobile", relax_below=1))) == ["p1"]


async def test_what_a_typing_error_means_ranks_like_the_word_itself(search, writer):
    bag = replace(document(6, version=2, title="Padma bag"), description="Holds a laptop.", popularity=99.0)
    await writer.apply([bag])
    answers = [await search.search(SearchQuery(text)) for text in ("laptop", "laptp")]
    assert [ids(answer)[-1] for answer in answers] == ["s1", "s1"]
    assert ids(answers[0]) == ids(answers[1])


@pytest.mark.parametrize("text", ["bed sheet", "bed sheets", "Bed-Sheet"])
async def test_two_words_find_what_writes_them_as_one(search, writer, text):
    bed, sheet = document(6, version=2, title="Padma bed"), document(7, version=2, title="Padma bedsheet")
    await writer.apply([bed, sheet])
    assert ids(await search.search(SearchQuery(text))) == ["s2", "s1"]


async def test_a_word_for_nothing_that_is_sold_is_corrected_as_before(search):
    answer = await search.search(SearchQuery("sofa"))
    assert (ids(answer), answer.did_you_mean) == ([], None)


async def test_the_shops_own_file_is_read_too(indexed, tmp_path: Path):
    own = tmp_path / "synonyms.txt"
    own.write_text("# what people call them here\nchaploo, laptop\n", "utf-8")
    search = TantivySearch(indexed, synonyms=own)
    assert sorted(ids(await search.search(SearchQuery("chaploo")))) == ["l1", "l2", "l3", "l4"]
    assert sorted(ids(await search.search(SearchQuery("mobile")))) == ["p1", "p2"]


def test_a_word_of_two_groups_has_the_others_of_both():
    both = synonyms_of(["mobile, phone", "mobile, cot toy # over a bed", "", "# nothing"])
    assert both.others["mobil"] == (("phone",), ("cot", "toy"))
    assert both.others["phone"] == (("mobil",),)


def test_no_word_of_ours_stands_in_two_groups():
    words = [word for group in read_synonyms().groups for word in group]
    assert sorted(words) == sorted(set(words))


async def test_suggestions_know_other_names(search):
    answer = await search.suggest(SuggestQuery("mob"))
    assert [hit.id for hit in answer.products] == ["prd_p1", "prd_p2"]
    assert answer.queries == ("phone",)


async def test_a_title_may_say_the_suggested_word_otherwise(search, writer):
    case = replace(document(6, version=2, title="Padma case"), attributes_text="for a phone", popularity=99.0)
    await writer.apply([case, document(4, version=2, title="Vayu Wave smartphone")])
    assert [hit.id for hit in (await search.suggest(SuggestQuery("phon"))).products] == ["prd_p1", "prd_p2", "prd_s1"]


async def test_suggested_products_are_what_is_named_then_what_is_titled_so_then_the_rest(search, writer):
    bag = replace(document(6, version=2, title="Padma laptop bag"), popularity=99.0)
    sleeve = replace(
        document(7, version=2), categories=(FASHION, WOMEN_SHOES), attributes_text="for a laptop", popularity=98.0
    )
    await writer.apply([bag, sleeve])
    hits = (await search.suggest(SuggestQuery("lap", limit=8))).products
    assert [hit.id for hit in hits] == ["prd_l1", "prd_l2", "prd_l3", "prd_l4", "prd_s1", "prd_s2"]
