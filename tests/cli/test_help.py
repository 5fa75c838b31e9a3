"""Help is for the impatient: every command explains itself without loading what it would work with."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
    "vault",
    "vault inspect",
    "vault rotate",
    "vault verify",
    "events",
    "events parked",
    "events replay",
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


@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_nothing_heavy(command: str):
    arguments = [*command.split(), "--help"]
    done = subprocess.run(
        [sys.executable, "-c", LISTING, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    text, _, loaded = done.stdout.rpartition("LOADED")
    assert done.returncode == 0
    assert text.startswith(f"Usage: haat {command}".rstrip())
    assert HEAVY & set(loaded.split()) == set()


def test_help_names_every_command():
    done = subprocess.run(
        [sys.executable, "-m", "haat", "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    offered = [line.strip("│ ").split()[0] for line in done.stdout.splitlines() if line.startswith("│")]
    assert set(offered) >= {name.split()[0] for name in COMMANDS if name}
