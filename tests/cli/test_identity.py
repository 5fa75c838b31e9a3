"""`haat identity rotate` moves the keys on, beside a shop that is running."""

from __future__ import annotations

import pytest

from haat.cli.identity import rotated
from haat.cli.staff import ask_identity
from haat.compose import House
from haat.contracts.identity import Identity
from haat.kit.message import Nothing, Unavailable


async def test_the_key_that_was_published_as_the_next_one_signs(house: House):
    _, following, *_ = (await house.ask(Identity).keys(Nothing())).keys
    assert await rotated(house.settings, False) == following["kid"]


async def test_that_identity_is_away_is_no_matter_of_roles(house: House):
    async def asked(_: Identity) -> None:
        raise Unavailable("identity does not answer")

    with pytest.raises(Unavailable):
        await ask_identity(house.settings, asked)
