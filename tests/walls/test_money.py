"""No binary fraction ever touches money: not in the modules that count it, and not on the way in."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "haat"
MONEY = (
    "kit/money.py",
    "contracts/payments/*.py",
    "contracts/promotions.py",
    "contracts/checkout/*.py",
    "contracts/orders/*.py",
    "services/payments/ledger*.py",
    "services/payments/model*.py",
    "services/checkout/model.py",
    "services/checkout/tax.py",
    "services/orders/model.py",
    "services/orders/parcels.py",
    "services/orders/worth.py",
    "services/promotions/model.py",
    "services/shipping/model.py",
    "sandbox/provider/model.py",
)
# Time and distance may be fractions even here.
MEASURES = ("seconds", "hours", "days", "_at", "age", "km", "HOLD_SHARE")


def fractions_in(text: str) -> list[str]:
    """Floats by name, by literal, and by true division."""
    tree = ast.parse(text)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "float":
            found.append(f"line {node.lineno}: float")
        elif isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"line {node.lineno}: {node.value}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"line {node.lineno}: /")
    return found


def measured(text: str, fault: str) -> bool:
    line = text.splitlines()[int(fault.split(":", maxsplit=1)[0].removeprefix("line ")) - 1]
    return any(word in line for word in MEASURES)


def faults(text: str) -> list[str]:
    return [fault for fault in fractions_in(text) if not measured(text, fault)]


def test_the_modules_that_count_money_know_no_fractions():
    files = [path for pattern in MONEY for path in sorted(SOURCE.glob(pattern))]
    assert len(files) > 15
    assert [f"{path.relative_to(SOURCE)} {fault}" for path in files for fault in faults(path.read_text())] == []


@pytest.mark.parametrize(
    "canary", ["def tax(amount: float): ...", "rate = 0.18", "share = total / 3", "total /= 2", "x = float(amount)"]
)
def test_a_fraction_is_caught(canary: str):
    assert faults(canary) != []


def test_a_measure_of_time_is_no_money():
    assert faults("def wait(seconds: float): ...") == []
