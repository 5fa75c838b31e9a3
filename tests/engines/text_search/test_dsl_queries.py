"""What Elasticsearch would answer to a query of the DSL, on every engine."""

import msgspec
import pytest

from haat.ports.text_search import (
    Bool,
    Bucket,
    DslQuery,
    Exists,
    Match,
    Range,
    RangeAggregation,
    RangeBucket,
    SortKey,
    Term,
    Terms,
    TermsAggregation,
)

LAPTOP = Match((("name", 1.0),), "laptop")


def ids(answer) -> list[str]:
    return [hit.id.removeprefix("prd_") for hit in answer.hits]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (None, ["l1", "l2", "l3", "l4", "p1", "p2", "s1", "s2"]),
        (Bool(must=(LAPTOP,), filter=(Range("price", gte=30_000, lte=60_000),)), ["l1", "l3", "l4"]),
        (Bool(must=(LAPTOP,), filter=(Range("price", gt=30_000, lt=60_000),)), ["l1"]),
        (Range("price", gt=22_000.5, lt=30_000.01), ["l3"]),
        (Range("price", gt=60_000), ["l2"]),
        (Range("price", gt=5, lt=5), []),
        (Range("price"), ["l1", "l2", "l3", "l4", "p1", "p2", "s1", "s2"]),
        (Range("rating", gte=4.2, lt=4.5), ["l2", "p1"]),
        (Range("published_at", gte="2026-01-07T00:00:00+00:00"), ["s1", "s2"]),
        (Match((("name", 1.0),), "vayu laptop"), ["l1", "l2", "l3", "l4", "p1"]),
        (Match((("name", 1.0),), "vayu laptop", "and"), ["l1", "l2"]),
        (Match((("name", 1.0),), "!!"), []),
        (Match((("name", 2.0), ("description", 1.0)), "phones"), ["p1", "p2"]),
        (Match((("brand", 1.0),), "PADMA"), ["s1", "s2"]),
        (Match((("sku", 1.0),), "sku-l1"), ["l1"]),
        (Term("brand", "Tarang"), ["p2"]),
        (Term("category", "electronics"), ["l1", "l2", "l3", "l4", "p1", "p2"]),
        (Match((("category", 1.0),), "electronics"), ["l1", "l2", "l3", "l4", "p1", "p2"]),
        (Term("price", 22_000), ["p1"]),
        (Term("in_stock", False), ["l3"]),
        (Term("rating_count", 9), ["l4"]),
        (Terms("brand", ("Tarang", "Padma")), ["p2", "s1", "s2"]),
        (Terms("brand", ()), []),
        (Exists("brand"), ["l1", "l2", "l3", "l4", "p1", "p2", "s1", "s2"]),
        (Bool(must_not=(Exists("category"),)), []),
        (Bool(must_not=(LAPTOP,)), ["p1", "p2", "s1", "s2"]),
        (Bool(), ["l1", "l2", "l3", "l4", "p1", "p2", "s1", "s2"]),
        (Bool(should=(Term("brand", "Tarang"), Term("brand", "Padma"))), ["p2", "s1", "s2"]),
        (Bool(filter=(LAPTOP,), should=(Term("brand", "Padma"),)), ["l1", "l2", "l3", "l4"]),
        (Bool(filter=(LAPTOP,), should=(Term("brand", "Vayu"),), minimum_should_match=1), ["l1", "l2"]),
        (Bool(should=(LAPTOP, Term("brand", "Vayu")), minimum_should_match=2), ["l1", "l2"]),
        (Bool(should=(LAPTOP,), minimum_should_match=2), []),
    ],
)
async def test_a_query_finds_exactly_what_it_says(search, query, expected):
    answer = await search.query(DslQuery(query))
    assert (sorted(ids(answer)), answer.total) == (expected, len(expected))


async def test_a_filter_alone_scores_nothing_and_a_constant_clause_one(search):
    filtered = await search.query(DslQuery(Bool(filter=(LAPTOP,))))
    constant = await search.query(DslQuery(Range("price", gte=60_000)))
    everything = await search.query(DslQuery())
    assert (filtered.max_score, constant.max_score, everything.max_score) == (0.0, 1.0, 1.0)


async def test_a_boost_multiplies_the_score(search):
    plain = await search.query(DslQuery(LAPTOP))
    boosted = await search.query(DslQuery(Match((("name", 1.0),), "laptop", boost=2.0)))
    assert boosted.max_score == pytest.approx(2 * plain.max_score)


async def test_a_must_not_found_product_does_not_come_back_through_should(search):
    ask = Bool(should=(LAPTOP,), must_not=(Term("brand", "Vayu"),))
    assert sorted(ids(await search.query(DslQuery(ask)))) == ["l3", "l4"]


async def test_the_source_is_the_document_with_the_price_in_major_units(search):
    answer = await search.query(DslQuery(Term("id", "prd_p2")))
    source = msgspec.json.decode(answer.hits[0].source)
    assert source == {
        "id": "prd_p2",
        "slug": "slug-p2",
        "name": "Tarang Café phone",
        "title": "Tarang Café phone",
        "description": "A fine phones article.",
        "brand": "Tarang",
        "category": ["electronics", "phones"],
        "price": 9999,
        "in_stock": True,
        "rating": 3.9,
        "rating_count": 60,
        "popularity": 20.0,
        "published_at": "2026-01-06T00:00:00Z",
        "sku": ["SKU-P2"],
        "attributes": "colour blue",
    }


async def test_from_and_size_cut_a_window(search):
    ask = DslQuery(sort=(SortKey("price", False),), offset=2, size=2)
    answer = await search.query(ask)
    assert (ids(answer), answer.total, answer.max_score) == (["p2", "p1"], 8, None)
    assert [hit.sort for hit in answer.hits] == [(9999,), (22_000,)]


async def test_size_nought_gives_counts_only(search):
    answer = await search.query(DslQuery(LAPTOP, size=0))
    assert (answer.hits, answer.total, answer.max_score) == ((), 4, None)


async def test_a_second_sort_key_orders_what_ties_on_the_first(search):
    ask = DslQuery(sort=(SortKey("brand", False), SortKey("price", True)), size=3)
    answer = await search.query(ask)
    assert ids(answer) == ["l4", "l3", "s1"]
    assert answer.hits[0].sort == ("megha", 60_000)


async def test_a_window_that_ends_inside_a_tie_takes_the_right_ones(search):
    ask = DslQuery(sort=(SortKey("in_stock", True), SortKey("price", False)), size=2)
    assert ids(await search.query(ask)) == ["s2", "s1"]


async def test_terms_are_counted_and_the_rest_summed(search):
    answer = await search.query(DslQuery(aggregations=(TermsAggregation("brands", "brand", 2),)))
    (brands,) = answer.aggregations
    assert brands.buckets == (Bucket("Vayu", 3), Bucket("Megha", 2))
    assert brands.other_count == 3


async def test_terms_of_prices_and_truth_keep_their_type(search):
    asked = (TermsAggregation("prices", "price", 1), TermsAggregation("stock", "in_stock"))
    prices, stock = (await search.query(DslQuery(aggregations=asked))).aggregations
    assert prices.buckets == (Bucket(1299, 1),)
    assert stock.buckets == (Bucket(True, 7), Bucket(False, 1))


async def test_ranges_may_overlap_and_hold_their_start_but_not_their_end(search):
    ranges = (
        RangeBucket("low", None, 30_000.0),
        RangeBucket("high", 30_000.0, None),
        RangeBucket("x", 1_299.0, 2_499.0),
    )
    answer = await search.query(DslQuery(aggregations=(RangeAggregation("prices", "price", ranges),)))
    assert [(each.key, each.count) for each in answer.aggregations[0].buckets] == [("low", 4), ("x", 1), ("high", 4)]


async def test_aggregations_obey_the_query(search):
    answer = await search.query(DslQuery(LAPTOP, aggregations=(TermsAggregation("brands", "brand"),)))
    assert answer.aggregations[0].buckets == (Bucket("Megha", 2), Bucket("Vayu", 2))
