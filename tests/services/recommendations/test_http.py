"""`/v1/events` and `/v1/recommendations` as a client meets them."""

from collections.abc import AsyncIterator

import httpx
import pytest

from haat.contracts.identity import AccessToken, Identity, Principal
from haat.contracts.recommendations import Recommender
from haat.kit.clock import now
from haat.kit.message import Nothing, Unauthenticated
from haat.kit.rpc import local
from haat.services.recommendations.http import ROUTES
from haat.web.gateway.app import gateway


class Nobody(Identity):
    """Signs nobody in."""

    async def authenticate(self, ask: AccessToken) -> Principal:
        raise Unauthenticated()


@pytest.fixture
async def http(service) -> AsyncIterator[httpx.AsyncClient]:
    app = gateway(ROUTES, {"identity": Nobody(), "recommendations": local(Recommender, service)}, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


def event(**fields) -> dict:
    given = {"type": "view", "product_id": "prd_a", "at": now().isoformat(), "session_id": "s1", **fields}
    return {name: value for name, value in given.items() if value is not None}


async def test_events_are_accepted(http):
    events = [event(), event(type="search", product_id=None, query="tea"), event(type="rate", value=5)]
    answer = await http.post("/v1/events", json={"events": [*events, event(type="rate")]})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 4})


async def test_faults_of_all_events_are_told_at_once_and_nothing_is_taken(http, service, database):
    events = [event(), event(at="1999-12-31T23:59:59Z"), event(type="search", product_id=None)]
    answer = await http.post("/v1/events", json={"events": events})
    pointers = [each["pointer"] for each in answer.json()["errors"]]
    async with database.connection() as connection:
        kept = await connection.fetchval("SELECT count(*) FROM recommendations.interactions")
    assert (answer.status_code, pointers, kept) == (422, ["/events/1/at", "/events/2/query"], 0)


@pytest.mark.parametrize(
    ("fault", "pointer"),
    [
        ({"type": "dance"}, "/events/0/type"),
        ({"at": "2026-01-01T00:00:00"}, "/events/0/at"),
        ({"at": "soon"}, "/events/0/at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "/events/0/at"),
        ({"at": "9999-12-31T23:59:59-14:00"}, "/events/0/at"),
        ({"session_id": ""}, "/events/0/session_id"),
        ({"session_id": "a\x00b"}, "/events/0/session_id"),
        ({"product_id": None}, "/events/0/product_id"),
        ({"product_id": "x" * 65}, "/events/0/product_id"),
        ({"type": "rate", "value": 6}, "/events/0/value"),
        ({"price": 1}, "/events/0/price"),
    ],
)
async def test_a_faulty_event_is_refused_by_name(http, fault: dict, pointer: str):
    answer = await http.post("/v1/events", json={"events": [event(**fault)]})
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, [pointer])


async def test_more_than_a_hundred_events_are_refused(http):
    assert (await http.post("/v1/events", json={"events": [event()] * 101})).status_code == 422


async def test_recommendations_carry_product_reason_and_model(http, service, shop):
    tea, _ = await shop.sells("Tea", "Other tea")
    await service.train(Nothing())
    answer = (await http.get(f"/v1/recommendations?kind=similar&product_id={tea}&limit=5")).json()
    assert [(each["product"]["title"], each["reason"]) for each in answer["data"]] == [("Other tea", "Similar to Tea")]
    assert answer["model"]["name"] == "default"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("kind=similar", 422),
        ("kind=psychic", 422),
        ("", 422),
        ("kind=trending&limit=0", 422),
        ("kind=trending&limit=101", 422),
        ("kind=similar&product_id=prd_01m85s5xv7er7sgy3cz6h235q0", 404),
        ("kind=similar&product_id=nonsense", 404),
        ("kind=for_you", 200),
        ("kind=for_you&session_id=s1", 200),
    ],
)
async def test_what_is_asked_wrongly_is_refused(http, query: str, status: int):
    assert (await http.get(f"/v1/recommendations?{query}")).status_code == status
