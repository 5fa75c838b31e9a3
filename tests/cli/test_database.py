"""A named database that is away is waited for as long as told, and then explained."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from haat.cli.database import known, reach, standing_alone
from haat.engines.database.templates import template_database
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
    reach(database_away, time.monotonic() + 30)


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
