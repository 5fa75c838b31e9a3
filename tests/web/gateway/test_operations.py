"""Health, readiness, metrics, configuration, and doors that are shut in production settings."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from haat.compose import House
from haat.contracts.identity import Identity
from haat.processes import checks, gateway_app
from haat.settings import Settings
from haat.web.gateway import operations
from haat.web.gateway.app import gateway
from tests.conftest import whole_house

# Nothing listens there.
NOWHERE = "http://127.0.0.1:9"
Visit = Callable[..., httpx.AsyncClient]


@pytest.fixture(scope="module")
def visit() -> Visit:
    """The whole gateway under settings of one's choice; nothing is started, and its database is away."""
    away = {"database_url": "postgresql://127.0.0.1:9/none", "service_secret": "s" * 40, "environment": "test"}

    @cache
    def opened(**chosen: Any) -> httpx.AsyncClient:
        app: Any = gateway_app(Settings(**{**away, **chosen}))
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")

    return opened


@pytest.fixture(scope="module")
async def lame(settings: Settings) -> AsyncIterator[House]:
    """A started house whose payment provider is away."""
    async with whole_house(settings.model_copy(update={"provider_url": NOWHERE})) as built:
        yield built


async def test_whoever_answers_is_alive(visit: Visit):
    answer = await visit().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_without_its_database_a_process_is_not_ready(visit: Visit):
    answer = await visit().get("/readyz")
    told = answer.json()
    assert (answer.status_code, answer.headers["Retry-After"], told["status"]) == (503, "2", "degraded")
    assert (list(told["parts"]), told["parts"]["database"] == "ok") == (["database"], False)


async def test_without_its_provider_a_process_is_ready_and_says_what_is_degraded(lame: House):
    app: Any = gateway(operations.ROUTES, {"identity": lame.ask(Identity)}, {"checks": checks(lame)})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        answer = await client.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["status"], told["parts"].pop("database")) == (200, "degraded", "ok")
    assert told["parts"] == {"provider": "What is behind this address does not answer at the moment"}


async def test_where_the_database_lies_is_told_to_nobody(lame: House):
    async def away() -> None:
        raise ConnectionRefusedError("Connect call failed ('10.1.2.3', 5432) for role haat_orders")

    app: Any = gateway(operations.ROUTES, {"identity": lame.ask(Identity)}, {"checks": {"database": away}})
    with capture_logs() as logged:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
            answer = await client.get("/readyz")
    assert answer.json()["parts"] == {"database": "ConnectionRefusedError"}
    assert [each["error"] for each in logged] == ["Connect call failed ('10.1.2.3', 5432) for role haat_orders"]


async def test_every_neighbour_is_asked_whether_it_is_well(lame: House):
    apart = lame.settings.model_copy(update={"carrier_url": NOWHERE})
    apart.__dict__["neighbours"] = {"inventory": NOWHERE}
    house = House(apart, frozenset(["cart"]))
    assert sorted(checks(house)) == ["carrier", "database", "inventory", "provider"]


async def test_requests_are_counted_by_route_method_and_status(visit: Visit):
    client = visit()
    line = 'haat_http_requests_total{method="GET",route="/v1/config",status="200"} '

    async def counted() -> float:
        answer = await client.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return sum(float(each.removeprefix(line)) for each in answer.text.splitlines() if each.startswith(line))

    before = await counted()
    for _ in range(3):
        await client.get("/v1/config")
    assert await counted() - before == 3


async def test_a_client_is_told_where_the_vault_is_and_what_is_traded_in(visit: Visit):
    answer = await visit(vault_public_url="https://vault.example").get("/v1/config")
    assert answer.json() == {
        "vault_url": "https://vault.example",
        "country": "IN",
        "currency": "INR",
        "locales": ["en-IN"],
        "payment_methods": ["card", "upi", "wallet", "cod"],
    }


async def test_how_much_may_be_asked_is_told_by_default(visit: Visit):
    answer = await visit().get("/v1/config")
    assert answer.headers["RateLimit-Policy"] == '"default";q=600000;w=60'
    assert re.fullmatch(r'"default";r=5999\d\d;t=1', answer.headers["RateLimit"])


@pytest.mark.parametrize("environment", ["production", "test"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/sandbox/clock"), ("GET", "/sandbox/books"), ("GET", "/sandbox/pay/psp_1"), ("POST", "/sandbox/buy")],
)
async def test_production_settings_shut_the_sandboxs_doors(visit: Visit, method: str, path: str, environment: str):
    client = visit(environment=environment, provider_url=NOWHERE, carrier_url=NOWHERE)
    body = {"advance_seconds": 1} if method == "POST" else None
    answer = await client.request(method, path, json=body)
    assert (answer.status_code == 404) == (environment == "production")


async def test_what_a_sandbox_refuses_is_told_as_any_refusal(visit: Visit, house: House):
    client = visit(provider_url=house.settings.provider_url, carrier_url=house.settings.carrier_url)
    answer = await client.get("/sandbox/books?limit=null")
    told = answer.json()
    assert (answer.status_code, told["type"], told["code"]) == (422, "/problems/invalid", "invalid")
    assert (told["request_id"], told["errors"]) == (answer.headers["Request-Id"], [])


async def test_a_part_that_does_not_answer_says_when_to_try_again(visit: Visit):
    answer = await visit(provider_url=NOWHERE).get("/sandbox/books")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "2", "unavailable")
