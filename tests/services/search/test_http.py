"""`/v1/search` as a client meets it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from neighbours import Nobody, product

from haat.contracts.catalog import ProductSaved
from haat.contracts.search import Search
from haat.kit.database import Batch
from haat.kit.rpc import local
from haat.services.search.http import ROUTES
from haat.web.gateway.app import gateway


@pytest.fixture
async def http(service) -> AsyncIterator[httpx.AsyncClient]:
    await service.take_saved(
        Batch([ProductSaved(product=product(f"Vayu laptop {rupees}", rupees=rupees)) for rupees in (29_999, 45_000)])
    )
    await service.indexer.flush()
    app = gateway(ROUTES, {"identity": Nobody(), "search": local(Search, service)}, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


async def test_a_search_between_two_prices(http):
    answer = await http.get("/v1/search?q=laptop&price_min=3000000&price_max=6000000")
    found = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert (found["total"], [card["title"] for card in found["data"]]) == (1, ["Vayu laptop 45000"])
    assert found["data"][0]["price"] == {"amount": 4500000, "currency": "INR"}
    assert found["facets"]["category"][0] == {"value": "electronics", "label": "Electronics", "count": 1}


async def test_several_brands_mean_any_of_them(http):
    assert (await http.get("/v1/search?brand=Vayu&brand=Megha")).json()["total"] == 2


async def test_every_fault_of_the_parameters_is_told_at_once(http):
    answer = await http.get("/v1/search?limit=101&price_min=-1&sort=cheapest&in_stock=perhaps&rating_min=six")
    assert answer.status_code == 422
    assert sorted(each["pointer"] for each in answer.json()["errors"]) == [
        "/in_stock",
        "/limit",
        "/price_min",
        "/rating_min",
        "/sort",
    ]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "price_max=99999999999999999999",
        "price_min=1.5",
        f"q={'x' * 201}",
        f"cursor={'x' * 1001}",
        f"category={'x' * 201}",
        f"brand={'x' * 121}",
    ],
)
async def test_a_value_out_of_range_is_422(http, query: str):
    assert (await http.get(f"/v1/search?{query}")).status_code == 422


async def test_a_made_up_cursor_is_400(http):
    answer = await http.get("/v1/search?cursor=made-up")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("q", ["%FF%FE", '"', "*", "a AND (", "+-/\\", "%F0%9F%98%80", "' OR 1=1"])
async def test_any_text_can_be_searched_for(http, q: str):
    assert (await http.get(f"/v1/search?q={q}&category={q}&brand={q}")).status_code == 200


async def test_the_query_language_answers_and_refuses(http):
    found = await http.post("/v1/search", json={"query": {"match": {"name": "laptop"}}, "size": 1})
    refused = await http.post("/v1/search", json={"query": {"regexp": {"name": "l.*"}}})
    assert (found.status_code, found.json()["hits"]["total"]["value"]) == (200, 2)
    assert (refused.status_code, refused.json()["code"], refused.json()["errors"][0]["pointer"]) == (
        422,
        "invalid_query",
        "/query/regexp",
    )


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 422), (b"[" * 100_000, 400), (b"", 400)])
async def test_a_body_that_is_no_query_is_refused(http, body: bytes, status: int):
    answer = await http.post("/v1/search", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
async def test_a_number_of_more_than_64_bits_is_invalid(http, number: int):
    answer = await http.post("/v1/search", json={"query": {"range": {"price": {"gte": number}}}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_suggestions_while_typing(http):
    answer = await http.get("/v1/search/suggest?q=vay&limit=1")
    assert (answer.status_code, len(answer.json()["products"]), answer.json()["queries"]) == (200, 1, ["vayu"])


async def test_the_description_names_what_comes_back(http):
    operation = (await http.get("/docs/openapi.json")).json()["paths"]["/v1/search"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Found"}
    assert [each["name"] for each in operation["parameters"] if each["name"] == "cursor"] == ["cursor"]
