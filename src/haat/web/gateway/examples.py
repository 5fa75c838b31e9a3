"""Examples for the API's description, made from the schemas by the names of their fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
# Deep enough for every schema there is; it ends those that hold themselves.
MAX_DEPTH = 16
_BODY = "01jd8z4n3v7c2m9q5x1k6t0hbw"
_AT = "2026-11-24T09:30:00Z"
# What a field of this name holds in a believable shop; a schema's own example, enum or default comes first.
BY_NAME: dict[str, Any] = {
    "email": "asha@example.com",
    "password": "correct horse battery",
    "current_password": "correct horse battery",
    "name": "Asha Rao",
    "line1": "12 MG Road",
    "line2": "2nd floor",
    "city": "Bengaluru",
    "region": "KA",
    "postal_code": "560001",
    "country": "IN",
    "phone": "+919812345678",
    "amount": 4599900,
    "currency": "INR",
    "sku": "LAP-AIR-14-512",
    "slug": "vayu-air-14",
    "title": "Vayu Air 14 laptop, 512 GB",
    "brand": "Vayu",
    "description": "A light laptop for long days.",
    "quantity": 1,
    "url": "https://shop.example/media/vayu-air-14.webp",
    "return_url": "https://shop.example/checkout",
    "token": "tok_" + _BODY,
    "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6ImtleV8wMSJ9.eyJzdWIiOiJ1c3JfMDEifQ.c2ln",
    "refresh_token": "rft_QMJvHxXMdzT7V9BbmUiI9pltXT41Buivw2wApIGwvEo",
    "code": "not_found",
    "pointer": "/quantity",
    "tracking_number": "HT123456789IN",
    "note": "Spoke with the customer.",
    "reason": "Ordered by mistake",
    "vpa": "ok@sandbox",
    "coupon_codes": ["HAAT10"],
    "gift_cards": ["JMAC-MK6B-QD9P-04HN"],
    "date": "2026-11-27",
    "roles": ["support"],
    "request_id": "req_" + _BODY,
}
# What the kind alone does not say: the same schema means another thing under another status.
BY_ANSWER: dict[tuple[str, str], dict[str, Any]] = {
    ("complete_checkout", "200"): {"status": "completed", "requirements": [], "action": None, "failure": None},
    ("complete_checkout", "202"): {
        "status": "requires_action",
        "requirements": [],
        "action": {
            "type": "three_d_secure",
            "url": "https://provider.example/actions/" + _BODY,
            "expires_at": _AT,
            "amount": {"amount": 4599900, "currency": "INR"},
        },
        "order": None,
        "failure": None,
    },
}
_PREFIXES = {
    "user": "usr", "product": "prd", "variant": "var", "cart": "crt", "item": "itm", "checkout": "chk", "order": "ord",
    "payment": "pay", "refund": "ref", "shipment": "shp", "return": "ret", "session": "ses", "address": "adr",
}  # fmt: skip


def example(schema: Schema, components: Mapping[str, Schema], name: str = "", depth: int = 0) -> Any:
    """A value that the schema allows; None where the depth ends or nothing is known."""
    if "$ref" in schema:
        kind = str(schema["$ref"]).rpartition("/")[2]
        return example(components[kind], components, name, depth + 1) if depth < MAX_DEPTH else None
    for given in ("const", "default"):
        if schema.get(given) is not None:
            return schema[given]
    if name == "next_cursor":
        return None
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("oneOf", "anyOf", "allOf"):
        if choice in schema:
            members = [member for member in schema[choice] if member.get("type") != "null"]
            return example(members[0], components, name, depth + 1) if members else None
    return _of_type(schema, components, name, depth)


def _of_type(schema: Schema, components: Mapping[str, Schema], name: str, depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), None)
    if kind == "object":
        return _object(schema, components, depth)
    if name in BY_NAME and _fits(BY_NAME[name], kind, schema):
        return BY_NAME[name]
    if kind == "array":
        items = schema.get("items") or {}
        inner = example(items, components, name.removesuffix("s"), depth + 1)
        return [] if inner is None else [inner]
    if kind == "integer":
        return max(int(schema.get("minimum", 1)), 1)
    if kind == "number":
        return float(schema.get("minimum", 4.5))
    if kind == "boolean":
        return False
    return _text(schema, name) if kind == "string" else None


def _object(schema: Schema, components: Mapping[str, Schema], depth: int) -> dict[str, Any] | None:
    if depth >= MAX_DEPTH:
        return None
    made = {
        field: example(inner, components, field, depth + 1) for field, inner in (schema.get("properties") or {}).items()
    }
    required = schema.get("required") or ()
    return {field: value for field, value in made.items() if value is not None or field in required}


def _text(schema: Schema, name: str) -> str:
    if schema.get("format") == "date-time" or name == "at" or name.endswith("_at"):
        return _AT
    if schema.get("format") == "date":
        return "2026-11-27"
    if name == "id" or name.endswith("_id"):
        return f"{_PREFIXES.get(name.removesuffix('_id'), 'evt')}_{_BODY}"
    text = "text"
    return text.ljust(int(schema.get("minLength", 0)), ".")[: int(schema.get("maxLength", 100))]


def _fits(value: object, kind: object, schema: Schema) -> bool:
    if {str: "string", int: "integer", list: "array"}.get(type(value)) != kind:
        return False
    return not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None
