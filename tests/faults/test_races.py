"""Many at the same counter at once, over HTTP through a gateway of two processes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.faults import ending_races, money_races, races
from tests.faults.lab import Lab, lab
from tests.faults.races import Race

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("races")]


@pytest.fixture(scope="module")
async def laboratory(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    async with lab(tmp_path_factory.mktemp("races"), workers=2) as opened:
        yield opened


@pytest.mark.parametrize("race", (*races.SMALL, *money_races.SMALL, *ending_races.SMALL), ids=lambda race: race[0])
async def test_a_race_has_the_winners_it_may_have(laboratory: Lab, race: Race):
    _, run, told = race
    assert (await run(laboratory, 1, *told))["wrong"] == []
