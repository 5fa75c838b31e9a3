"""Limits that keep rooms small and names plain, and proof that each limit can be exceeded."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "haat"
FILES = sorted(SOURCE.rglob("*.py"))
BANNED = re.compile(r"(^|_)(utils?|helpers?|managers?|common|misc|base|processors?|impl)(_|$)")
FUNCTION_LINES = 60


def limit_of(path: Path) -> int:
    """Lines a file may have: contracts and reactions 200, everything else 400."""
    return 200 if "contracts" in path.parts or path.name == "reactions.py" else 400


def too_long(path: Path, text: str) -> list[str]:
    lines = text.count("\n")
    return [f"{path.name}: {lines} lines"] if lines > limit_of(path) else []


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring, which is as long as its reader needs."""
    said = node.body[0] if ast.get_docstring(node) is not None else None
    return (node.end_lineno or 0) - node.lineno + 1 - ((said.end_lineno or 0) - said.lineno + 1 if said else 0)


def long_functions(text: str) -> list[str]:
    return [
        f"{node.name}: {lines_of(node)} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of(node) > FUNCTION_LINES
    ]


def banned_names(path: Path, text: str) -> list[str]:
    names = [path.stem, *(node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef))]
    words = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in names]
    return [word for word in words if BANNED.search(word)]


def undocumented(text: str) -> bool:
    return bool(text.strip()) and ast.get_docstring(ast.parse(text)) is None


def test_no_file_is_over_its_limit():
    assert [fault for path in FILES for fault in too_long(path, path.read_text())] == []


def test_no_function_is_over_sixty_lines():
    # A migration is one statement of SQL, however many tables it makes.
    files = [path for path in FILES if path.parent.name != "migrations"]
    assert [f"{path.name}: {each}" for path in files for each in long_functions(path.read_text())] == []


def test_no_file_or_class_has_a_name_that_says_nothing():
    assert [fault for path in FILES for fault in banned_names(path, path.read_text())] == []


def test_every_module_says_what_it_is_for():
    assert [str(path) for path in FILES if undocumented(path.read_text())] == []


@pytest.mark.parametrize(
    ("path", "lines", "over"),
    [
        (Path("services/cart/model.py"), 401, True),
        (Path("services/cart/model.py"), 400, False),
        (Path("contracts/media.py"), 201, True),
    ],
)
def test_the_line_limits_catch(path: Path, lines: int, over: bool):
    assert bool(too_long(path, "x = 1\n" * lines)) is over


def test_a_long_function_is_caught():
    assert long_functions("def f():\n" + "    x = 1\n" * 60) == ["f: 61 lines"]


@pytest.mark.parametrize("name", ["class CartHelper: ...", "class BaseStore: ...", "class OrderManager: ..."])
def test_a_name_that_says_nothing_is_caught(name: str):
    assert banned_names(Path("cart.py"), f'"""x"""\n{name}') != []
