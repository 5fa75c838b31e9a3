"""What was counted is told to the metrics, by itself a moment later."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from haat.web.gateway import counting

LABELS = {"route": "/v1/counted", "method": "GET", "status": "200"}


def told() -> tuple[float, float]:
    counted = REGISTRY.get_sample_value("haat_http_requests_total", LABELS) or 0.0
    timed = REGISTRY.get_sample_value("haat_http_request_seconds_sum", {"route": "/v1/counted"}) or 0.0
    return counted, timed


async def test_requests_are_counted_and_timed_without_being_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counting, "TELL_SECONDS", 0.01)
    counting.tell()
    before = told()
    for seconds in (0.25, 0.5):
        counting.count("/v1/counted", "GET", 200, seconds)
    untold = told()
    async with asyncio.timeout(60):
        while told() == before:  # noqa: ASYNC110 - a timer tells
            await asyncio.sleep(0.01)
    after = told()
    assert (untold, after[0] - before[0], after[1] - before[1]) == (before, 2, 0.75)
