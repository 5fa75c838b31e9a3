"""Reads the hand-written data files of the demo shop, each once per process."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> dict[str, Any]:
    """The parsed TOML file `data/<name>.toml`."""
    return tomllib.loads((files("haat.demo") / "data" / f"{name}.toml").read_text("utf-8"))


@cache
def families() -> list[dict[str, Any]]:
    """Every product family, files in the order of their names."""
    folder = files("haat.demo") / "data" / "families"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [family for name in names for family in tomllib.loads((folder / name).read_text("utf-8"))["family"]]
