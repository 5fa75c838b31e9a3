"""Refusals as documents."""

import msgspec

from haat.kit.problem import problem_body


def test_a_fact_never_takes_the_place_of_a_named_member():
    body, _ = problem_body(409, "order_state", "No", "Not now", {"status": "shipped", "available": 3}, "req_1")
    assert msgspec.json.decode(body) == {
        "type": "/problems/order_state",
        "title": "No",
        "status": 409,
        "detail": "Not now",
        "code": "order_state",
        "request_id": "req_1",
        "errors": [],
        "available": 3,
    }
