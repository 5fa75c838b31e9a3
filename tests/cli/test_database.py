"""A named database that is away is waited for as long as told, and then explained."""

from __future__ import annotations

import time

import pytest

from haat.cli.database import reach
from haat.kit.startup import StartupFault


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
