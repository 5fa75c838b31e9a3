"""What the engine's binding answers, with the types that its stubs leave out."""

from typing import Any, Final, NamedTuple, cast

import tantivy

PRICES: Final[dict[str, Any]] = {"terms": {"field": "price_step", "size": 100}}


class Tally(NamedTuple):
    """How many documents match, and how many of them lie in each step of the price: exact."""

    products: int
    prices: dict[int, int]


def tally_of(searcher: tantivy.Searcher, query: tantivy.Query) -> Tally:
    """Costs no more than counting alone. Of live products only: others have no price."""
    prices = counts_of(searcher.aggregate(query, {"prices": PRICES})["prices"], 1)
    return Tally(sum(prices.values()), prices)


def counts_of(answer: dict[str, Any], scale: int) -> dict[int, int]:
    """The buckets of an aggregation by terms."""
    return {int(bucket["key"]): bucket["doc_count"] * scale for bucket in answer["buckets"]}


def count_of(searcher: tantivy.Searcher, query: tantivy.Query) -> int:
    """How many documents match: exact."""
    # In the order of a column: otherwise the engine would work out a score for each. The stub forgets `count`.
    return int(getattr(searcher.search(query, 1, count=True, order_by_field="stocked"), "count"))  # noqa: B009


def stored_id(document: tantivy.Document) -> str:
    return cast(str, document.get_first("id"))


def stored_bytes(document: tantivy.Document, field: str) -> bytes:
    return bytes(cast(bytes, document.get_first(field)))
