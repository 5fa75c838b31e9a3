"""What a service has by convention: its contract, and parts that not every service has."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from haat.kit.rpc import Contract, contract_name

SERVICES_FOLDER = Path(__file__).parents[1] / "services"


def contract_of(name: str) -> type[Contract]:
    """The contract class of a service."""
    module = import_module(f"haat.contracts.{name}")
    return next(
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Contract) and contract_name(each) == name
    )


def parts_of(name: str, module: str, attribute: str, default: Any) -> Any:
    """An optional part of a service by convention: `http.ROUTES`, `reactions.REACTIONS`, `reactions.SWEEPS`."""
    if not (SERVICES_FOLDER / name / f"{module}.py").exists():
        return default
    return getattr(import_module(f"haat.services.{name}.{module}"), attribute, default)
