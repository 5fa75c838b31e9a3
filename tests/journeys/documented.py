"""Answers held against the API's own description: its statuses, its content types, its schemas."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs

# What the router says of an address or a method that no call has.
NOWHERE = (404, 405)


class Description:
    """An OpenAPI document as what is allowed to be answered."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        # What is spelled out comes before what takes anything.
        self._paths = sorted(
            ((re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path) for path in document["paths"]),
            key=lambda each: each[1].count("{"),
        )
        self._validators: dict[tuple[str, str, int], Any] = {}

    def faults(self, method: str, path: str, status: int, kind: str, body: Any) -> list[str]:
        """What the document does not allow of this answer; `path` without query, `kind` the content type, if any."""
        template = next((path_ for pattern, path_ in self._paths if pattern.fullmatch(path)), None)
        operation = self._document["paths"].get(template, {}).get(method.lower())
        label = f"{method} {template or path} {status}"
        if template is None or operation is None:
            return [] if status in NOWHERE else [f"{label}: no such call is described"]
        if str(status) not in operation["responses"]:
            return [f"{label}: described are {', '.join(operation['responses'])}"]
        content = self._resolved(operation["responses"][str(status)]).get("content", {})
        media = kind.partition(";")[0]
        if body is None:
            return []
        if media not in content:
            return [f"{label}: {media} is none of {', '.join(content)}"]
        if not media.endswith("json"):
            return []
        validator = self._validator(template, method, status, content[media].get("schema", {}))
        return [f"{label}: {error.instance_path} {error.message}"[:300] for error in validator.iter_errors(body)]

    def _resolved(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer itself where only its name is given."""
        reference = answer.get("$ref")
        return answer if reference is None else self._document["components"]["responses"][reference.rpartition("/")[2]]

    def _validator(self, template: str, method: str, status: int, schema: dict[str, Any]) -> Any:
        key = (template, method, status)
        if key not in self._validators:
            whole = {**schema, "components": self._document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[key]
