"""With a collector named, the processes of a shop tell of one request together, and the worker of its reactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.collector import Collector, collecting
from tests.journeys.client import Client, visiting
from tests.journeys.shops import Shop, running

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]

TRACE, ABOVE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
# Spans are sent in batches, some seconds apart.
SENT_SECONDS = 180


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as listening:
        yield listening


@pytest.fixture(scope="module")
def shop(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("traced")
    with running(folder, ["inventory"], HAAT_OTLP_ENDPOINT=collector.url) as started:
        yield started


@pytest.fixture
async def staff(shop: Shop) -> AsyncIterator[Client]:
    async with visiting(shop) as client:
        await client.sign_in_as_staff()
        yield client


async def test_a_request_is_one_trace_through_the_processes(staff: Client, collector: Collector):
    product = await staff.sell("TRACED", stock=1)
    wanted = {"variant_id": product["variants"][0]["id"], "quantity": 1}
    await staff.call("POST", "/v1/cart/items", wanted, traceparent=f"00-{TRACE}-{ABOVE}-01")
    named = ["gateway", "POST /v1/cart/items"], ["inventory", "inventory.stock_of"]
    both = [
        await asyncio.to_thread(
            collector.until, lambda s, n=each: [s.trace, s.service, s.name] == [TRACE, *n], SENT_SECONDS
        )
        for each in named
    ]
    assert [span.parent for span in both[0]] == [ABOVE]
    assert [span.kind for span in both[1]] == ["SERVER"]


async def test_the_worker_tells_of_its_reactions(staff: Client, collector: Collector):
    await staff.sell("TOLD", stock=1)
    name = "search catalog.ProductSaved"
    found = await asyncio.to_thread(collector.until, lambda span: span.name == name, SENT_SECONDS)
    assert {(span.service, span.kind) for span in found} == {("worker", "CONSUMER")}
