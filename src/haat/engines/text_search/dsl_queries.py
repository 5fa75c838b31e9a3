"""Runs a parsed query of the DSL on the index, so that the answer is what Elasticsearch would give."""

import math
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

import msgspec
import tantivy

from haat.engines.text_search.analysis import words_of
from haat.engines.text_search.planning import MUST, MUST_NOT, SHOULD, Query
from haat.engines.text_search.reading import count_of, stored_bytes, stored_id
from haat.engines.text_search.schema import KEYWORD_FIELDS, NUMBER_FIELDS, TEXT_FIELDS, epoch_microseconds
from haat.engines.text_search.view import View
from haat.kit.keyword import keyword_of
from haat.ports.text_search import (
    DEEPEST_RESULT,
    DSL_FIELDS,
    AggregationAnswer,
    Bool,
    Bucket,
    Clause,
    DslAnswer,
    DslHit,
    DslQuery,
    Exists,
    Match,
    Range,
    RangeAggregation,
    Term,
    Terms,
    TermsAggregation,
    Value,
)

_FLOAT_FIELDS: Final = frozenset({"rating", "popularity"})
_SORT_FIELDS: Final = {**KEYWORD_FIELDS, **NUMBER_FIELDS}
_TERMS_FIELDS: Final = {**_SORT_FIELDS, "brand": "brand_facet", "category": "category_facet"}
# More buckets than asked for are fetched, so that equal counts are cut by key as Elasticsearch does.
_SPARE_BUCKETS: Final = 1000


def run_dsl(view: View, ask: DslQuery, minor_per_major: int) -> DslAnswer:
    """Totals are exact; price is in major units on the way in and out."""
    return _Run(view, minor_per_major).answer(ask)


class _Run:
    def __init__(self, view: View, minor_per_major: int) -> None:
        self._schema = view.schema
        self._searcher = view.searcher
        self._live = Query.const_score_query(view.everything.match, 0.0)
        self._minor_per_major = minor_per_major

    def answer(self, ask: DslQuery) -> DslAnswer:
        wanted = self._query(ask.query) if ask.query else Query.const_score_query(self._live, 1.0)
        query = Query.boolean_query([(MUST, self._live), (MUST, wanted)])
        total = count_of(self._searcher, query)
        by_score = not ask.sort or ask.sort[0].field == "_score"
        hits = self._by_score(query, ask) if by_score else self._by_fields(query, ask)
        return DslAnswer(
            total=total,
            max_score=self._best_score(query, ask, hits) if by_score and total and ask.size else None,
            hits=tuple(hits),
            aggregations=tuple(self._aggregated(query, each) for each in ask.aggregations),
        )

    def _query(self, clause: Clause) -> Query:
        match clause:
            case Match():
                query = Query.disjunction_max_query([self._match(clause, *field) for field in clause.fields], 0.0)
            case Term():
                query = self._term(clause.field, clause.value)
            case Terms():
                each = [(SHOULD, self._term(clause.field, value)) for value in clause.values]
                query = Query.const_score_query(Query.boolean_query(each), 1.0) if each else Query.empty_query()
            case Range():
                query = Query.const_score_query(self._range(clause), 1.0)
            case Exists():
                query = Query.const_score_query(Query.term_query(self._schema, "present", clause.field), 1.0)
            case Bool():
                query = self._bool(clause)
        return query if clause.boost == 1.0 else Query.boost_query(query, clause.boost)

    def _match(self, clause: Match, name: str, boost: float) -> Query:
        field = TEXT_FIELDS.get(name)
        if field is None:
            return self._boosted(self._term(name, clause.text), boost)
        occur = MUST if clause.operator == "and" else SHOULD
        words = [(occur, Query.term_query(self._schema, field, stem)) for _, stem in words_of(clause.text)]
        return self._boosted(Query.boolean_query(words), boost) if words else Query.empty_query()

    def _boosted(self, query: Query, boost: float) -> Query:
        return query if boost == 1.0 else Query.boost_query(query, boost)

    def _term(self, name: str, value: Value) -> Query:
        if name in NUMBER_FIELDS:
            return Query.const_score_query(self._range(Range(name, gte=value, lte=value)), 1.0)
        text = str(value).lower() if isinstance(value, bool) else keyword_of(str(value))
        return Query.term_query(self._schema, KEYWORD_FIELDS.get(name) or TEXT_FIELDS[name], text)

    def _bool(self, clause: Bool) -> Query:
        parts = [(MUST, self._query(each)) for each in clause.must]
        parts += [(MUST, Query.const_score_query(self._query(each), 0.0)) for each in clause.filter]
        parts += [(MUST_NOT, self._query(each)) for each in clause.must_not]
        least = clause.minimum_should_match
        if least is None:
            least = 0 if clause.must or clause.filter or not clause.should else 1
        if not clause.must and not clause.filter:
            parts.append((MUST, self._live))
        should = [(SHOULD, self._query(each)) for each in clause.should]
        if least > len(should):
            return Query.empty_query()
        return Query.boolean_query(parts + should, least or None)

    def _range(self, clause: Range) -> Query:
        """Bounds become inclusive ones of the column: whole numbers where it holds whole numbers."""
        column = NUMBER_FIELDS[clause.field]
        low, low_open = (clause.gt, True) if clause.gt is not None else (clause.gte, False)
        high, high_open = (clause.lt, True) if clause.lt is not None else (clause.lte, False)
        if low is None and high is None:
            return Query.term_query(self._schema, "present", clause.field)
        if clause.field in _FLOAT_FIELDS:
            bounds = [None if bound is None else float(bound) for bound in (low, high)]
            kind = tantivy.FieldType.Float
            return Query.range_query(self._schema, column, kind, bounds[0], bounds[1], not low_open, not high_open)
        start = None if low is None else self._whole(clause.field, low)
        end = None if high is None else self._whole(clause.field, high)
        first = None if start is None else math.floor(start) + 1 if low_open else math.ceil(start)
        last = None if end is None else math.ceil(end) - 1 if high_open else math.floor(end)
        if first is not None and last is not None and first > last:
            return Query.empty_query()
        return Query.range_query(self._schema, column, tantivy.FieldType.Integer, first, last)

    def _whole(self, name: str, value: Value) -> Fraction:
        """Exact, in the unit of the column: minor units, microseconds."""
        if name == "published_at":
            return Fraction(epoch_microseconds(datetime.fromisoformat(str(value))))
        exact = Fraction(str(value))
        return exact * self._minor_per_major if name == "price" else exact

    def _by_score(self, query: Query, ask: DslQuery) -> list[DslHit]:
        if not ask.size:
            return []
        found = self._searcher.search(query, ask.size, count=False, offset=ask.offset).hits
        return [self._hit(address, float(score)) for score, address in found]

    def _best_score(self, query: Query, ask: DslQuery, hits: list[DslHit]) -> float | None:
        if hits and not ask.offset:
            return hits[0].score
        return float(self._searcher.search(query, 1, count=False).hits[0][0])

    def _by_fields(self, query: Query, ask: DslQuery) -> list[DslHit]:
        """The engine sorts by one column; hits that tie with the last one on it are sorted by the others here."""
        if not ask.size:
            return []
        first = ask.sort[0]
        depth = ask.offset + ask.size
        found = self._sorted_hits(query, first.field, first.descending, depth)
        if len(ask.sort) == 1:
            return [self._with_sort(address, ask) for _, address in found[ask.offset :]]
        if len(found) == depth:
            last = found[-1][0]
            deeper = self._sorted_hits(query, first.field, first.descending, DEEPEST_RESULT)
            found = found + [each for each in deeper[depth:] if each[0] == last]
        hits = [self._with_sort(address, ask) for _, address in found]
        for place in reversed(range(len(ask.sort))):
            hits.sort(key=lambda hit: _comparable(hit.sort[place]), reverse=ask.sort[place].descending)
        return hits[ask.offset : depth]

    def _sorted_hits(self, query: Query, name: str, descending: bool, limit: int) -> list[tuple[Any, Any]]:
        order = tantivy.Order.Desc if descending else tantivy.Order.Asc
        result = self._searcher.search(query, limit, count=False, order_by_field=_SORT_FIELDS[name], order=order)
        return list(result.hits)

    def _hit(self, address: tantivy.DocAddress, score: float | None) -> DslHit:
        stored = self._searcher.doc(address)
        return DslHit(stored_id(stored), score, stored_bytes(stored, "source"))

    def _with_sort(self, address: tantivy.DocAddress, ask: DslQuery) -> DslHit:
        hit = self._hit(address, None)
        source = msgspec.json.decode(hit.source)
        return msgspec.structs.replace(
            hit, sort=tuple(_sort_value(key.field, source.get(key.field)) for key in ask.sort)
        )

    def _aggregated(self, query: Query, ask: TermsAggregation | RangeAggregation) -> AggregationAnswer:
        if isinstance(ask, RangeAggregation):
            return AggregationAnswer(ask.name, "range", tuple(self._range_buckets(query, ask)))
        request = {"terms": {"field": _TERMS_FIELDS[ask.field], "size": ask.size + _SPARE_BUCKETS}}
        answer = self._searcher.aggregate(query, {"found": request})["found"]
        buckets = [Bucket(self._bucket_key(ask.field, each["key"]), each["doc_count"]) for each in answer["buckets"]]
        buckets.sort(key=lambda bucket: (-bucket.count, _comparable(bucket.key)))
        rest = sum(bucket.count for bucket in buckets[ask.size :]) + answer["sum_other_doc_count"]
        return AggregationAnswer(ask.name, "terms", tuple(buckets[: ask.size]), rest)

    def _bucket_key(self, name: str, key: Any) -> Value:
        if name == "category":
            return str(key).split("\x1f")[1]
        if name == "in_stock":
            return bool(key == "true")
        if name in ("price", "rating_count", "published_at"):
            scale = {"price": self._minor_per_major, "published_at": 1000}.get(name, 1)
            exact = Fraction(int(key), scale)
            return exact.numerator if exact.denominator == 1 else float(exact)
        return key if isinstance(key, str | int | float) else str(key)

    def _range_buckets(self, query: Query, ask: RangeAggregation) -> list[Bucket]:
        buckets = []
        for each in ask.ranges:
            inside = Query.const_score_query(self._range(Range(ask.field, gte=each.start, lt=each.end)), 0.0)
            both = Query.boolean_query([(MUST, query), (MUST, inside)])
            count = count_of(self._searcher, both)
            buckets.append(Bucket(each.key, count, each.start, each.end))
        return sorted(buckets, key=lambda bucket: (bucket.start or -math.inf, bucket.end or math.inf))


def _sort_value(name: str, value: Any) -> Value | None:
    if name == "published_at":
        return epoch_microseconds(datetime.fromisoformat(value)) // 1000
    if isinstance(value, list):
        return value[0] if value else None
    if isinstance(value, str) and DSL_FIELDS[name] == "keyword":
        return keyword_of(value)
    return value if isinstance(value, str | int | float | bool) else None


def _comparable(value: Value | None) -> tuple[bool, float, str]:
    if isinstance(value, str):
        return False, 0.0, value
    return (value is None, float(value or 0), "")
