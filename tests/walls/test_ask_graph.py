"""Who may ask whom: read from the services' constructors, without cycles, and written down."""

from __future__ import annotations

import importlib
import inspect
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import get_type_hints

import pytest

from haat.compose import SERVICES
from haat.contracts.orders import Orders
from haat.kit.rpc import Contract, contract_name
from haat.services.inventory import service as inventory

PAGE = Path(__file__).parents[2] / "docs" / "who-asks-whom.md"


def asked_by(service: str) -> set[str]:
    """The contracts that classes of a service take in their constructors."""
    found = set()
    for path in (Path(importlib.import_module(f"haat.services.{service}").__file__ or "")).parent.glob("*.py"):
        module = importlib.import_module(f"haat.services.{service}.{path.stem}")
        for each in vars(module).values():
            if inspect.isclass(each) and each.__module__ == module.__name__ and not issubclass(each, Exception):
                hints = get_type_hints(each.__init__) if "__init__" in vars(each) else {}
                found |= {contract_name(h) for h in hints.values() if inspect.isclass(h) and issubclass(h, Contract)}
    return found


def graph() -> dict[str, set[str]]:
    return {service: asked_by(service) for service in SERVICES}


def page(asks: dict[str, set[str]]) -> str:
    lines = [f"| {name} | {', '.join(sorted(asks[name])) or '–'} |" for name in sorted(asks)]
    return "\n".join(
        [
            "# Who asks whom",
            "",
            "Kept by `tests/walls/test_ask_graph.py`.",
            "",
            "| service | asks |",
            "|---|---|",
            *lines,
            "",
        ]
    )


def test_no_two_services_wait_for_each_other():
    assert list(TopologicalSorter(graph()).static_order())


class AsksBack:
    def __init__(self, orders: Orders) -> None: ...


def test_a_planted_question_back_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(AsksBack, "__module__", inventory.__name__)
    monkeypatch.setattr(inventory, "AsksBack", AsksBack, raising=False)
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph()).static_order())


def test_the_graph_is_written_down():
    assert PAGE.read_text() == page(graph())
