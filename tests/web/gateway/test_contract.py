"""The whole API against its own description: whatever is asked, no fault of ours and no answer undocumented."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from http.client import HTTPConnection
from typing import Any

import msgspec
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
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

pytestmark = pytest.mark.slow
STAFF = {"email": "contract@haat.example", "password": "an owner of everything"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SEED = 20_261_124
QUIET = hypothesis_settings(
    deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), print_blob=False
)
# Cards go to another origin; ending the session would sign everything after it out.
ELSEWHERE = ("make_token",)
LEFT_OUT = (*ELSEWHERE, "sign_out")


@pytest.fixture(scope="session")
def shop_url(settings: Settings) -> Iterator[str]:
    """The gateway with every service inside, on a port of its own."""
    config = uvicorn.Config(gateway_app(settings), host="127.0.0.1", port=0, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = threading.Event()
    while not server.started and thread.is_alive():
        deadline.wait(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="session")
async def owner(shop_url: str, house: House) -> dict[str, str]:
    """The headers of somebody who may do everything."""
    await house.ask(Identity).ensure_staff(EnsureStaff(**STAFF, name="Owner", roles=["owner"]))
    connection = HTTPConnection(shop_url.removeprefix("http://"))
    connection.request("POST", "/v1/sessions", msgspec.json.encode(STAFF))
    tokens = msgspec.json.decode(connection.getresponse().read())
    return {"Authorization": f"Bearer {tokens['access_token']}"}


@pytest.fixture(scope="session")
async def searchable(shop_url: str, settings: Settings) -> AsyncIterator[None]:
    """The search's background work, once it has built the index."""
    async with working(House(settings, frozenset(SERVICES)), ["search"]):
        async with asyncio.timeout(60):
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


def failures(api: Any, headers: dict[str, str], examples: int) -> dict[str, str]:
    """What was wrong with the first bad answer of each call, by call."""
    found = {}
    for result in api.get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            problem = _first_failure(operation, mode, headers, examples)
            if problem:
                found[f"{operation.label} {mode.value}"] = problem
    return found


def _first_failure(operation: Any, mode: GenerationMode, headers: dict[str, str], examples: int) -> str:
    @hypothesis_settings(parent=QUIET, max_examples=examples)
    @seed(SEED)
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

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


def test_staff_get_documented_answers(api: Any, owner: dict[str, str]):
    assert failures(api.exclude(operation_id=list(LEFT_OUT)), owner, 8) == {}


def test_strangers_get_documented_answers(api: Any):
    assert failures(api.exclude(operation_id=list(ELSEWHERE)), {}, 2) == {}
