"""A database and a program of different ages."""

from __future__ import annotations

import psycopg
import pytest

from haat.engines.database.migrations import migrate, missing
from haat.engines.database.templates import template_database
from haat.kit.startup import StartupFault


def test_a_database_of_a_newer_program_is_left_alone_and_explained(admin_url: str):
    with template_database(admin_url, "newer", "template1") as url:
        migrate(url, ["events"])
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE events.alembic_version SET version_num = '9999'")
        with pytest.raises(StartupFault, match=r"brought up to date by a newer haat \(events\)"):
            migrate(url, ["events", "media"])
        assert missing(url, ["events", "media"]) == ["media"]
