"""Addresses at which no database is, or not yet."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest


@pytest.fixture
def nowhere(tmp_path: Path) -> str:
    """The address of a database that is not there."""
    return "postgresql://haat@/haat?" + urlencode({"host": tmp_path})


@pytest.fixture
def database_away(admin_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of a database that will be there in a moment."""
    parts = urlsplit(admin_url)
    real = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"
    coming = threading.Timer(0.2, (tmp_path / real.name).symlink_to, [real])
    coming.start()
    yield urlunsplit(parts._replace(query=urlencode({"host": tmp_path})))
    coming.join()


@pytest.fixture
def not_ours(tmp_path: Path) -> Iterator[Path]:
    """The data folder of a shop that belongs to somebody else, who lets nobody look into it."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    for folder in ("secrets", "postgres/cluster"):
        (tmp_path / folder).mkdir(parents=True)
    tmp_path.chmod(0o700)
    os.seteuid(65_534)
    yield tmp_path
    os.seteuid(0)
