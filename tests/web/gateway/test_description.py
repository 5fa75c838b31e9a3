"""The description of the whole API says everything a client must know of each call."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from haat.processes import gateway_app
from haat.settings import Settings
from haat.web.gateway.description import METHODS, TAGS, describe

# The design's list of calls (docs: the public API, version 1), as path and method.
PROMISED = """
POST /v1/users · POST /v1/sessions · POST /v1/sessions/refresh · GET /v1/sessions · DELETE /v1/sessions/current
DELETE /v1/sessions/{} · GET /v1/users/me · PATCH /v1/users/me · GET /v1/users/me/addresses · GET /.well-known/jwks.json
GET /v1/products · GET /v1/products/{} · GET /v1/categories · GET /v1/products/{}/reviews · POST /v1/products/{}/reviews
POST /v1/products · PATCH /v1/products/{} · DELETE /v1/products/{} · POST /v1/imports · GET /v1/imports/{}
GET /v1/exports/products · GET /v1/search · GET /v1/search/suggest · POST /v1/search · POST /v1/events
GET /v1/recommendations · GET /v1/cart · POST /v1/cart/items · PATCH /v1/cart/items/{} · DELETE /v1/cart/items/{}
POST /v1/checkouts · PATCH /v1/checkouts/{} · GET /v1/checkouts/{} · POST /v1/checkouts/{}/cancel
POST /v1/checkouts/{}/complete · GET /v1/payment-methods · DELETE /v1/payment-methods/{} · GET /v1/payments/{}
POST /v1/webhooks/payments/{} · POST /v1/webhooks/carriers/{} · GET /v1/orders · GET /v1/orders/{}
POST /v1/orders/{}/cancel · POST /v1/orders/{}/returns · POST /v1/orders/{}/shipments · POST /v1/orders/{}/captures
POST /v1/orders/{}/refunds · POST /v1/returns/{}/receive · GET /v1/inventory/{} · GET /v1/inventory/{}/events
POST /v1/inventory/{}/adjustments · GET /v1/inventory/alerts · GET /v1/fraud/reviews
POST /v1/fraud/reviews/{}/decision · GET /v1/config · POST /v1/tokens · POST /sandbox/clock · GET /sandbox/books
GET /healthz · GET /readyz · GET /metrics
"""


@pytest.fixture(scope="module")
def application() -> Litestar:
    """Nothing is started for it."""
    front: Any = gateway_app(
        Settings(environment="test", database_url="postgresql://nowhere/none", service_secret="s" * 40)
    )
    app: Litestar = front.application
    return app


@pytest.fixture(scope="module")
def document(application: Litestar) -> dict[str, Any]:
    return describe(application)


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By `METHOD /path`."""
    return {
        f"{method.upper()} {path}": item[method]
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }


def test_every_promised_call_is_described(operations: dict[str, Any]):
    described = {re.sub(r"\{\w+\}", "{}", label) for label in operations}
    promised = {label.strip() for label in re.split(r"[·\n]", PROMISED) if label.strip()}
    assert sorted(promised - described) == []


def test_card_details_are_described_to_go_to_the_vaults_own_origin():
    settings = Settings(
        environment="test",
        database_url="postgresql://nowhere/none",
        service_secret="s" * 40,
        vault_public_url="https://vault.example",
    )
    front: Any = gateway_app(settings)
    path = describe(front.application)["paths"]["/v1/tokens"]
    assert [server["url"] for server in path["servers"]] == ["https://vault.example"]
    body = path["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert (list(body), list(path["post"]["responses"])) == (
        ["number", "exp_month", "exp_year", "cvc", "name"],
        ["201", "400", "413", "415", "422", "429", "500", "503"],
    )


def test_nothing_of_the_sandbox_is_described_in_production_settings():
    settings = Settings(environment="production", database_url="postgresql://nowhere/none", service_secret="s" * 40)
    front: Any = gateway_app(settings)
    assert [path for path in describe(front.application)["paths"] if "sandbox" in path] == []


def test_every_status_that_a_route_names_is_described(application: Litestar, operations: dict[str, Any]):
    described = {each["operationId"]: set(each["responses"]) for each in operations.values()}
    handlers = {each.handler_name: each for each in handlers_of(application)}
    missing = {name: named_statuses(handlers[name]) - described[name] for name in handlers.keys() & described.keys()}
    assert {name: statuses for name, statuses in missing.items() if statuses} == {}


def handlers_of(application: Litestar) -> Iterator[HTTPRouteHandler]:
    for route in application.routes:
        known = (each for each in getattr(route, "route_handlers", ()) if isinstance(each, HTTPRouteHandler))
        yield from (each for each in known if each.resolve_include_in_schema())


def named_statuses(handler: HTTPRouteHandler) -> set[str]:
    """Every number of a `status_code=` in the source of a handler, either side of a choice."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(handler.fn)))
    given = [each.value for each in ast.walk(tree) if isinstance(each, ast.keyword) and each.arg == "status_code"]
    numbers = [each.value for value in given for each in ast.walk(value) if isinstance(each, ast.Constant)]
    return {str(number) for number in numbers if isinstance(number, int)}


def test_an_answer_that_says_wait_shows_what_to_do(operations: dict[str, Any]):
    shown = operations["POST /v1/checkouts/{checkout_id}/complete"]["responses"]
    examples = {status: shown[status]["content"]["application/json"]["example"] for status in ("200", "202")}
    assert {status: (each["status"], each["action"] is None) for status, each in examples.items()} == {
        "200": ("completed", True),
        "202": ("requires_action", False),
    }


def test_no_two_paths_are_the_same_but_for_a_name(document: dict[str, Any]):
    paths = Counter(re.sub(r"\{\w+\}", "{}", path) for path in document["paths"])
    assert [path for path, count in paths.items() if count > 1] == []


def test_things_of_one_name_are_told_apart(operations: dict[str, Any]):
    calls = ("GET /v1/products/{product_id}/reviews", "GET /v1/fraud/reviews")
    given = [operations[each]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"] for each in calls]
    assert [each.rpartition("/")[2] for each in given] == ["CatalogReviewPage", "FraudReviewPage"]


def test_operation_ids_are_unique(operations: dict[str, Any]):
    ids = Counter(operation["operationId"] for operation in operations.values())
    assert [name for name, count in ids.items() if count > 1] == []


@pytest.mark.parametrize("member", ["summary", "description", "tags", "operationId"])
def test_every_call_is_explained(operations: dict[str, Any], member: str):
    assert [label for label, operation in operations.items() if not operation.get(member)] == []


def test_every_tag_is_explained(operations: dict[str, Any]):
    used = {tag for operation in operations.values() for tag in operation["tags"]}
    assert sorted(used - TAGS.keys()) == []


def test_every_call_says_who_may_make_it(operations: dict[str, Any]):
    assert [label for label, operation in operations.items() if "security" not in operation] == []


def test_every_reference_leads_somewhere(document: dict[str, Any]):
    import msgspec

    text = msgspec.json.encode(document).decode()
    references = set(re.findall(r'"\$ref":"#/components/(\w+)/([^"]+)"', text))
    assert [each for each in references if each[1] not in document["components"][each[0]]] == []


def test_names_of_schemas_are_for_people(document: dict[str, Any]):
    assert [name for name in document["components"]["schemas"] if "." in name or name.endswith("_")] == []


# Without a key: what changes nothing, what must not be stored, and what knows its repetitions by itself.
KEYLESS = """
POST /v1/search · POST /v1/gift-cards/balance
POST /v1/sessions · POST /v1/sessions/refresh
POST /v1/tokens · POST /sandbox/clock
POST /v1/events · POST /v1/webhooks/payments/{provider} · POST /v1/webhooks/carriers/{carrier}
"""


def test_every_post_that_has_an_effect_takes_a_key(operations: dict[str, Any]):
    posts = {label: each for label, each in operations.items() if label.startswith("POST ")}
    named = {label: [one["name"] for one in each.get("parameters", ())] for label, each in posts.items()}
    without = {label for label, names in named.items() if "Idempotency-Key" not in names}
    assert without == {label.strip() for label in re.split(r"[·\n]", KEYLESS) if label.strip()}


def test_a_call_with_a_key_may_find_the_first_under_way(operations: dict[str, Any]):
    keyed = [
        (label, each)
        for label, each in operations.items()
        if "Idempotency-Key" in [one["name"] for one in each.get("parameters", ())]
    ]
    assert [label for label, each in keyed if "409" not in each["responses"]] == []


@pytest.mark.parametrize(
    "label", ["POST /v1/checkouts/{checkout_id}/complete", "POST /v1/orders/{order_id}/refunds", "POST /v1/cart/items"]
)
def test_calls_with_an_effect_take_a_key(operations: dict[str, Any], label: str):
    keys = [each["required"] for each in operations[label]["parameters"] if each["name"] == "Idempotency-Key"]
    assert keys == [label != "POST /v1/cart/items"]


def test_every_example_is_one_that_its_schema_allows(document: dict[str, Any], operations: dict[str, Any]):
    shown = {f"{label} {each}": media for label, told in operations.items() for each, media in examples_of(told)}
    components = {"components": document["components"]}
    refused = {
        where: error.message
        for where, media in shown.items()
        for error in Draft202012Validator({**media["schema"], **components}).iter_errors(media["example"])
    }
    assert (refused, len(shown) > 100) == ({}, True)


def examples_of(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    contents = {"body": operation.get("requestBody", {}), **operation["responses"]}
    for where, told in contents.items():
        media = told.get("content", {}).get("application/json", {})
        if "example" in media:
            yield where, media


ADDRESS = {"name": "Asha", "line1": "1 Road", "city": "Pune", "region": "MH", "postal_code": "411001"}
VARIANT = {"sku": "CUP-1", "price": {"amount": 14_900}}
PRODUCT = {"title": "Clay cup", "category": "kitchen", "variants": [VARIANT]}


@pytest.mark.parametrize(
    ("label", "body"),
    [
        ("POST /v1/cart/items", {"variant_id": "var_1", "quantity": 1, "price": 1}),
        ("POST /v1/checkouts", {"shipping_address": {**ADDRESS, "planet": "Mars"}}),
        ("POST /v1/checkouts", {"shipping_address": ADDRESS, "coupon_codes": [""]}),
        ("POST /v1/checkouts/{checkout_id}/complete", {"payment": {"method": "cod", "gift_cards": ["short"]}}),
        ("POST /v1/checkouts/{checkout_id}/complete", {"payment": {"method": "cod", "amount": 1}}),
        ("POST /v1/parked-checkouts/go-on", {"attempt_ids": ["x" * 101]}),
        ("POST /v1/products", {**PRODUCT, "attributes": {"": 1}}),
        ("POST /v1/products", {**PRODUCT, "attributes": {"power": 2**53}}),
        ("POST /v1/products", {**PRODUCT, "attributes": {str(number): number for number in range(101)}}),
        ("POST /v1/products", {**PRODUCT, "variants": [{**VARIANT, "options": {"size": "x" * 121}}]}),
        ("POST /v1/products", {**PRODUCT, "variants": [{**VARIANT, "price": {"amount": 2**63}}]}),
        ("POST /v1/products", {**PRODUCT, "variants": [{**VARIANT, "price": {"amount": 1, "currency": "RUPEES"}}]}),
        ("POST /v1/search", {"knn": {}}),
        ("POST /v1/search", {"size": 1_001}),
    ],
)
def test_what_is_refused_is_described_as_refused(
    document: dict[str, Any], operations: dict[str, Any], label: str, body: Any
):
    schema = operations[label]["requestBody"]["content"]["application/json"]["schema"]
    assert not Draft202012Validator({**schema, "components": document["components"]}).is_valid(body)


@pytest.mark.parametrize(
    ("label", "name", "value"),
    [("GET /v1/search", "price_min", -1), ("GET /v1/search", "brand", ["x" * 121])],
)
def test_a_parameter_that_is_refused_is_described_as_refused(
    operations: dict[str, Any], label: str, name: str, value: Any
):
    schemas = {each["name"]: each["schema"] for each in operations[label]["parameters"]}
    assert not Draft202012Validator(schemas[name]).is_valid(value)


def test_a_parameter_that_may_be_left_out_may_be_empty(operations: dict[str, Any]):
    told = {each["name"]: each.get("allowEmptyValue", False) for each in operations["GET /v1/products"]["parameters"]}
    needed = {
        each["name"]: each.get("allowEmptyValue", False) for each in operations["GET /v1/recommendations"]["parameters"]
    }
    assert told == {"category": True, "cursor": True, "limit": True, "status": True, "If-None-Match": False}
    assert (needed["kind"], needed["product_id"]) == (False, True)


@pytest.mark.parametrize(
    ("label", "required"), [("POST /v1/orders/{order_id}/cancel", False), ("POST /v1/orders/{order_id}/refunds", True)]
)
def test_a_body_that_may_be_left_out_is_described_so(operations: dict[str, Any], label: str, required: bool):
    assert operations[label]["requestBody"]["required"] is required


@pytest.mark.parametrize("label", ["GET /v1/cart", "POST /v1/cart/items", "POST /v1/checkouts"])
def test_a_guest_may_use_the_cart(operations: dict[str, Any], label: str):
    assert {"guest": []} in operations[label]["security"]
