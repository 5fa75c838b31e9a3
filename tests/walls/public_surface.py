"""The public surface as data: the OpenAPI document, and every contract; and what makes a change a breaking one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

import msgspec

from haat.compose import SERVICES, contract_of
from haat.kit.message import Event
from haat.kit.rpc import calls_of

Tree = dict[str, Any]


def contracts() -> Tree:
    """Each service's calls with the shape of what they take and give, and its events."""
    return {name: _contract(name) for name in sorted(SERVICES)}


def _contract(name: str) -> Tree:
    contract = contract_of(name)
    calls = {call.name: {"ask": _name(call.ask), "reply": _name(call.reply)} for call in calls_of(contract).values()}
    kinds = {kind for call in calls_of(contract).values() for kind in _structs(call.ask) | _structs(call.reply)}
    kinds |= {kind for kind in _events(Event) if kind.__module__.startswith(f"haat.contracts.{name}")}
    return {"calls": calls, "messages": {_name(kind): _fields(kind) for kind in sorted(kinds, key=_name)}}


def _events(kind: type) -> set[type]:
    return {each for below in kind.__subclasses__() for each in {below, *_events(below)}}


def _fields(kind: Any) -> Tree:
    fields = msgspec.structs.fields(kind)
    return {field.encode_name: _name(field.type) + ("" if field.required else " = …") for field in fields}


def _structs(kind: Any, seen: frozenset[Any] = frozenset()) -> set[Any]:
    """The structs that a type is made of, all the way down."""
    if get_origin(kind) is not None:
        inner = {each for argument in get_args(kind) for each in _structs(argument, seen)}
        return inner | ({kind} if _is_struct(get_origin(kind)) else set())
    if not _is_struct(kind) or kind in seen:
        return set()
    below = [_structs(field.type, seen | {kind}) for field in msgspec.structs.fields(kind)]
    return {kind}.union(*below)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _name(kind: Any) -> str:
    if kind is type(None):
        return "None"
    origin = get_origin(kind)
    if origin is None:
        return str(getattr(kind, "__name__", kind))
    if origin is not None and hasattr(kind, "__metadata__"):
        return _name(get_args(kind)[0])
    arguments = [_name(argument) for argument in get_args(kind)]
    # By what they are on the wire.
    name = {Sequence: "list", Mapping: "dict"}.get(origin, getattr(origin, "__name__", str(origin)))
    return " | ".join(sorted(arguments)) if "Union" in name else f"{name}[{', '.join(arguments)}]"


def surface_of(document: Tree) -> Tree:
    """What clients rely on in an OpenAPI document: calls, what they take and give; no words, examples, refusals."""
    paths = {
        path: {method: _operation(operation) for method, operation in item.items() if "responses" in operation}
        for path, item in document["paths"].items()
    }
    return {"paths": paths, "schemas": _bare(document["components"]["schemas"])}


def _operation(operation: Tree) -> Tree:
    parameters = {f"{each['in']} {each['name']}": _bare(each) for each in operation.get("parameters", ())}
    answers = {status: _bare(answer) for status, answer in operation["responses"].items() if status < "400"}
    body = {"body": _bare(operation["requestBody"])} if "requestBody" in operation else {}
    return {"id": operation["operationId"], "parameters": parameters, "answers": answers, **body}


def _bare(node: Any) -> Any:
    if isinstance(node, list):
        return [_bare(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _bare(inner) for name, inner in node.items() if inner not in (False, {}) and not _is_words(name, inner)
    }


def _is_words(name: str, inner: Any) -> bool:
    # A field may be called `description` or `title`: then a schema follows, not a sentence.
    if name in ("example", "examples"):
        return not (isinstance(inner, dict) and "type" in inner)
    return name in ("description", "summary", "title") and isinstance(inner, str)


def removed(before: Any, after: Any, where: str = "") -> Iterator[str]:
    """What a client relied on and no longer finds, or finds changed; additions break nobody."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, inner in before.items():
            if name not in after:
                yield f"{where}/{name} is gone"
            else:
                yield from removed(inner, after[name], f"{where}/{name}")
        new = [name for name in after if name not in before and _is_demanded(after[name], where)]
        yield from (f"{where}/{name} is new and required" for name in new)
    elif where.endswith("/required"):
        missing = set(after) - set(before) if isinstance(after, list) else set()
        yield from (f"{where}: {name} is required now" for name in sorted(missing))
    elif where.endswith("/enum"):
        yield from (f"{where}: {name} is not allowed any more" for name in before if name not in after)
    elif before != after:
        yield f"{where} was {before}, is {after}"


def _is_demanded(new: Any, where: str) -> bool:
    if where.endswith("/parameters"):
        return bool(new.get("required"))
    message = where.rpartition("/")[0]
    return message.endswith("/messages") and isinstance(new, str) and not new.endswith(" = …")
