"""What holds the journeys' answers against the description sees what is not in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.documented import Description

JSON = "application/json; charset=utf-8"
THING = {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
DOCUMENT: dict[str, Any] = {
    "paths": {
        "/v1/things/{thing_id}": {"get": {"responses": {"200": THING, "404": {"$ref": "#/components/responses/Gone"}}}},
        "/v1/things/current": {"delete": {"responses": {"204": {"description": ""}}}},
    },
    "components": {
        "schemas": {"Thing": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}},
        "responses": {"Gone": {"description": "", "content": {"application/problem+json": {"schema": {}}}}},
    },
}


@pytest.mark.parametrize(
    ("asked", "answered", "told"),
    [
        ("GET /v1/things/t1", (200, JSON, {"id": "t1"}), []),
        ("GET /v1/things/t1", (202, JSON, {"id": "t1"}), ["GET /v1/things/{thing_id} 202: described are 200, 404"]),
        (
            "GET /v1/things/t1",
            (200, "text/html", "x"),
            ["GET /v1/things/{thing_id} 200: text/html is none of application/json"],
        ),
        ("GET /v1/things/t1", (200, JSON, {}), ['GET /v1/things/{thing_id} 200: [] "id" is a required property']),
        ("GET /v1/things/t1", (404, "application/problem+json", {}), []),
        ("DELETE /v1/things/current", (204, "", None), []),
        ("DELETE /v1/things/t1", (405, "application/problem+json", {}), []),
        ("POST /v1/others", (201, JSON, {}), ["POST /v1/others 201: no such call is described"]),
    ],
)
def test_an_answer_is_described_or_told_of(asked: str, answered: tuple[int, str, Any], told: list[str]):
    method, _, path = asked.partition(" ")
    assert Description(DOCUMENT).faults(method, path, *answered) == told
