"""What the search engine found, in the shape in which Elasticsearch answers."""

from typing import Any, Final

import msgspec

from haat.ports.text_search import AggregationAnswer, DslAnswer, DslHit

INDEX_NAME: Final = "products"


def elastic_answer(answer: DslAnswer, took_ms: int) -> dict[str, Any]:
    """`hits.hits[]._source` is ready JSON (`msgspec.Raw`): encode the whole with msgspec."""
    shaped: dict[str, Any] = {
        "took": took_ms,
        "timed_out": False,
        "hits": {
            "total": {"value": answer.total, "relation": "eq"},
            "max_score": answer.max_score,
            "hits": [_hit(hit) for hit in answer.hits],
        },
    }
    if answer.aggregations:
        shaped["aggregations"] = {each.name: _aggregation(each) for each in answer.aggregations}
    return shaped


def _hit(hit: DslHit) -> dict[str, Any]:
    shaped = {"_index": INDEX_NAME, "_id": hit.id, "_score": hit.score, "_source": msgspec.Raw(hit.source)}
    return shaped | {"sort": list(hit.sort)} if hit.sort else shaped


def _aggregation(answer: AggregationAnswer) -> dict[str, Any]:
    if answer.kind == "terms":
        buckets = [_terms_bucket(bucket.key, bucket.count) for bucket in answer.buckets]
        return {
            "doc_count_error_upper_bound": 0,
            "sum_other_doc_count": answer.other_count,
            "buckets": buckets,
        }
    ranges: list[dict[str, Any]] = []
    for bucket in answer.buckets:
        shaped: dict[str, Any] = {"key": bucket.key}
        shaped |= {} if bucket.start is None else {"from": bucket.start}
        shaped |= {} if bucket.end is None else {"to": bucket.end}
        ranges.append(shaped | {"doc_count": bucket.count})
    return {"buckets": ranges}


def _terms_bucket(key: Any, count: int) -> dict[str, Any]:
    if isinstance(key, bool):
        # Elasticsearch keeps truth as a number and spells it beside.
        return {"key": int(key), "key_as_string": str(key).lower(), "doc_count": count}
    return {"key": key, "doc_count": count}
