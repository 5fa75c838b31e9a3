"""What the readers of requests refuse, added to their description: the framework leaves limits out that are 0 or
below the surface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

Schema = dict[str, Any]
# Each speaks of values of one kind only, so that it may stand beside a choice of kinds.
LIMITS = (
    *("minLength", "maxLength", "pattern", "minimum", "maximum"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "propertyNames"),
)


def complete_bodies(kinds: Iterable[Any], schemas: dict[str, Schema]) -> None:
    """Complete the schemas of these kinds of bodies, and of whatever lies in them."""
    _, exact = msgspec.json.schema_components(list(kinds))
    for name, told in exact.items():
        complete(schemas[name], told)


def complete(schema: Schema, exact: Schema) -> None:
    """Give a described value the limits of its type, as msgspec tells it."""
    for choice in exact.get("anyOf", (exact,)):
        for limit in LIMITS:
            if limit in choice:
                schema[limit] = choice[limit]
        if choice.get("additionalProperties") is False:
            schema["additionalProperties"] = False
        for member in ("items", "additionalProperties"):
            if isinstance(choice.get(member), dict):
                complete(next(_held(schema, member)), choice[member])
        for name, inner in choice.get("properties", {}).items():
            complete(schema["properties"][name], inner)


def _held(schema: Schema, member: str) -> Iterator[Schema]:
    """The member's schema, whichever of the choices has one."""
    for choice in (schema, *schema.get("oneOf", ())):
        if member in choice:
            yield choice[member]
