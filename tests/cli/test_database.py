"""A named database that is away is waited for as long as told, and then explained."""

from __future__ import annotations

import threading
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest

from haat.cli.database import reach
from haat.kit.startup import StartupFault

SOCKET = ".s.PGSQL.5432"


def nowhere(folder: Path) -> str:
    return "postgresql://haat@/haat?" + urlencode({"host": folder})


def test_a_database_that_is_not_there_is_explained(tmp_path: Path):
    with pytest.raises(StartupFault) as fault:
        reach(nowhere(tmp_path))
    assert fault.value.what.startswith("The database cannot be reached: ")
    assert "HAAT_DATABASE_URL" in fault.value.what_to_do


def test_an_address_that_makes_no_sense_is_explained():
    with pytest.raises(StartupFault, match="cannot be reached"):
        reach("postgresql://haat@nowhere:many/haat")


def test_a_database_that_is_coming_back_is_waited_for(admin_url: str, tmp_path: Path):
    parts = urlsplit(admin_url)
    real = Path(parse_qs(parts.query)["host"][0]) / SOCKET
    threading.Timer(0.2, (tmp_path / SOCKET).symlink_to, [real]).start()
    reach(urlunsplit(parts._replace(query=urlencode({"host": tmp_path}))), patience=30)
    assert (tmp_path / SOCKET).is_symlink()
