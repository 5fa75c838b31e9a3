"""The query DSL: what a body means, and which clause is named when it means nothing."""

import msgspec
import pytest

from haat.ports.text_search import (
    AggregationAnswer,
    Bool,
    Bucket,
    DslAnswer,
    DslHit,
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
from haat.services.search.dsl import parse
from haat.services.search.dsl_answer import elastic_answer

NAME_LAPTOP = Match((("name", 1.0),), "laptop")


def test_the_example_of_the_design():
    body = {
        "query": {
            "bool": {
                "must": [{"match": {"name": "laptop"}}],
                "filter": [{"range": {"price": {"gte": 30000, "lte": 60000}}}],
            }
        }
    }
    assert parse(body) == DslQuery(Bool(must=(NAME_LAPTOP,), filter=(Range("price", gte=30000, lte=60000),)))


def test_an_empty_body_asks_for_the_first_ten_of_everything():
    assert parse({}) == DslQuery(None, (), 0, 10, ())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"match": {"name": "laptop"}}, NAME_LAPTOP),
        (
            {"match": {"name": {"query": "a b", "operator": "AND", "boost": 2}}},
            Match((("name", 1.0),), "a b", "and", 2.0),
        ),
        ({"match": {"price": 30000}}, Term("price", 30000)),
        ({"match": {"in_stock": True}}, Term("in_stock", True)),
        (
            {"multi_match": {"query": "red", "fields": ["name^3", "description"], "type": "best_fields"}},
            Match((("name", 3.0), ("description", 1.0)), "red"),
        ),
        ({"term": {"brand": "Vayu"}}, Term("brand", "Vayu")),
        ({"term": {"brand.keyword": {"value": "Vayu", "boost": 2}}}, Term("brand", "Vayu", 2.0)),
        ({"term": {"in_stock": "true"}}, Term("in_stock", True)),
        ({"terms": {"brand": ["a", "b"], "boost": 2}}, Terms("brand", ("a", "b"), 2.0)),
        ({"range": {"price": {"gt": "10.5"}}}, Range("price", gt=10.5)),
        ({"range": {"price": {"gte": 1, "lte": None}}}, Range("price", gte=1)),
        (
            {"range": {"published_at": {"gte": "2026-01-01"}}},
            Range("published_at", gte="2026-01-01T00:00:00+00:00"),
        ),
        ({"exists": {"field": "brand"}}, Exists("brand")),
        ({"bool": {"must": {"match": {"name": "laptop"}}}}, Bool(must=(NAME_LAPTOP,))),
        (
            {"bool": {"should": [{"bool": {"must_not": {"exists": {"field": "sku"}}}}], "minimum_should_match": 1}},
            Bool(should=(Bool(must_not=(Exists("sku"),)),), minimum_should_match=1),
        ),
    ],
)
def test_a_clause_is_read(query, expected):
    assert parse({"query": query}) == DslQuery(expected)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("price", (SortKey("price", False),)),
        (["_score"], (SortKey("_score", True),)),
        ([{"price": "desc"}, {"brand.keyword": {"order": "asc"}}], (SortKey("price", True), SortKey("brand", False))),
        ({"published_at": "desc"}, (SortKey("published_at", True),)),
    ],
)
def test_a_sort_is_read(sort, expected):
    assert parse({"sort": sort}) == DslQuery(sort=expected)


@pytest.mark.parametrize("name", ["aggs", "aggregations"])
def test_aggregations_are_read(name):
    body = {
        "from": 5,
        "size": 0,
        name: {
            "brands": {"terms": {"field": "brand", "size": 3}},
            "prices": {"range": {"field": "price", "ranges": [{"to": 100}, {"from": 100, "key": "dear"}]}},
        },
    }
    ranges = (RangeBucket("*-100.0", None, 100.0), RangeBucket("dear", 100.0, None))
    asked = (TermsAggregation("brands", "brand", 3), RangeAggregation("prices", "price", ranges))
    assert parse(body) == DslQuery(offset=5, size=0, aggregations=asked)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ([], "", "invalid_type"),
        (None, "", "invalid_type"),
        ({"track_total_hits": True}, "/track_total_hits", "unsupported"),
        ({"query": []}, "/query", "invalid_type"),
        ({"query": {}}, "/query", "invalid"),
        ({"query": {"match_all": {}}}, "/query/match_all", "unsupported"),
        ({"query": {"query_string": {"query": "*"}}}, "/query/query_string", "unsupported"),
        ({"query": {"script": {}, "match": {}}}, "/query", "invalid"),
        ({"query": {"match": {"colour": "x"}}}, "/query/match/colour", "unknown_field"),
        ({"query": {"match": {"a/b~c": "x"}}}, "/query/match/a~1b~0c", "unknown_field"),
        ({"query": {"match": {"name.keyword": "x"}}}, "/query/match/name.keyword", "unknown_field"),
        ({"query": {"match": {"name": ["x"]}}}, "/query/match/name", "invalid"),
        ({"query": {"match": {"name": {"query": "x", "slop": 1}}}}, "/query/match/name/slop", "unsupported"),
        ({"query": {"match": {"name": {"query": "x", "operator": "xor"}}}}, "/query/match/name/operator", "invalid"),
        ({"query": {"match": {"name": {}}}}, "/query/match/name/query", "invalid"),
        ({"query": {"match": {"name": "x" * 2000}}}, "/query/match/name", "invalid"),
        ({"query": {"match": {"price": "cheap"}}}, "/query/match/price", "invalid"),
        ({"query": {"multi_match": {"query": "x"}}}, "/query/multi_match/fields", "invalid"),
        (
            {"query": {"multi_match": {"query": "x", "fields": ["name", "price"]}}},
            "/query/multi_match/fields/1",
            "unsupported_field",
        ),
        ({"query": {"multi_match": {"query": "x", "fields": ["name^x"]}}}, "/query/multi_match/fields/0", "invalid"),
        (
            {"query": {"multi_match": {"query": "x", "fields": ["name"], "type": "phrase"}}},
            "/query/multi_match/type",
            "unsupported",
        ),
        ({"query": {"term": {"in_stock": "maybe"}}}, "/query/term/in_stock", "invalid"),
        ({"query": {"term": {"price": True}}}, "/query/term/price", "invalid"),
        ({"query": {"terms": {"brand": "x"}}}, "/query/terms/brand", "invalid"),
        ({"query": {"terms": {"price": [1, "x"]}}}, "/query/terms/price/1", "invalid"),
        ({"query": {"range": {"name": {"gte": "a"}}}}, "/query/range/name", "unsupported_field"),
        ({"query": {"range": {"brand": {"gte": "a"}}}}, "/query/range/brand", "unsupported_field"),
        ({"query": {"range": {"price": {"gte": 1, "gt": 1}}}}, "/query/range/price/gt", "duplicate"),
        ({"query": {"range": {"price": {"from": 1}}}}, "/query/range/price/from", "unsupported"),
        ({"query": {"range": {"price": {"gte": float("nan")}}}}, "/query/range/price/gte", "invalid"),
        ({"query": {"range": {"price": {"lte": 10**400}}}}, "/query/range/price/lte", "invalid"),
        ({"query": {"range": {"published_at": {"gte": "now-1d"}}}}, "/query/range/published_at/gte", "invalid"),
        (
            {"query": {"range": {"published_at": {"lt": "0001-01-01T00:00:00+14:00"}}}},
            "/query/range/published_at/lt",
            "invalid",
        ),
        ({"query": {"exists": {"field": ["x"]}}}, "/query/exists/field", "invalid_type"),
        ({"query": {"bool": {"must": "x"}}}, "/query/bool/must", "invalid_type"),
        ({"query": {"bool": {"filter": [{"fuzzy": {"name": "x"}}]}}}, "/query/bool/filter/0/fuzzy", "unsupported"),
        ({"query": {"bool": {"minimum_should_match": "75%"}}}, "/query/bool/minimum_should_match", "invalid"),
        ({"query": {"bool": {"boost": -1}}}, "/query/bool/boost", "invalid"),
        ({"from": -1}, "/from", "invalid"),
        ({"size": 1.5}, "/size", "invalid"),
        ({"size": True}, "/size", "invalid"),
        ({"from": 9_999, "size": 2}, "/from", "too_deep"),
        ({"sort": ["name"]}, "/sort/0", "unsupported_field"),
        ({"sort": [{"price": "up"}]}, "/sort/0/price", "invalid"),
        ({"sort": [{"price": {"order": "asc", "mode": "min"}}]}, "/sort/0/price/mode", "unsupported"),
        ({"sort": ["price", "_score"]}, "/sort/1", "unsupported"),
        ({"sort": 5}, "/sort", "invalid_type"),
        ({"aggs": []}, "/aggs", "invalid_type"),
        ({"aggs": {"a": {"avg": {"field": "price"}}}}, "/aggs/a/avg", "unsupported"),
        ({"aggs": {"a": {"terms": {"field": "name"}}}}, "/aggs/a/terms/field", "unsupported_field"),
        ({"aggs": {"a": {"terms": {"field": "brand"}, "aggs": {}}}}, "/aggs/a", "invalid"),
        ({"aggs": {"a": {"range": {"field": "price", "ranges": []}}}}, "/aggs/a/range/ranges", "invalid"),
        (
            {"aggs": {"a": {"range": {"field": "price", "ranges": [{"to": "x"}]}}}},
            "/aggs/a/range/ranges/0/to",
            "invalid",
        ),
        ({"aggs": {}, "aggregations": {}}, "/aggregations", "duplicate"),
    ],
)
def test_what_is_not_understood_is_named(body, pointer, code):
    assert [(fault.pointer, fault.code) for fault in parse(body)] == [(pointer, code)]


def test_all_faults_are_told_at_once():
    body = {
        "query": {
            "bool": {"must": [{"match": {"nope": 1}}, {"wild": {}}], "filter": {"range": {"price": {"gte": []}}}}
        },
        "sort": ["description"],
        "size": -1,
        "aggs": {"x": {"sum": {}}},
        "explain": True,
    }
    assert [fault.pointer for fault in parse(body)] == [
        "/explain",
        "/query/bool/must/0/match/nope",
        "/query/bool/must/1/wild",
        "/query/bool/filter/range/price/gte",
        "/size",
        "/sort/0",
        "/aggs/x/sum",
    ]


def test_a_body_nested_without_end_is_refused():
    query: dict = {"match": {"name": "x"}}
    for _ in range(200):
        query = {"bool": {"must": [query]}}
    assert [fault.code for fault in parse({"query": query})] == ["too_complex"]


def test_a_body_with_too_many_clauses_is_refused():
    body = {"query": {"bool": {"should": [{"exists": {"field": "sku"}}] * 300}}}
    assert {fault.code for fault in parse(body)} == {"too_complex"}


def test_the_answer_has_the_shape_of_elasticsearch():
    answer = DslAnswer(
        total=2,
        max_score=1.5,
        hits=(DslHit("prd_1", 1.5, b'{"name":"a"}'),),
        aggregations=(
            AggregationAnswer("brands", "terms", (Bucket("Vayu", 2),), 1),
            AggregationAnswer("stock", "terms", (Bucket(True, 2),)),
            AggregationAnswer("prices", "range", (Bucket("*-100.0", 2, None, 100.0),)),
        ),
    )
    assert msgspec.json.decode(msgspec.json.encode(elastic_answer(answer, took_ms=3))) == {
        "took": 3,
        "timed_out": False,
        "hits": {
            "total": {"value": 2, "relation": "eq"},
            "max_score": 1.5,
            "hits": [{"_index": "products", "_id": "prd_1", "_score": 1.5, "_source": {"name": "a"}}],
        },
        "aggregations": {
            "brands": {
                "doc_count_error_upper_bound": 0,
                "sum_other_doc_count": 1,
                "buckets": [{"key": "Vayu", "doc_count": 2}],
            },
            "stock": {
                "doc_count_error_upper_bound": 0,
                "sum_other_doc_count": 0,
                "buckets": [{"key": 1, "key_as_string": "true", "doc_count": 2}],
            },
            "prices": {"buckets": [{"key": "*-100.0", "to": 100.0, "doc_count": 2}]},
        },
    }


def test_a_sorted_hit_has_no_score_and_names_its_sort():
    answer = DslAnswer(total=1, max_score=None, hits=(DslHit("prd_1", None, b"{}", (30000,)),))
    hits = elastic_answer(answer, took_ms=0)["hits"]
    assert (hits["max_score"], hits["hits"][0]["_score"], hits["hits"][0]["sort"]) == (None, None, [30000])
