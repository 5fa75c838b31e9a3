"""The public surface is held: a change that breaks a client fails until `make snapshots` renews it on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar

from haat.processes import gateway_app
from haat.settings import Settings
from haat.web.gateway.description import describe
from haat.web.gateway.front import Front
from tests.walls.public_surface import Tree, contracts, removed, surface_of

FOLDER = Path(__file__).parent / "snapshots"


def described() -> Tree:
    """The description of the whole API; nothing is started for it."""
    front = gateway_app(Settings(environment="test", database_url="postgresql://nowhere/none", service_secret="s" * 40))
    assert isinstance(front, Front)
    app: Any = front.application
    assert isinstance(app, Litestar)
    return describe(app)


@pytest.fixture(params=["openapi", "contracts"])
def name_and_surface(request: pytest.FixtureRequest) -> tuple[str, Tree]:
    return request.param, {"openapi": lambda: surface_of(described()), "contracts": contracts}[request.param]()


def test_nothing_that_clients_rely_on_has_changed(name_and_surface: tuple[str, Tree], request: pytest.FixtureRequest):
    name, surface = name_and_surface
    path = FOLDER / f"{name}.json"
    if request.config.getoption("--renew", default=False):
        path.write_bytes(msgspec.json.format(msgspec.json.encode(surface, order="sorted"), indent=1) + b"\n")
    assert list(removed(msgspec.json.decode(path.read_bytes()), surface)) == []


BEFORE: Tree = {
    "paths": {"/v1/a": {"get": {"parameters": {}}}},
    "schemas": {"A": {"required": ["x"], "properties": {"x": {"type": "string"}}}},
}


@pytest.mark.parametrize(
    ("after", "broken"),
    [
        ({**BEFORE, "paths": {}}, ["/paths//v1/a is gone"]),
        ({**BEFORE, "paths": {"/v1/a": {"get": {"parameters": {"query q": {}}}, "post": {}}, "/v1/b": {}}}, []),
        (
            {**BEFORE, "paths": {"/v1/a": {"get": {"parameters": {"query q": {"required": True}}}}}},
            ["/paths//v1/a/get/parameters/query q is new and required"],
        ),
        (
            {**BEFORE, "schemas": {"A": {"required": ["x", "y"], "properties": {"x": {"type": "string"}}}}},
            ["/schemas/A/required: y is required now"],
        ),
        (
            {**BEFORE, "schemas": {"A": {"required": ["x"], "properties": {"x": {"type": "integer"}}}}},
            ["/schemas/A/properties/x/type was string, is integer"],
        ),
        (
            {**BEFORE, "schemas": {"A": {"required": ["x"], "properties": {}}}},
            ["/schemas/A/properties/x is gone"],
        ),
    ],
)
def test_what_breaks_a_client_is_seen(after: Tree, broken: list[str]):
    assert list(removed(BEFORE, after)) == broken


def test_a_message_with_a_new_required_field_breaks_its_callers():
    before = {"cart": {"messages": {"AddItem": {"sku": "str"}}}}
    after = {"cart": {"messages": {"AddItem": {"sku": "str", "at": "datetime", "note": "str = …"}}}}
    assert list(removed(before, after)) == ["/cart/messages/AddItem/at is new and required"]
