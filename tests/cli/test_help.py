"""Help is for the impatient: every command explains itself without loading what it would work with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from cyclopts import App

from haat.cli.root import app

COMMANDS = [
    "",
    "run",
    "serve",
    "work",
    "migrate",
    "seed",
    "import",
    "bench",
    "doctor",
    "audit",
    "reconcile",
    "vault",
    "vault inspect",
    "vault rotate",
    "vault verify",
    "events",
    "events parked",
    "events replay",
    "identity",
    "identity rotate",
    "staff",
    "staff list",
    "staff add",
    "staff remove",
    "inventory",
    "inventory verify",
    "inventory rebuild",
    "inventory bench",
    "evaluate",
    "evaluate search",
    "evaluate recommendations",
    "evaluate fraud",
]
HEAVY = {"numpy", "scipy", "lightgbm", "sklearn", "alembic", "sqlalchemy", "tantivy", "litestar"}
LISTING = """
import sys
from haat.__main__ import main
try:
    main()
finally:
    print("LOADED", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_nothing_heavy(command: str):
    arguments = [*command.split(), "--help"]
    done = subprocess.run(
        [sys.executable, "-c", LISTING, *arguments], capture_output=True, text=True, timeout=900, check=False
    )
    text, _, loaded = done.stdout.rpartition("LOADED")
    assert done.returncode == 0
    assert text.startswith(f"Usage: haat {command}".rstrip())
    assert HEAVY & set(loaded.split()) == set()


def offered(app: App, *path: str) -> Iterator[str]:
    """Every command below, with those that it stands under."""
    for name in app:
        if not name.startswith("-"):
            yield " ".join((*path, name))
            yield from offered(app[name], *path, name)


def test_every_command_is_known_here():
    assert sorted(offered(app)) == sorted(COMMANDS[1:])


@pytest.mark.parametrize("group", ["", "vault", "events", "staff", "inventory", "evaluate"])
def test_help_names_every_command(group: str):
    argv = [sys.executable, "-m", "haat", *group.split(), "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=900, check=False)
    told = [line.strip("│ ").split()[0] for line in done.stdout.splitlines() if line.startswith("│")]
    below = {name.split()[-1] for name in COMMANDS if name and name.rpartition(" ")[0] == group}
    assert {name for name in told if not name.startswith("-")} == below
