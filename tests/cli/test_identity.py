"""`haat identity rotate` moves the keys on, beside a shop that is running."""

from __future__ import annotations

from haat.cli.identity import rotated
from haat.compose import House
from haat.contracts.identity import Identity
from haat.kit.message import Nothing


async def test_the_key_that_was_published_as_the_next_one_signs(house: House):
    _, following, *_ = (await house.ask(Identity).keys(Nothing())).keys
    assert await rotated(house.settings, False) == following["kid"]
