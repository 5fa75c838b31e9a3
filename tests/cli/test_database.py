"""A named database that is away is waited for as long as told, and then explained."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import asyncpg
import psycopg
import pytest

from haat.cli.database import database_for, known, reach, standing_alone
from haat.engines.database.templates import template_database
from haat.kit.message import Unavailable
from haat.kit.startup import StartupFault
from haat.settings import SERVICES, Settings


def test_a_database_that_is_not_there_is_explained(nowhere: str):
    with pytest.raises(StartupFault) as fault:
        reach(nowhere)
    assert fault.value.what.startswith("The database cannot be reached: ")
    assert "HAAT_DATABASE_URL" in fault.value.what_to_do


def test_an_address_that_makes_no_sense_is_explained():
    with pytest.raises(StartupFault, match="cannot be reached"):
        reach("postgresql://haat@nowhere:many/haat")


@pytest.mark.slow
def test_a_database_that_is_coming_back_is_waited_for(database_away: str):
    reach(database_away, time.monotonic() + 120)


def test_a_part_of_the_shop_without_a_database_is_told_to_name_one(tmp_path: Path):
    with pytest.raises(StartupFault, match="No database is named"):
        standing_alone(Settings(data=tmp_path, database_url=None), ["orders"])


def test_parts_of_one_data_folder_share_the_secret_that_is_kept_there(tmp_path: Path, database_url: str):
    here, there = (standing_alone(Settings(data=tmp_path, database_url=database_url), ["orders"]) for _ in range(2))
    assert here.service_secret == there.service_secret == (tmp_path / "secrets" / "service").read_text()


def test_a_secret_that_cannot_be_kept_is_asked_for(database_url: str):
    with pytest.raises(StartupFault) as fault:
        standing_alone(Settings(data=Path("/proc/haat"), database_url=database_url), ["orders"])
    assert "HAAT_SERVICE_SECRET" in fault.value.what_to_do


def test_services_that_do_not_exist_are_named_at_once():
    with pytest.raises(StartupFault, match=r"There is no service stock, tills\."):
        known(["orders", "stock", "tills"], SERVICES)


def test_a_part_of_the_shop_on_a_database_without_its_tables_is_told_to_migrate(tmp_path: Path, admin_url: str):
    lacks = pytest.raises(StartupFault, match=r"lacks tables of this version \(events, orders\)")
    with template_database(admin_url, "without_tables", "template1") as empty, lacks as fault:
        standing_alone(Settings(data=tmp_path, database_url=empty), ["orders", "vault"])
    assert fault.value.what_to_do == "Run `haat migrate` first."


def test_a_shop_that_is_not_there_is_not_made_to_be_looked_at(tmp_path: Path):
    with pytest.raises(StartupFault) as fault, database_for(Settings(data=tmp_path / "typo", database_url=None)):
        pass
    assert (fault.value.what, list(tmp_path.iterdir())) == (f"There is no shop in {tmp_path}/typo.", [])


def test_a_named_database_without_tables_is_told_to_migrate(tmp_path: Path, admin_url: str):
    with (
        template_database(admin_url, "nothing_in_it", "template1") as empty,
        pytest.raises(StartupFault, match="lacks tables of this version"),
        database_for(Settings(data=tmp_path, database_url=empty)),
    ):
        pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (psycopg.OperationalError("could not extend file: No space left on device"), "The database broke off: could"),
        (asyncpg.ConnectionDoesNotExistError("connection was closed"), "The database broke off: connection was closed"),
        (asyncpg.InsufficientPrivilegeError("permission denied for schema vault"), "The database user may not do this"),
        (asyncpg.InvalidPasswordError("password authentication failed"), "The database user may not do this: password"),
        (socket.gaierror(-2, "Name or service not known"), "The database broke off: .*Name or service not known"),
        (Unavailable("payments does not answer"), r"^payments does not answer\."),
    ],
)
def test_what_breaks_amid_the_work_is_told_in_words(tmp_path: Path, database_url: str, error: Exception, said: str):
    with pytest.raises(StartupFault, match=said), database_for(Settings(data=tmp_path, database_url=database_url)):
        raise error


def test_a_missing_file_is_no_fault_of_the_database(tmp_path: Path, database_url: str):
    with pytest.raises(FileNotFoundError), database_for(Settings(data=tmp_path, database_url=database_url)):
        raise FileNotFoundError("products.csv")


def test_the_other_databases_are_looked_for_under_their_own_names(tmp_path: Path, database_url: str, nowhere: str):
    told = Settings(data=tmp_path, database_url=database_url)
    with pytest.raises(StartupFault) as replica:
        standing_alone(told.model_copy(update={"replica_url": nowhere}), ["orders"])
    with pytest.raises(StartupFault) as vault:
        standing_alone(told.model_copy(update={"vault_database_url": nowhere}), ["vault"])
    standing_alone(told.model_copy(update={"vault_database_url": nowhere}), ["orders"])
    ways_out = [fault.value.what_to_do.split()[-3] for fault in (replica, vault)]
    assert ways_out == ["HAAT_REPLICA_URL", "HAAT_VAULT_DATABASE_URL"]


def test_a_shop_of_somebody_else_is_not_taken_for_none(not_ours: Path):
    secret = "s" * 40
    with (
        pytest.raises(StartupFault, match="This user may not look into"),
        database_for(Settings(data=not_ours, database_url=None, service_secret=secret)),
    ):
        pass
