"""What the documents name is there: files, settings, commands. Figures and promises are for people to keep true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from haat.cli.root import app
from haat.settings import SERVICES, Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Where a path in a document may begin.
PLACES = [ROOT, ROOT / "src" / "haat", ROOT / "src" / "haat" / "services", ROOT / "docs"]
SETTINGS = {f"HAAT_{name}".upper() for name in (*Settings.model_fields, *(f"{each}_url" for each in SERVICES))}
SCRIPTS = [path for folder in ("tests", "deploy") for path in (ROOT / folder).rglob("*") if path.suffix in ("", ".py")]
# How often an experiment is repeated, and the like.
VARIABLES = {name for path in SCRIPTS if path.is_file() for name in re.findall(r"HAAT_[A-Z_]+", path.read_text())}


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def named(document: Path, pattern: str) -> set[str]:
    return set(re.findall(pattern, document.read_text()))


def test_links_lead_somewhere(document: Path):
    links = named(document, r"\]\((?!http)([^)#]+)")
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_paths_in_the_repository_exist(document: Path):
    paths = named(document, r"`((?:[\w.-]+/)+[\w-]+\.(?:py|md|sql|html|toml))`")
    assert [path for path in paths if not any((place / path).exists() for place in PLACES)] == []


def test_settings_exist(document: Path):
    assert named(document, r"HAAT_[A-Z_]*[A-Z]") - SETTINGS - VARIABLES == set()


def test_commands_exist(document: Path):
    assert named(document, r"`haat ([a-z]+)") - {*app} == set()


def test_every_setting_is_told_to_operators():
    told = {
        name
        for page in ("operations.md", "payments-providers.md", "money.md", "status.md")
        for name in named(ROOT / "docs" / page, r"HAAT_\w+")
    }
    assert {f"HAAT_{name}".upper() for name in Settings.model_fields} - told == set()
