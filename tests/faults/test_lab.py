"""What the reckoning sees in the bank's books."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.lab import taken_twice


def _row(key: str, captured: int, refunded: int) -> dict[str, Any]:
    """As the bank tells it; a call that was repeated stands there twice."""
    calls = [{"op": "authorize", "key": key}, {"op": "authorize", "key": key}, {"op": "capture", "key": f"{key}:1"}]
    return {"reference": "chk_a", "captured": captured, "refunded": refunded, "calls": calls}


KEPT = _row("pay_a:authorize", 900, 0)
NEVER_TAKEN = _row("pay_b:authorize", 0, 0)
OTHER_ATTEMPT = _row("pay_b:authorize", 900, 900)
SAME_ATTEMPT = _row("pay_a:authorize:2", 900, 900)


@pytest.mark.parametrize(
    ("books", "again", "wrong"),
    [
        ([KEPT, NEVER_TAKEN], False, []),
        ([KEPT, OTHER_ATTEMPT], False, ["chk_a: money was taken 2 times"]),
        ([KEPT, OTHER_ATTEMPT], True, []),
        ([KEPT, SAME_ATTEMPT], False, ["chk_a: money was taken 2 times"]),
        ([KEPT, OTHER_ATTEMPT, SAME_ATTEMPT], True, ["chk_a pay_a: money was taken 2 times"]),
    ],
    ids=["once", "twice", "another way", "new key", "another way and a new key"],
)
def test_money_that_was_taken_twice_is_seen_though_it_went_back(
    books: list[dict[str, Any]], again: bool, wrong: list[str]
):
    assert taken_twice(books, again) == wrong
