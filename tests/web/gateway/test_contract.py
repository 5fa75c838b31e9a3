"""The whole API against its own description: whatever is asked, no fault of ours and no answer undocumented."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from haat.background import working
from haat.compose import SERVICES, House
from haat.contracts.identity import EnsureStaff, Identity
from haat.processes import gateway_app
from haat.settings import Settings
from tests.conftest import sandbox

pytestmark = pytest.mark.slow
# HAAT_FUZZ=200 asks each call so many times in each way.
EXAMPLES = int(os.environ.get("HAAT_FUZZ", "20"))
STAFF = {"email": "contract@haat.example", "password": "an owner of everything"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SEED = 20_261_124
QUIET = hypothesis_settings(
    deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), print_blob=False
)
# Cards go to another origin.
ELSEWHERE = ("make_token",)
# The one ends the session of everything after it, the other would end it by an id, the third makes the provider old.
LEFT_OUT = (*ELSEWHERE, "sign_out", "end_session", "move_clock")
EDGES = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "negative_data_rejection", "missing_required_header", "unsupported_method"),
    *("allow_header_conformance", "ignored_auth"),
)
# Any text is a file of CSV, and metrics are no JSON.
NO_EDGES = (*LEFT_OUT, "start_import", "metrics")
ADDRESS = {"name": "Asha", "line1": "1 Road", "city": "Pune", "region": "MH", "postal_code": "411001"}
PRODUCT = {
    "title": "Contract lamp",
    "category": "contract",
    "variants": [{"sku": "CONTRACT-1", "price": {"amount": 900}}],
}


@pytest.fixture(scope="session")
async def outside(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    """A provider and a carrier of its own."""
    data = tmp_path_factory.mktemp("contract")
    async with AsyncExitStack() as stack:
        urls = {
            f"{kind}_url": await stack.enter_async_context(sandbox(kind, data / kind))
            for kind in ("provider", "carrier")
        }
        yield settings.model_copy(update={**urls, "fraud_attempts_per_hour": 0})


@pytest.fixture(scope="session")
def shop_url(outside: Settings) -> Iterator[str]:
    """The gateway with every service inside, on a port of its own."""
    config = uvicorn.Config(gateway_app(outside), host="127.0.0.1", port=0, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = threading.Event()
    while not server.started and thread.is_alive():
        deadline.wait(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(120)


@pytest.fixture(scope="session")
async def owner(shop_url: str, house: House) -> dict[str, str]:
    """The headers of somebody who may do everything."""
    await house.ask(Identity).ensure_staff(EnsureStaff(**STAFF, name="Owner", roles=["owner"]))
    tokens = told(shop_url, "POST", "/v1/sessions", STAFF, {})
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def told(url: str, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
    """The answer's JSON, None when it has none."""
    connection = HTTPConnection(url.removeprefix("http://"))
    connection.request(method, path, msgspec.json.encode(body), {"Idempotency-Key": path, **headers})
    answer = connection.getresponse().read()
    return msgspec.json.decode(answer) if answer else None


@pytest.fixture(scope="session")
def known(shop_url: str, owner: dict[str, str]) -> dict[str, str]:
    """What there is, by the names that requests give it: a fuzzer finds nothing by guessing."""

    def post(path: str, body: Any) -> Any:
        return told(shop_url, "POST", path, body, owner)

    post("/v1/categories", {"slug": "contract", "title": "Contract"})
    product = post("/v1/products", PRODUCT)
    post("/v1/inventory/CONTRACT-1/adjustments", {"quantity": 500, "reason": "bought"})
    wanted = {"product_id": product["id"], "quantity": 2}
    post("/v1/cart/items", wanted)
    bought = post("/v1/checkouts", {"shipping_address": ADDRESS})["id"]
    order = post(f"/v1/checkouts/{bought}/complete", {"payment": {"method": "cod"}})["order"]["id"]
    placed = told(shop_url, "GET", f"/v1/orders/{order}", None, owner)
    post("/v1/coupons", {"code": "CONTRACT", "title": "Ten", "amount_minor": 10})
    cart = told(shop_url, "POST", "/v1/cart/items", wanted, {**owner, "Idempotency-Key": "again"})
    return {
        "product_id": product["id"],
        "variant_id": product["variants"][0]["id"],
        "sku": "CONTRACT-1",
        "category": "contract",
        "location": "main",
        "order_id": order,
        "payment_id": placed["payment"]["id"],
        "item_id": cart["items"][0]["id"],
        "checkout_id": told(
            shop_url, "POST", "/v1/checkouts", {"shipping_address": ADDRESS}, {**owner, "Idempotency-Key": "again"}
        )["id"],
        "code": "CONTRACT",
        "gift_card_id": post("/v1/gift-cards", {"amount": {"amount": 500}})["id"],
        "address_id": post("/v1/users/me/addresses", ADDRESS)["id"],
        "provider": "sandbox",
        "carrier": "sandbox",
        "account": "bank",
    }


def known_instead(value: Any, known: dict[str, str]) -> Any:
    """The same with known things in the places of made-up ones."""
    if isinstance(value, list):
        return [known_instead(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: known[name] if name in known and isinstance(each, str) else known_instead(each, known)
        for name, each in value.items()
    }


@pytest.fixture(scope="session")
async def searchable(shop_url: str, settings: Settings) -> AsyncIterator[None]:
    """The search's background work, once it has built the index."""
    async with working(House(settings, frozenset(SERVICES)), ["search"]):
        async with asyncio.timeout(300):
            while await asyncio.to_thread(_status, f"{shop_url}/v1/search?q=lamp") != 200:  # noqa: ASYNC110 - its own loop
                await asyncio.sleep(0.2)
        yield


def _status(url: str) -> int:
    connection = HTTPConnection(url.split("/")[2])
    connection.request("GET", "/" + url.split("/", 3)[3])
    return connection.getresponse().status


@pytest.fixture(scope="session")
def api(shop_url: str, searchable: None) -> Any:
    return schemathesis.openapi.from_url(f"{shop_url}/openapi.json")


def failures(api: Any, headers: dict[str, str], examples: int, known: dict[str, str]) -> dict[str, str]:
    """What was wrong with the first bad answer of each call, by call."""
    found = {}
    for result in api.get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            problem = _first_failure(operation, mode, headers, examples, known)
            if problem:
                found[f"{operation.label} {mode.value}"] = problem
    return found


def _first_failure(
    operation: Any, mode: GenerationMode, headers: dict[str, str], examples: int, known: dict[str, str]
) -> str:
    @hypothesis_settings(parent=QUIET, max_examples=examples)
    @seed(SEED)
    @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    def call(case: schemathesis.Case, real: bool) -> None:
        if real:
            case.path_parameters = known_instead(case.path_parameters, known)
            case.body = known_instead(case.body, known)
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=120)

    try:
        call()
    except Unsatisfiable:
        # A call without parameters or body cannot be asked wrongly.
        return ""
    except (Exception, BaseExceptionGroup) as error:
        return "\n".join(f"{each}: {getattr(each, 'message', '')}" for each in getattr(error, "exceptions", [error]))[
            :500
        ]
    return ""


def test_staff_get_documented_answers(api: Any, owner: dict[str, str], known: dict[str, str]):
    assert failures(api.exclude(operation_id=list(LEFT_OUT)), owner, EXAMPLES, known) == {}


def test_strangers_get_documented_answers(api: Any, known: dict[str, str]):
    assert failures(api.exclude(operation_id=list(ELSEWHERE)), {}, max(2, EXAMPLES // 4), known) == {}


def test_every_edge_is_where_it_is_described(shop_url: str, searchable: None, owner: dict[str, str], tmp_path: Path):
    """Each limit from both sides, each member left out, each method that is not there."""
    asked = subprocess.run(
        [
            *(
                str(Path(sys.executable).with_name("st")),
                "run",
                f"{shop_url}/openapi.json",
                "--phases",
                "coverage",
                "--checks",
                ",".join(EDGES),
            ),
            *("--seed", str(SEED), "--generation-deterministic", "--no-color"),
            *("--no-shrink", "--request-timeout", "120", "--header", f"Authorization: {owner['Authorization']}"),
            *(part for name in NO_EDGES for part in ("--exclude-operation-id", name)),
        ],
        capture_output=True,
        text=True,
        check=False,
        # Where no configuration of somebody's is found.
        cwd=tmp_path,
    )
    assert asked.returncode == 0, asked.stderr + asked.stdout.partition("= FAILURES =")[2][:5_000]
