"""A database and a program of different ages."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from haat.engines.database import migrations
from haat.engines.database.migrations import every_unit, migrate, missing
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


def test_a_server_that_is_too_old_is_left_alone_and_explained(admin_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(migrations, "LEAST_VERSION", 990_000)
    with pytest.raises(StartupFault, match=r"The database server is PostgreSQL 18\.\d+: haat needs 99 or later"):
        migrate(admin_url, ["events"])


def test_a_user_who_may_not_look_at_every_schema_is_told_to_be_another(database_url: str):
    with pytest.raises(
        StartupFault, match="may not look at every schema \\(permission denied for schema vault"
    ) as fault:
        migrate(database_url, every_unit())
    assert fault.value.what_to_do.startswith("Name the owner of the tables by HAAT_DATABASE_URL")


@pytest.fixture
def held(admin_url: str) -> Iterator[str]:
    """A database that is one step behind, with somebody at work in it who keeps the step waiting."""
    with template_database(admin_url, "held", "template1") as url:
        migrate(url, ["inventory"])
        with psycopg.connect(url) as connection:
            connection.execute("DROP FUNCTION inventory.commit_from")
            connection.execute("UPDATE inventory.alembic_version SET version_num = '0006'")
        with psycopg.connect(url) as busy:
            busy.execute("LOCK TABLE inventory.alembic_version IN SHARE MODE")
            yield url


@pytest.mark.slow
def test_a_step_that_waits_for_a_lock_gives_up_and_says_so(held: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "50ms")
    with pytest.raises(StartupFault, match="inventory could not be brought up to date: somebody holds a lock") as fault:
        migrate(held, ["inventory"])
    assert fault.value.what_to_do.startswith("Try again when that has ended")
    assert missing(held, ["inventory"]) == ["inventory"]


@pytest.mark.slow
def test_a_step_that_the_server_breaks_off_is_explained(held: str):
    with pytest.raises(StartupFault, match="inventory could not be brought up to date: canceling statement due to"):
        migrate(held + "&options=-c%20statement_timeout%3D300", ["inventory"])


@pytest.mark.slow
def test_the_tax_classes_that_an_older_shop_has_in_use_stay_known(admin_url: str):
    with template_database(admin_url, "older_shop", "template1") as url:
        migrate(url, ["catalog"])
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE catalog.alembic_version SET version_num = '0002'")
            # A variant without its product.
            connection.execute("SET session_replication_role = replica")
            connection.execute(
                "INSERT INTO catalog.variants VALUES"
                " ('var_1', 'prd_1', 0, 'BOOK-1', false, 1, 'INR', 'Book', 'book', '{}', 'books', '', 0, '{}', '')"
            )
        changed = migrate(url, ["catalog"])
        with psycopg.connect(url) as connection:
            known = connection.execute("SELECT tax_class FROM catalog.tax_classes").fetchall()
    assert (changed, known) == (["catalog"], [("books",)])
