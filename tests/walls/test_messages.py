"""A reply is handed over in process without a copy: nothing in it can be changed, and it is no more than it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, get_args

import msgspec
import pytest

import haat.services
from haat.compose import SERVICES, contract_of
from haat.contracts.cart import CartView
from haat.kit.message import Message, Page
from haat.kit.rpc import calls_of

MUTABLE = (list, dict, set, bytearray)


class Changeable(Message, frozen=True):
    names: Sequence[dict[str, int]]


class Deep(Message, frozen=True):
    below: Sequence[Changeable] | None


def changeable(kind: Any, seen: frozenset[Any] = frozenset()) -> Iterator[str]:
    """Where a type holds something that can be changed; what is only known as Any is not looked into."""
    origin = getattr(kind, "__origin__", kind)
    struct = isinstance(origin, type) and issubclass(origin, msgspec.Struct)
    if origin in MUTABLE:
        yield str(kind)
    if struct and kind not in seen:
        if not origin.__struct_config__.frozen:
            yield str(kind)
        for field in msgspec.structs.fields(kind):
            yield from (f"{origin.__name__}.{field.name}: {each}" for each in changeable(field.type, seen | {kind}))
    for argument in get_args(kind):
        yield from changeable(argument, seen)


def subclasses(kind: type) -> set[type]:
    return {each for below in kind.__subclasses__() for each in {below, *subclasses(below)}}


def richer(kinds: set[type]) -> list[str]:
    """Messages made of a contract's message outside the contracts; a route's own bodies cross no contract."""
    return sorted(
        f"{kind.__module__}.{kind.__name__}"
        for kind in kinds
        if not kind.__module__.startswith("haat.contracts.") and not kind.__module__.endswith(".http")
        for base in kind.__bases__
        if base.__module__.startswith("haat.contracts.")
    )


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_nothing_in_a_contracts_messages_can_be_changed(service: str):
    calls = calls_of(contract_of(service)).values()
    assert [fault for call in calls for kind in (call.ask, call.reply) for fault in changeable(kind)] == []


def test_a_list_below_is_found():
    assert list(changeable(Deep)) == ["Deep.below: Changeable.names: dict[str, int]"]


def test_a_service_answers_with_what_its_contract_says_and_no_more():
    for module in walk_packages(haat.services.__path__, "haat.services."):
        if not module.name.rpartition(".")[2][0].isdigit():
            import_module(module.name)
    ours = {kind for kind in subclasses(Message) if kind.__module__.startswith("haat.")}
    assert len(ours) > 200
    assert richer(ours) == []


def test_a_richer_message_is_found():
    class Secretive(CartView, frozen=True):
        margin: int = 0

    assert richer({Secretive, Page}) == [f"{__name__}.Secretive"]
