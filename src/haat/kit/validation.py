"""Every fault of a body at once: msgspec stops at the first, so a refused body is walked field by field."""

from __future__ import annotations

import re
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

Faults = list[dict[str, str]]


def faults(kind: Any, value: Any, pointer: str = "") -> Faults:
    """All faults of a decoded JSON `value` against a type, each as pointer (RFC 6901), code, detail."""
    kind = _without_none(kind, value)
    if kind is None:
        return []
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct_faults(kind, value, pointer)
    if get_origin(kind) is list and isinstance(value, list) and not _own_fault(kind, value[:0]):
        (item,) = get_args(kind)
        found = [fault for i, each in enumerate(value) for fault in faults(item, each, f"{pointer}/{i}")]
        return found or _report(kind, value, pointer)
    return _report(kind, value, pointer)


def _struct_faults(kind: type[msgspec.Struct], value: Any, pointer: str) -> Faults:
    if not isinstance(value, dict):
        return [_fault(pointer, "wrong_type", "must be an object")]
    if kind.__struct_config__.tag is not None or get_origin(kind) is not None:
        return _report(kind, value, pointer)
    hints = get_type_hints(kind, include_extras=True)
    found: Faults = []
    for field in msgspec.structs.fields(kind):
        at = f"{pointer}/{field.encode_name}"
        if field.encode_name in value:
            found += faults(hints[field.name], value[field.encode_name], at)
        elif field.required:
            found.append(_fault(at, "required", "is required"))
    if kind.__struct_config__.forbid_unknown_fields:
        known = {field.encode_name for field in msgspec.structs.fields(kind)}
        found += [
            _fault(f"{pointer}/{_escape(name)}", "unknown_field", "is not a field of this request")
            for name in value
            if name not in known
        ]
    return found or _report(kind, value, pointer)


def _without_none(kind: Any, value: Any) -> Any:
    """The one non-null member of an optional type, None when a null is welcome, else the type itself."""
    if get_origin(kind) in (Union, types.UnionType):
        members = [member for member in get_args(kind) if member is not type(None)]
        if value is None and len(members) < len(get_args(kind)):
            return None
        if len(members) == 1:
            return members[0]
    return kind


def _own_fault(kind: Any, value: Any) -> str | None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def _report(kind: Any, value: Any, pointer: str) -> Faults:
    message = _own_fault(kind, value)
    if message is None:
        return []
    detail, _, path = message.partition(" - at `$")
    deeper = re.sub(r"\[(\d+)\]", r"/\1", path.rstrip("`").replace(".", "/")) if path else ""
    return [_fault(pointer + deeper, _code(detail), detail[:1].lower() + detail[1:])]


def _code(detail: str) -> str:
    for words, code in (
        ("unknown field", "unknown_field"),
        ("missing required", "required"),
        ("Invalid enum", "not_allowed"),
        ("Expected `", "wrong_type"),
    ):
        if words in detail and " of length" not in detail and ">=" not in detail and "<=" not in detail:
            return code
    return "out_of_range" if ("=" in detail or "length" in detail) else "invalid"


def _fault(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
