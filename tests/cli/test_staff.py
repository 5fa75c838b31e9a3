"""`haat staff` gives roles and takes them away."""

from __future__ import annotations

import pytest

from haat.cli.staff import ask_identity, given
from haat.compose import House
from haat.contracts.identity import Identity, ListStaff, Register, StaffRole
from haat.kit.ids import new_id
from haat.kit.startup import StartupFault


async def test_a_role_is_given_listed_and_taken_away(house: House, capsys: pytest.CaptureFixture[str]):
    email = f"{new_id('s')}@example.com"
    await house.ask(Identity).register(Register(email=email, password="a long enough password", name="Ravi"))
    role = StaffRole(email=email, role="support", actor="haat staff")
    user = await ask_identity(house.settings, lambda identity: given(identity, role))
    said, _, _ = capsys.readouterr().out.partition("\n")
    listed = await ask_identity(house.settings, lambda identity: identity.staff(ListStaff(limit=1)))
    taken = await ask_identity(house.settings, lambda identity: identity.take_role(role))
    assert said == f"Nobody has followed a link that was mailed to {email}: you vouch that this account is theirs."
    assert (user.roles, [(user.email, user.roles) for user in listed.data], taken.roles) == (
        ["support"],
        [(email, ["support"])],
        [],
    )


@pytest.mark.parametrize(
    ("role", "said"),
    [("support", "Nobody has an account with this e-mail."), ("king", "king: choose from catalogue, finance")],
)
async def test_a_refusal_is_told_in_words(house: House, role: str, said: str):
    ask = StaffRole(email="nobody@example.com", role=role, actor="haat staff")
    with pytest.raises(StartupFault, match=said):
        await ask_identity(house.settings, lambda identity: given(identity, ask))
