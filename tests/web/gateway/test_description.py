"""The description of the whole API says everything a client must know of each call."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

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
POST /v1/fraud/reviews/{}/decision · GET /v1/config
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Nothing is started for it."""
    front: Any = gateway_app(
        Settings(environment="test", database_url="postgresql://nowhere/none", service_secret="s" * 40)
    )
    return describe(front.application)


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


@pytest.mark.parametrize(
    "label", ["POST /v1/checkouts/{checkout_id}/complete", "POST /v1/orders/{order_id}/refunds", "POST /v1/cart/items"]
)
def test_calls_with_an_effect_take_a_key(operations: dict[str, Any], label: str):
    keys = [each["required"] for each in operations[label]["parameters"] if each["name"] == "Idempotency-Key"]
    assert keys == [label != "POST /v1/cart/items"]


@pytest.mark.parametrize("label", ["GET /v1/cart", "POST /v1/cart/items", "POST /v1/checkouts"])
def test_a_guest_may_use_the_cart(operations: dict[str, Any], label: str):
    assert {"guest": []} in operations[label]["security"]
