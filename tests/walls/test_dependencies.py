"""What is installed at run time is imported: a dependency of nobody's is only a risk."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
_IMPORT = re.compile(r"^\s*(?:import|from) (\w+)|(?:import_module|find_spec)\(\"(\w+)", re.MULTILINE)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """The run-time dependencies, by their names in the index."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    return {canonical(re.match(r"[\w.-]+", each).group()) for each in asked}  # type: ignore[union-attr]


def imported() -> set[str]:
    """The distributions that modules of the source are from."""
    texts = [path.read_text() for path in (ROOT / "src").rglob("*.py")]
    modules = {one or other for text in texts for one, other in _IMPORT.findall(text)}
    found = packages_distributions()
    return {canonical(each) for module in modules for each in found.get(module, [])}


def test_every_dependency_is_imported():
    assert declared() - imported() == set()


def test_a_dependency_of_nobodys_is_found():
    assert {*declared(), "pytest"} - imported() == {"pytest"}
