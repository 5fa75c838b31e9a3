"""Each import rule breaks when its forbidden import is planted: a guard never seen to fail guards nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CANARIES = {
    "The floors of the house": ("kit/money.py", "import haat.contracts.cart"),
    "Services see each other only through contracts": ("services/cart/model.py", "import haat.services.orders.model"),
    "The gateway, the shop and the back office do not know each other": (
        "web/storefront/__init__.py",
        "import haat.web.backoffice",
    ),
    "Only payments may import the vault's contract": ("services/checkout/model.py", "import haat.contracts.vault"),
    "Models are free of I/O": ("services/cart/model.py", "import aiohttp"),
    "Drivers are named only in engines and stores": ("services/cart/service.py", "import asyncpg"),
}


def lint(folder: Path) -> str:
    """The report of the import linter over the package below `folder`."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def broken(report: str) -> list[str]:
    return re.findall(r"^(.*) BROKEN", report, re.MULTILINE)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


@pytest.mark.slow
def test_every_rule_has_a_canary():
    names = re.findall(r"^name = (.*)$", (ROOT / ".importlinter").read_text(), re.MULTILINE)
    assert sorted(names) == sorted(CANARIES)


@pytest.mark.slow
@pytest.mark.parametrize("rule", CANARIES)
def test_a_planted_import_breaks_its_rule(rule: str, copy: Path):
    file, planted = CANARIES[rule]
    path = copy / "src" / "haat" / file
    path.write_text(path.read_text() + f"\n{planted}\n")
    assert rule in broken(lint(copy))


@pytest.mark.slow
def test_a_folder_without_a_floor_breaks_the_floors(copy: Path):
    (copy / "src" / "haat" / "attic.py").write_text('"""Nobody placed this."""\n')
    assert "attic" in lint(copy)
