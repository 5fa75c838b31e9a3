"""What a shopper finds: words, filters, sorts, facets, pages, corrections, suggestions."""

import pytest
from msgspec.structs import replace
from text_search_shop import FASHION, WOMEN_SHOES, document, ids

from haat.engines.text_search import cursors
from haat.ports.text_search import (
    BadCursor,
    BrandFacet,
    CategoryFacet,
    PriceFacet,
    RatingFacet,
    Removal,
    SearchQuery,
    SuggestQuery,
)


async def test_a_word_of_the_title_finds_exactly_its_products(search):
    answer = await search.search(SearchQuery("laptop"))
    assert sorted(ids(answer)) == ["l1", "l2", "l3", "l4"]
    assert answer.total == 4


async def test_the_card_comes_back_as_it_was_given(search):
    answer = await search.search(SearchQuery("canvas"))
    assert answer.hits[0].card == b'{"id":"prd_s2"}'


@pytest.mark.parametrize("text", ["laptops", "LAPTOP", "Laptop's"])
async def test_endings_and_case_do_not_matter(search, text):
    assert sorted(ids(await search.search(SearchQuery(text)))) == ["l1", "l2", "l3", "l4"]


@pytest.mark.parametrize("text", ["16gb", "16 GB", "16-gb", "16 gigabytes"])
async def test_a_number_and_its_unit_are_one_word_however_written(search, text):
    assert sorted(ids(await search.search(SearchQuery(text)))) == ["l1", "l4"]


async def test_accents_do_not_matter(search):
    assert ids(await search.search(SearchQuery("cafe"))) == ["p2"]


async def test_a_sku_finds_its_product_first(search):
    assert ids(await search.search(SearchQuery("SKU-P1")))[0] == "p1"


async def test_products_with_every_word_come_before_those_with_some(search):
    answer = await search.search(SearchQuery("megha laptop 16gb"))
    assert ids(answer)[0] == "l4"


async def test_enough_products_with_every_word_leave_the_others_out(search):
    answer = await search.search(SearchQuery("megha laptop", relax_below=2))
    assert sorted(ids(answer)) == ["l3", "l4"]
    assert answer.total == 2


async def test_neighbours_of_the_text_are_preferred_as_neighbours_of_a_title(search, writer):
    apart, together = document(6, 2, "Padma steel kettle lid"), document(7, 2, "Padma kettle steel lid")
    await writer.apply([apart, together])
    forth = await search.search(SearchQuery("steel kettle"))
    back = await search.search(SearchQuery("kettle steel"))
    assert (ids(forth), ids(back)) == (["s1", "s2"], ["s2", "s1"])


async def test_a_word_of_the_title_counts_the_same_however_often_it_is_repeated_below(search, writer):
    said, repeated = document(6, 2, "Padma clogs"), document(6, 2, "Padma clogs")
    repeated = replace(repeated, id="prd_s3", description="Clogs for all who love clogs: clogs!")
    await writer.apply([said, repeated])
    first, second = (await search.search(SearchQuery("clogs"))).hits
    assert first.score == second.score


async def test_a_word_below_the_title_counts_less_than_in_it(search, writer):
    below = replace(document(6, 2), description="Clogs.")
    await writer.apply([below, document(7, 2, "Padma clogs")])
    assert ids(await search.search(SearchQuery("clogs"))) == ["s2", "s1"]


async def test_saying_without_prefers_products_that_say_so(search):
    assert ids(await search.search(SearchQuery("shoes without laces")))[0] == "s2"


async def test_a_compound_word_finds_its_parts_as_neighbours(search):
    assert ids(await search.search(SearchQuery("runningshoes"))) == ["s1"]


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (SearchQuery("laptop", price_min_minor=3_000_000, price_max_minor=6_000_000), ["l1", "l3", "l4"]),
        (SearchQuery(brands=("vayu",)), ["l1", "l2", "p1"]),
        (SearchQuery(brands=("VAYU", "Tarang")), ["l1", "l2", "p1", "p2"]),
        (SearchQuery(categories=("phones",)), ["p1", "p2"]),
        (SearchQuery(categories=("cat_e",)), ["l1", "l2", "l3", "l4", "p1", "p2"]),
        (SearchQuery(rating_min=4), ["l1", "l2", "p1", "s1"]),
        (SearchQuery("laptop", in_stock=True), ["l1", "l2", "l4"]),
        (SearchQuery("laptop", in_stock=False), ["l3"]),
        (SearchQuery("laptop", brands=("nobody",)), []),
    ],
)
async def test_a_filter_keeps_exactly_what_it_names(search, ask, expected):
    answer = await search.search(ask)
    assert sorted(ids(answer)) == expected
    assert answer.total == len(expected)


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("shoes", ["s2"]),
        ("cat_s", ["s2"]),
        ("women-shoes", ["s1"]),
        ("cat_w", ["s1"]),
        ("fashion", ["s1", "s2"]),
        ("shoe", []),
        ("~shoe", []),
    ],
)
async def test_a_category_is_found_by_its_slug_and_id_and_never_by_its_name(search, writer, category, expected):
    await writer.apply([replace(document(6, 2), categories=(FASHION, WOMEN_SHOES))])
    answer = await search.search(SearchQuery(categories=(category,)))
    assert (sorted(ids(answer)), answer.total) == (expected, len(expected))


async def test_categories_of_one_name_are_counted_each_by_itself(search, writer):
    await writer.apply([replace(document(6, 2), categories=(FASHION, WOMEN_SHOES))])
    facets = (await search.search(SearchQuery("padma", categories=("shoes",)))).facets
    assert facets.category == (
        CategoryFacet("cat_f", "fashion", "Fashion", 2),
        CategoryFacet("cat_s", "shoes", "Shoes", 1),
        CategoryFacet("cat_w", "women-shoes", "Shoes", 1),
    )
    assert facets.brand == (BrandFacet("Padma", 1),)


async def test_who_asks_for_a_category_in_any_number_sees_it_first(search, writer):
    beside = replace(document(4, 2, "Vayu phone"), categories=(FASHION,), popularity=0.0)
    inside = replace(document(5, 2, "Vayu phone"), description=beside.description, popularity=0.0)
    await writer.apply([beside, inside])
    assert ids(await search.search(SearchQuery("phone"))) == ["p2", "p1"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (250_000, 250_000, ["s1"]),
        (249_999, 250_001, ["s1"]),
        (250_001, None, ["s2"]),
        (None, 249_999, []),
        (-5, -1, []),
        (0, 10**15, ["s1", "s2"]),
        (6 * 10**11, None, ["s2"]),
        (6 * 10**11 + 1, None, []),
        (None, 6 * 10**11 - 1, ["s1"]),
        (10**30, None, []),
    ],
)
async def test_a_price_range_is_exact_at_both_ends_and_beyond_what_a_sort_tells_apart(
    search, writer, low, high, expected
):
    await writer.apply([replace(document(6, 2), price_minor=250_000), replace(document(7, 2), price_minor=6 * 10**11)])
    answer = await search.search(SearchQuery("padma", price_min_minor=low, price_max_minor=high, sort="price_asc"))
    assert (ids(answer), answer.total) == (expected, len(expected))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("popularity", ["p1", "l1", "l2", "s1", "l3", "l4", "p2", "s2"]),
        ("price_asc", ["s2", "s1", "p2", "p1", "l3", "l1", "l4", "l2"]),
        ("price_desc", ["l2", "l4", "l1", "l3", "p1", "p2", "s1", "s2"]),
        ("newest", ["s2", "s1", "p2", "p1", "l4", "l3", "l2", "l1"]),
        ("rating", ["l1", "p1", "l2", "s1", "p2", "l3", "s2", "l4"]),
        ("relevance", ["p1", "l1", "l2", "s1", "l3", "l4", "p2", "s2"]),
    ],
)
async def test_a_sort_puts_all_products_in_its_order(search, sort, expected):
    assert ids(await search.search(SearchQuery(sort=sort))) == expected


async def test_facets_count_what_the_words_find(search):
    facets = (await search.search(SearchQuery("laptop"))).facets
    assert facets.category == (
        CategoryFacet("cat_e", "electronics", "Electronics", 4),
        CategoryFacet("cat_l", "laptops", "Laptops", 4),
    )
    assert sorted(facets.brand, key=lambda each: each.value) == [BrandFacet("Megha", 2), BrandFacet("Vayu", 2)]
    assert facets.price == (
        PriceFacet(3_000_000, 6_000_000, 2),
        PriceFacet(6_000_000, 10_000_000, 2),
    )
    assert facets.rating == (RatingFacet(4, 2), RatingFacet(3, 3), RatingFacet(2, 4), RatingFacet(1, 4))


async def test_a_selection_shrinks_the_other_facets_but_not_its_own(search):
    facets = (await search.search(SearchQuery("laptop", brands=("Vayu",)))).facets
    assert sorted(facets.brand, key=lambda each: each.value) == [BrandFacet("Megha", 2), BrandFacet("Vayu", 2)]
    assert facets.rating[0] == RatingFacet(4, 2)
    assert facets.category[0].count == 2


async def test_two_selections_each_leave_their_own_facet_whole(search):
    ask = SearchQuery(brands=("Vayu",), price_min_minor=4_000_000, price_max_minor=9_000_000)
    facets = (await search.search(ask)).facets
    assert sorted((each.value, each.count) for each in facets.brand) == [("Megha", 1), ("Vayu", 2)]
    assert [(each.from_minor, each.count) for each in facets.price] == [
        (2_000_000, 1),
        (3_000_000, 1),
        (6_000_000, 1),
    ]


async def test_a_brand_written_in_several_ways_is_one_choice_called_as_most_write_it(search, writer):
    await writer.apply([replace(document(0, 2), brand="VAYU"), replace(document(6, 2), brand="vayú")])
    facets = (await search.search(SearchQuery("laptop phone shoes"))).facets
    found = await search.search(SearchQuery("laptop phone shoes", brands=(facets.brand[0].value,)))
    assert (facets.brand[0], found.total) == (BrandFacet("Vayu", 4), 4)


async def test_facets_are_left_out_when_not_wanted(search):
    assert (await search.search(SearchQuery("laptop", facets=False))).facets is None


@pytest.mark.parametrize("sort", ["relevance", "popularity", "price_asc", "price_desc", "newest", "rating"])
@pytest.mark.parametrize("text", ["", "laptop phone shoes"])
async def test_cursors_walk_through_all_hits_once(search, sort, text):
    whole = ids(await search.search(SearchQuery(text, sort=sort)))
    assert len(whole) == 8
    assert await walk(search, SearchQuery(text, sort=sort, limit=3)) == whole


async def walk(search, ask: SearchQuery) -> list[str]:
    found, answer = [], await search.search(ask)
    while True:
        found += ids(answer)
        if answer.next_cursor is None:
            return found
        answer = await search.search(replace(ask, cursor=answer.next_cursor))


async def test_an_offset_begins_there(search):
    assert ids(await search.search(SearchQuery(sort="price_asc", offset=2, limit=2))) == ["p2", "p1"]


async def test_a_cursor_by_price_neither_repeats_nor_skips_after_a_change_in_front_of_it(search, writer):
    ask = SearchQuery(sort="price_asc", limit=3)
    first = await search.search(ask)
    await writer.apply([document(6, version=2, title="Padma new shoes")])
    second = await search.search(SearchQuery(sort="price_asc", limit=3, cursor=first.next_cursor))
    assert ids(first) + ids(second) == ["s2", "s1", "p2", "p1", "l3", "l1"]


async def test_a_cursor_by_relevance_keeps_its_place_after_a_change(search, writer):
    ask = SearchQuery("vayu laptop", limit=2)
    whole = ids(await search.search(SearchQuery("vayu laptop")))
    first = await search.search(ask)
    await writer.apply([replace(document(7, version=2, title="Vayu laptop"), brand="Vayu")])
    assert ids(await search.search(SearchQuery("vayu laptop")))[0] == "s2"
    second = await search.search(SearchQuery("vayu laptop", limit=2, cursor=first.next_cursor))
    assert ids(first) + ids(second) == whole[:4]


@pytest.mark.parametrize("sort", ["price_asc", "relevance"])
async def test_a_walk_goes_on_to_the_end_when_what_it_began_with_is_gone(search, writer, sort):
    ask = SearchQuery("vayu laptop phone shoes", sort=sort, limit=2)
    first = await search.search(ask)
    await writer.apply([Removal(f"prd_{each}", 2) for each in ids(first)])
    left = ids(await search.search(replace(ask, limit=20)))
    assert (await walk(search, replace(ask, cursor=first.next_cursor)), len(left)) == (left, 6)


async def test_a_walk_that_ends_with_a_full_page_leads_nowhere(search):
    second = await search.search(replace(SearchQuery("shoes laptop", limit=3), offset=3))
    assert (len(second.hits), second.total, second.next_cursor) == (3, 6, None)


@pytest.mark.parametrize("cursor", ["x", "not a cursor", "AAAA", "é"])
async def test_a_made_up_cursor_is_refused(search, cursor):
    with pytest.raises(BadCursor):
        await search.search(SearchQuery("laptop", cursor=cursor))


@pytest.mark.parametrize("changed", [{"key": 1e300}, {"key": float("nan")}, {"seen": -1}, {"seen": 10**15}])
async def test_a_cursor_changed_by_hand_is_refused(search, changed):
    ask = SearchQuery("laptop", limit=2)
    place = cursors.decode((await search.search(ask)).next_cursor, ask)
    with pytest.raises(BadCursor):
        await search.search(replace(ask, cursor=cursors.encode(replace(place, **changed))))


async def test_an_offset_too_deep_is_refused(search):
    with pytest.raises(BadCursor):
        await search.search(SearchQuery("laptop", offset=10_001))


async def test_a_price_beyond_every_price_filters_like_any_other(search):
    assert (await search.search(SearchQuery(price_min_minor=10**30))).total == 0
    assert (await search.search(SearchQuery(price_min_minor=-(10**30), price_max_minor=10**30))).total == 8


async def test_a_cursor_of_other_filters_is_refused(search):
    answer = await search.search(SearchQuery("laptop", limit=2))
    with pytest.raises(BadCursor):
        await search.search(SearchQuery("laptop", limit=2, in_stock=True, cursor=answer.next_cursor))


@pytest.mark.parametrize("typo", ["laptpo", "lapotp", "labtop", "laptp", "llaptop", "alptop"])
async def test_a_misspelt_word_finds_what_was_meant_and_asks_back(search, typo):
    answer = await search.search(SearchQuery(f"Vayu {typo}", relax_below=1))
    assert sorted(ids(answer)) == ["l1", "l2"]
    assert answer.did_you_mean == "Vayu laptop"


async def test_a_misspelt_word_of_which_only_a_stemmed_form_is_indexed_is_found(search):
    answer = await search.search(SearchQuery("runing"))
    assert ids(answer) == ["s1"]
    assert answer.did_you_mean == "running"


async def test_a_known_word_is_not_corrected(search):
    assert (await search.search(SearchQuery("laptop"))).did_you_mean is None


@pytest.mark.parametrize("text", ["zzzzqqqq", "xq7", '"', "AND OR NOT", "title:*", "((", "\x00", "💻" * 50])
async def test_nonsense_finds_nothing_special_and_breaks_nothing(search, text):
    answer = await search.search(SearchQuery(text, relax_below=1))
    assert answer.did_you_mean is None


@pytest.mark.parametrize("text", ["!!!", "💻", "x" * 45])
@pytest.mark.parametrize("sort", ["relevance", "price_asc"])
async def test_a_text_without_a_word_that_could_be_found_finds_nothing(search, text, sort):
    answer = await search.search(SearchQuery(text, sort=sort))
    assert (answer.total, answer.hits, answer.facets.brand, answer.next_cursor) == (0, (), (), None)


async def test_suggestions_complete_the_last_word(search):
    answer = await search.suggest(SuggestQuery("lap"))
    assert [hit.id for hit in answer.products] == ["prd_l1", "prd_l2", "prd_l3", "prd_l4"]
    assert [each.slug for each in answer.categories] == ["laptops", "electronics"]
    assert answer.queries == ("laptop",)


async def test_suggestions_keep_the_words_before_the_last(search):
    answer = await search.suggest(SuggestQuery("megha la"))
    assert [hit.id for hit in answer.products] == ["prd_l3", "prd_l4"]
    assert answer.queries == ("megha laptop",)


async def test_suggestions_complete_the_words_before_the_last_too(search):
    answer = await search.suggest(SuggestQuery("gami lap"))
    assert [hit.id for hit in answer.products] == ["prd_l2"]
    assert answer.queries == ("gaming laptop",)


async def test_suggestions_forgive_a_typo(search):
    assert [hit.id for hit in (await search.suggest(SuggestQuery("canvsa"))).products] == ["prd_s2"]


@pytest.mark.parametrize("text", ["", "   ", "qqqq"])
async def test_nothing_is_suggested_for_nothing(search, text):
    answer = await search.suggest(SuggestQuery(text))
    assert (answer.products, answer.categories, answer.queries) == ((), (), ())


async def test_what_is_called_like_the_query_comes_before_what_goes_with_it(search, writer):
    await writer.apply([document(7, version=2, title="Laptop")])
    assert ids(await search.search(SearchQuery("laptops")))[-1] == "s2"
