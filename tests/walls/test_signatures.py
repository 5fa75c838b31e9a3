"""What proves who is speaking is compared in constant time: never by `==`, whose speed tells how much was right."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "haat"
EVERYWHERE = re.compile(r"signature|hmac|hexdigest|secret")
# Where keyed digests are made, any digest may be one.
KEYED = re.compile(r"signature|hmac|digest|secret|claim(ed)?$|right$|\bmac$|^sign")
# Whether a view of the index has changed is no secret.
OTHER = "engines/text_search"
COMPARED = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def faults(text: str) -> list[str]:
    """Comparisons of a signature, or of a keyed digest, that stop at the first wrong byte."""
    tree = ast.parse(text if EVERYWHERE.search(text) else "")
    words = KEYED if re.search(r"^(import|from) hmac\b", text, re.MULTILINE) else EVERYWHERE
    compares = [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    guilty = [node for node in compares if isinstance(node.ops[0], COMPARED) and any(map(words.search, _names(node)))]
    return [f"line {node.lineno}: {ast.unparse(node)}" for node in guilty]


def _names(compare: ast.Compare) -> Iterator[str]:
    """What the two sides are called: a variable, an attribute, a function whose answer it is."""
    for side in (compare.left, *compare.comparators):
        yield from _chain(side)


def _chain(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Name(id=name):
            yield name
        case ast.Attribute(attr=name):
            yield name
        case ast.Call(func=ast.Attribute(value=of) as func):
            yield from (func.attr, *_chain(of))
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            yield from _chain(inner)


def test_signatures_are_compared_in_constant_time():
    found = {str(path.relative_to(SOURCE)): faults(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}
    assert {name: wrong for name, wrong in found.items() if wrong and not name.startswith(OTHER)} == {}


@pytest.mark.parametrize(
    "canary",
    [
        "import hmac\nok = hmac.new(key, body, 'sha256').hexdigest() == told",
        "ok = signature != expected",
        "ok = headers['x-razorpay-signature'] == right or told.signature == right",
        "import hmac\nok = claimed in [digest for digest in all_of_them]",
        "import hmac\nok = sign(body) == told",
    ],
)
def test_a_comparison_that_tells_is_caught(canary: str):
    assert faults(canary) != []


def test_a_comparison_in_constant_time_is_none():
    assert faults("import hmac\nok = hmac.compare_digest(right, told) and kind == 'x'") == []
