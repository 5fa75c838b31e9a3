"""The Elasticsearch query DSL subset: a body parsed into the port's tree, or every fault in it named."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from haat.ports.text_search import (
    DEEPEST_RESULT,
    DSL_FIELDS,
    Bool,
    Clause,
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
    Value,
)

MOST_CLAUSES: Final = 256
MOST_TERMS: Final = 1024
MOST_BUCKETS: Final = 1000
MOST_SIZE: Final = 1000
DEEPEST_NESTING: Final = 16
LONGEST_TEXT: Final = 1024
_KEYWORD_SUFFIX: Final = ".keyword"
_BOOL_PARTS: Final = ("must", "should", "must_not", "filter")


class Fault(Struct, frozen=True):
    """What is wrong at a JSON pointer of the body."""

    pointer: str
    code: str
    detail: str


class _Refused(Exception):
    """Unwinds to the nearest clause; its fault is already noted."""


def parse(body: object) -> DslQuery | list[Fault]:
    """The whole body is read even after a fault, so that all of them are told at once."""
    parser = _Parser()
    query = parser.body(body)
    return query if query is not None and not parser.faults else parser.faults


def _pointer(parent: str, name: str | int) -> str:
    return f"{parent}/{str(name).replace('~', '~0').replace('/', '~1')}"


class _Parser:
    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._clauses = 0

    def body(self, body: object) -> DslQuery | None:
        if not isinstance(body, dict):
            self._note("", "invalid_type", "the body must be an object")
            return None
        if "aggs" in body and "aggregations" in body:
            self._note("/aggregations", "duplicate", "aggs and aggregations are the same: give one")
        self._unknown("", body, ("query", "sort", "from", "size", "aggs", "aggregations"))
        query = self._tried(self._clause, "/query", body["query"], 0) if "query" in body else None
        offset = self._whole("/from", body.get("from", 0), DEEPEST_RESULT)
        size = self._whole("/size", body.get("size", 10), MOST_SIZE)
        if offset + size > DEEPEST_RESULT:
            self._note("/from", "too_deep", f"from + size must be at most {DEEPEST_RESULT}")
        name = "aggs" if "aggs" in body else "aggregations"
        return DslQuery(
            query=query,
            sort=self._sort("/sort", body.get("sort", [])),
            offset=offset,
            size=size,
            aggregations=self._aggregations(f"/{name}", body.get(name, {})),
        )

    def _note(self, pointer: str, code: str, detail: str) -> None:
        self.faults.append(Fault(pointer, code, detail))

    def _refuse(self, pointer: str, code: str, detail: str) -> _Refused:
        self._note(pointer, code, detail)
        return _Refused()

    def _tried(self, read: Callable[..., Any], *arguments: object) -> Any:
        try:
            return read(*arguments)
        except _Refused:
            return None

    def _unknown(self, pointer: str, given: dict[str, Any], known: Sequence[str]) -> None:
        for name in given:
            if name not in known:
                detail = f"{name} is not supported here; known: {', '.join(known)}"
                self._note(_pointer(pointer, name), "unsupported", detail)

    def _object(self, pointer: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._refuse(pointer, "invalid_type", "must be an object")
        return value

    def _one_entry(self, pointer: str, value: object) -> tuple[str, Any]:
        entries = self._object(pointer, value)
        if len(entries) != 1:
            raise self._refuse(pointer, "invalid", f"must have exactly one entry, not: {', '.join(map(str, entries))}")
        return next(iter(entries.items()))

    def _whole(self, pointer: str, value: object, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            self._note(pointer, "invalid", f"must be a whole number from 0 to {most}")
            return 0
        return value

    def _boost(self, pointer: str, given: dict[str, Any]) -> float:
        boost = given.get("boost", 1.0)
        if isinstance(boost, bool) or not isinstance(boost, int | float) or not 0 <= boost <= 1e6:
            raise self._refuse(_pointer(pointer, "boost"), "invalid", "must be a number from 0 up")
        return float(boost)

    def _field(self, pointer: str, name: object, wanted: str = "") -> str:
        """`wanted` says which kinds will do: "" any, "exact" all but text, "ordered" numbers, prices, dates."""
        if not isinstance(name, str):
            raise self._refuse(pointer, "invalid_type", "must be the name of a field")
        bare = name.removesuffix(_KEYWORD_SUFFIX)
        kind = DSL_FIELDS.get(bare)
        if kind is None or (bare != name and kind != "keyword"):
            raise self._refuse(pointer, "unknown_field", f"{name} is not one of {', '.join(DSL_FIELDS)}")
        if (wanted and kind == "text") or (wanted == "ordered" and kind in ("keyword", "boolean")):
            raise self._refuse(pointer, "unsupported_field", f"{name} is a {kind} field, which cannot be used so")
        return bare

    def _text(self, pointer: str, value: object) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str | int | float) or len(str(value)) > LONGEST_TEXT:
            raise self._refuse(pointer, "invalid", f"must be a text of at most {LONGEST_TEXT} letters")
        return str(value)

    def _value(self, pointer: str, name: str, value: object) -> Value:
        """The value in the type of the field; numbers may come as text, as Elasticsearch allows."""
        kind = DSL_FIELDS[name]
        if kind in ("number", "price"):
            return self._number(pointer, value)
        if kind == "boolean":
            known = {True: True, False: False, "true": True, "false": False}
            if not isinstance(value, bool | str) or value not in known:
                raise self._refuse(pointer, "invalid", "must be true or false")
            return known[value]
        text = self._text(pointer, value)
        if kind == "date":
            return self._date(pointer, text)
        return text

    def _number(self, pointer: str, value: object) -> int | float:
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            try:
                number = float(value) if not isinstance(value, int) else value
            except ValueError:
                number = math.nan
            # So asked, neither what is no number nor a whole one beyond every float is let in.
            if -1e12 <= number <= 1e12:
                return number
        raise self._refuse(pointer, "invalid", "must be a number")

    def _date(self, pointer: str, text: str) -> str:
        try:
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            raise self._refuse(pointer, "invalid", "must be an RFC 3339 date or time") from None

    def _clause(self, pointer: str, value: object, depth: int) -> Clause:
        self._clauses += 1
        if self._clauses > MOST_CLAUSES or depth > DEEPEST_NESTING:
            raise self._refuse(pointer, "too_complex", f"at most {MOST_CLAUSES} clauses, {DEEPEST_NESTING} deep")
        name, inner = self._one_entry(pointer, value)
        here = _pointer(pointer, name)
        if name == "bool":
            return self._bool(here, inner, depth)
        readers: dict[str, Callable[[str, object], Clause]] = {
            "match": self._match,
            "multi_match": self._multi_match,
            "term": self._term,
            "terms": self._terms,
            "range": self._range,
            "exists": self._exists,
        }
        if name not in readers:
            known = ", ".join([*readers, "bool"])
            raise self._refuse(here, "unsupported", f"{name} is not supported; known: {known}")
        return readers[name](here, inner)

    def _operator(self, pointer: str, given: dict[str, Any]) -> Any:
        operator = str(given.get("operator", "or")).lower()
        if operator not in ("or", "and"):
            raise self._refuse(_pointer(pointer, "operator"), "invalid", "must be or, or and")
        return operator

    def _match(self, pointer: str, value: object) -> Clause:
        name, inner = self._one_entry(pointer, value)
        here = _pointer(pointer, name)
        field = self._field(here, name)
        if not isinstance(inner, dict):
            return self._match_or_term(here, field, inner, "or", 1.0)
        self._unknown(here, inner, ("query", "operator", "boost"))
        operator, boost = self._operator(here, inner), self._boost(here, inner)
        return self._match_or_term(_pointer(here, "query"), field, inner.get("query"), operator, boost)

    def _match_or_term(self, pointer: str, field: str, value: object, operator: Any, boost: float) -> Clause:
        """Fields without words are matched by their value."""
        if DSL_FIELDS[field] not in ("text", "keyword"):
            return Term(field, self._value(pointer, field, value), boost)
        return Match(((field, 1.0),), self._text(pointer, value), operator, boost)

    def _multi_match(self, pointer: str, value: object) -> Clause:
        given = self._object(pointer, value)
        self._unknown(pointer, given, ("query", "fields", "operator", "boost", "type"))
        if given.get("type", "best_fields") != "best_fields":
            self._note(_pointer(pointer, "type"), "unsupported", "only best_fields is supported")
        here = _pointer(pointer, "fields")
        names = given.get("fields")
        if not isinstance(names, list) or not names or len(names) > len(DSL_FIELDS) * 2:
            raise self._refuse(here, "invalid", "must be a list of fields")
        fields = [self._tried(self._boosted_field, _pointer(here, at), name) for at, name in enumerate(names)]
        text = self._text(_pointer(pointer, "query"), given.get("query"))
        operator, boost = self._operator(pointer, given), self._boost(pointer, given)
        return Match(tuple(field for field in fields if field), text, operator, boost)

    def _boosted_field(self, pointer: str, value: object) -> tuple[str, float]:
        if not isinstance(value, str):
            raise self._refuse(pointer, "invalid_type", "must be the name of a field")
        name, _, boost = value.partition("^")
        field = self._field(pointer, name)
        if DSL_FIELDS[field] not in ("text", "keyword"):
            raise self._refuse(pointer, "unsupported_field", f"{name} has no words to match")
        number = float(self._number(pointer, boost)) if boost else 1.0
        if number < 0:
            raise self._refuse(pointer, "invalid", "a boost must not be negative")
        return field, number

    def _term(self, pointer: str, value: object) -> Clause:
        name, inner = self._one_entry(pointer, value)
        here = _pointer(pointer, name)
        field = self._field(here, name)
        if not isinstance(inner, dict):
            return Term(field, self._value(here, field, inner))
        self._unknown(here, inner, ("value", "boost"))
        boost = self._boost(here, inner)
        return Term(field, self._value(_pointer(here, "value"), field, inner.get("value")), boost)

    def _terms(self, pointer: str, value: object) -> Clause:
        given = dict(self._object(pointer, value))
        boost = self._boost(pointer, given)
        given.pop("boost", None)
        name, values = self._one_entry(pointer, given)
        here = _pointer(pointer, name)
        field = self._field(here, name)
        if not isinstance(values, list) or len(values) > MOST_TERMS:
            raise self._refuse(here, "invalid", f"must be a list of at most {MOST_TERMS} values")
        read = [self._tried(self._value, _pointer(here, at), field, each) for at, each in enumerate(values)]
        return Terms(field, tuple(each for each in read if each is not None), boost)

    def _range(self, pointer: str, value: object) -> Clause:
        name, inner = self._one_entry(pointer, value)
        here = _pointer(pointer, name)
        field = self._field(here, name, "ordered")
        given = self._object(here, inner)
        sides = ("gte", "gt", "lte", "lt")
        self._unknown(here, given, (*sides, "boost"))
        for left, right in (("gte", "gt"), ("lte", "lt")):
            if left in given and right in given:
                self._note(_pointer(here, right), "duplicate", f"give {left} or {right}, not both")
        bounds = {
            side: self._tried(self._value, _pointer(here, side), field, given[side])
            for side in sides
            if given.get(side) is not None
        }
        return Range(field, **bounds, boost=self._boost(here, given))

    def _exists(self, pointer: str, value: object) -> Clause:
        given = self._object(pointer, value)
        self._unknown(pointer, given, ("field", "boost"))
        field = self._field(_pointer(pointer, "field"), given.get("field"))
        return Exists(field, self._boost(pointer, given))

    def _bool(self, pointer: str, value: object, depth: int) -> Clause:
        given = self._object(pointer, value)
        self._unknown(pointer, given, (*_BOOL_PARTS, "minimum_should_match", "boost"))
        parts = {part: self._clauses_of(_pointer(pointer, part), given.get(part, []), depth) for part in _BOOL_PARTS}
        least = given.get("minimum_should_match")
        if least is not None:
            least = self._whole(_pointer(pointer, "minimum_should_match"), least, MOST_CLAUSES)
        return Bool(**parts, minimum_should_match=least, boost=self._boost(pointer, given))

    def _clauses_of(self, pointer: str, value: object, depth: int) -> tuple[Clause, ...]:
        if isinstance(value, dict):
            read = [self._tried(self._clause, pointer, value, depth + 1)]
        elif isinstance(value, list):
            read = [self._tried(self._clause, _pointer(pointer, at), each, depth + 1) for at, each in enumerate(value)]
        else:
            self._note(pointer, "invalid_type", "must be a clause or a list of clauses")
            read = []
        return tuple(clause for clause in read if clause is not None)

    def _sort(self, pointer: str, value: object) -> tuple[SortKey, ...]:
        listed = value if isinstance(value, list) else [value]
        keys = [
            self._tried(self._sort_key, _pointer(pointer, at) if listed is value else pointer, each, at)
            for at, each in enumerate(listed)
        ]
        return tuple(key for key in keys if key)

    def _sort_key(self, pointer: str, value: object, at: int) -> SortKey:
        name, order = (value, None) if isinstance(value, str) else self._one_entry(pointer, value)
        here = pointer if order is None else _pointer(pointer, name)
        if isinstance(order, dict):
            self._unknown(here, order, ("order",))
            here, order = _pointer(here, "order"), order.get("order")
        if order is None:
            order = "desc" if name == "_score" else "asc"
        if order not in ("asc", "desc"):
            raise self._refuse(here, "invalid", "must be asc or desc")
        if name == "_score":
            if at or order == "asc":
                raise self._refuse(here, "unsupported", "_score sorts first and descending, or not at all")
            return SortKey("_score", True)
        return SortKey(self._field(here, name, "exact"), order == "desc")

    def _aggregations(self, pointer: str, value: object) -> tuple[TermsAggregation | RangeAggregation, ...]:
        if not isinstance(value, dict):
            self._note(pointer, "invalid_type", "must be an object")
            return ()
        read = [self._tried(self._aggregation, _pointer(pointer, name), name, inner) for name, inner in value.items()]
        return tuple(each for each in read if each)

    def _aggregation(self, pointer: str, name: str, value: object) -> TermsAggregation | RangeAggregation:
        kind, inner = self._one_entry(pointer, value)
        here = _pointer(pointer, kind)
        if kind not in ("terms", "range"):
            raise self._refuse(here, "unsupported", f"{kind} is not supported; known: terms, range")
        given = self._object(here, inner)
        self._unknown(here, given, ("field", "size") if kind == "terms" else ("field", "ranges"))
        if kind == "terms":
            field = self._field(_pointer(here, "field"), given.get("field"), "exact")
            return TermsAggregation(
                name, field, self._whole(_pointer(here, "size"), given.get("size", 10), MOST_BUCKETS)
            )
        field = self._field(_pointer(here, "field"), given.get("field"), "ordered")
        if DSL_FIELDS[field] == "date":
            raise self._refuse(_pointer(here, "field"), "unsupported_field", "ranges are of numbers and prices")
        ranges = given.get("ranges")
        if not isinstance(ranges, list) or not 0 < len(ranges) <= MOST_BUCKETS:
            raise self._refuse(_pointer(here, "ranges"), "invalid", "must be a list of ranges")
        at_ranges = _pointer(here, "ranges")
        buckets = [self._tried(self._bucket, _pointer(at_ranges, at), each) for at, each in enumerate(ranges)]
        return RangeAggregation(name, field, tuple(bucket for bucket in buckets if bucket))

    def _bucket(self, pointer: str, value: object) -> RangeBucket:
        given = self._object(pointer, value)
        self._unknown(pointer, given, ("key", "from", "to"))
        start, end = (
            None if given.get(side) is None else float(self._number(_pointer(pointer, side), given[side]))
            for side in ("from", "to")
        )
        key = given.get("key", f"{'*' if start is None else start}-{'*' if end is None else end}")
        return RangeBucket(self._text(_pointer(pointer, "key"), key), start, end)
