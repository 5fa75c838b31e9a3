"""Every fault of a body at once: msgspec stops at the first, so a refused body is walked field by field."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

Faults = list[dict[str, str]]
# A body of a megabyte can hold a hundred thousand faults; nobody reads more than these.
MAX_FAULTS = 100


def faults(kind: Any, value: Any, pointer: str = "") -> Faults:
    """All faults (at most 100) of a decoded JSON `value` against a type, each as pointer (RFC 6901), code, detail."""
    return list(islice(_walk(kind, value, pointer), MAX_FAULTS))


def _walk(kind: Any, value: Any, pointer: str) -> Iterator[dict[str, str]]:
    """What is wrong inside; when nothing is, what is wrong with the whole."""
    found = False
    for fault in _inside(_member(_bare(kind), value), value, pointer):
        found = True
        yield fault
    if not found:
        yield from _own(kind, value, pointer)


def _inside(kind: Any, value: Any, pointer: str) -> Iterator[dict[str, str]]:
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from _inside_struct(kind, value, pointer)
    elif origin in (list, Sequence) and isinstance(value, list):
        for i, each in enumerate(value):
            yield from _walk(arguments[0], each, f"{pointer}/{i}")
    elif origin in (dict, Mapping) and isinstance(value, dict):
        for name, each in value.items():
            at = f"{pointer}/{_escape(name)}"
            yield from _own(arguments[0], name, at)
            yield from _walk(arguments[1], each, at)


def _inside_struct(kind: type[msgspec.Struct], value: Any, pointer: str) -> Iterator[dict[str, str]]:
    config = kind.__struct_config__
    if not isinstance(value, dict):
        yield _fault(pointer, "wrong_type", "must be an object")
        return
    hints = get_type_hints(kind, include_extras=True)
    fields = msgspec.structs.fields(kind)
    for field in fields:
        at = f"{pointer}/{_escape(field.encode_name)}"
        if field.encode_name in value:
            yield from _walk(hints[field.name], value[field.encode_name], at)
        elif field.required:
            yield _fault(at, "required", "is required")
    if config.forbid_unknown_fields:
        known = {field.encode_name for field in fields} | {config.tag_field}
        for name in value:
            if name not in known:
                yield _fault(f"{pointer}/{_escape(name)}", "unknown_field", "is not a field of this request")


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _member(kind: Any, value: Any) -> Any:
    """The member of a union that the value means to be, if that can be told; other types are themselves."""
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    members = [_bare(member) for member in get_args(kind)]
    if value is None and type(None) in members:
        return None
    members = [member for member in members if member not in (type(None), msgspec.UnsetType)]
    if len(members) == 1:
        return members[0]
    return next((member for member in members if _is_tagged(member, value)), None)


def _is_tagged(kind: Any, value: Any) -> bool:
    if not (isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return False
    config = kind.__struct_config__
    return config.tag is not None and value.get(config.tag_field) == config.tag


def _own(kind: Any, value: Any, pointer: str) -> Iterator[dict[str, str]]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$")
        deeper = re.sub(r"\[(\d+)\]", r"/\1", path.rstrip("`").replace("[...]", "").replace(".", "/")) if path else ""
        yield _fault(pointer + deeper, _code(detail), detail[:1].lower() + detail[1:])


def _code(detail: str) -> str:
    for words, code in (
        ("unknown field", "unknown_field"),
        ("missing required", "required"),
        ("Invalid enum", "not_allowed"),
        ("matching regex", "invalid"),
        (" of length", "out_of_range"),
        ("` >", "out_of_range"),
        ("` <", "out_of_range"),
        ("multiple of", "out_of_range"),
        ("out of range", "out_of_range"),
        ("Expected `", "wrong_type"),
    ):
        if words in detail:
            return code
    return "invalid"


def _fault(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
