"""Roles are given and taken away, count at once, and leave the shop an owner."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from haat.contracts.identity import (
    AccessToken,
    AddressUnproven,
    AskReset,
    EnsureStaff,
    LastOwner,
    LetterRef,
    ListStaff,
    Refresh,
    Register,
    ResetPassword,
    StaffRole,
    Tokens,
    User,
)
from haat.engines.database.pool import PostgresDatabase
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound
from haat.services.identity.service import IdentityService
from tests.services.identity.conftest import PASSWORD


@pytest.fixture(autouse=True)
async def _nobody_works_here_yet(database: PostgresDatabase) -> None:
    async with database.connection() as connection:
        await connection.execute("UPDATE identity.users SET roles = '{}' WHERE roles <> '{}'")


def role(user: User, name: str) -> StaffRole:
    return StaffRole(email=user.email, role=name, actor="usr_owner")


def vouched(user: User, name: str) -> StaffRole:
    return msgspec.structs.replace(role(user, name), vouched=True)


async def follow_a_link(identity: IdentityService, database: PostgresDatabase, user: User) -> None:
    """They set a password by a link that was mailed to their address."""
    await identity.ask_reset(AskReset(email=user.email))
    async with database.connection() as connection:
        letter = await connection.fetchval("SELECT letter_id FROM identity.letters WHERE user_id = $1", user.id)
    link = await identity.letter(LetterRef(letter_id=letter))
    await identity.reset_password(ResetPassword(token=link.token, password=PASSWORD))


async def member(identity: IdentityService, *roles: str) -> User:
    user = await identity.register(Register(email=f"{new_id('s')}@example.com", password=PASSWORD, name="Somebody"))
    for name in roles:
        await identity.give_role(vouched(user, name))
    return user


async def roles_now(identity: IdentityService, tokens: Tokens) -> list[str]:
    return list((await identity.authenticate(AccessToken(token=tokens.access_token))).roles)


async def test_a_role_counts_at_once_and_is_gone_at_once(identity: IdentityService, asha: User, tokens: Tokens):
    given = await identity.give_role(vouched(asha, "finance"))
    with_role = await roles_now(identity, tokens)
    taken = await identity.take_role(role(asha, "finance"))
    assert (given.roles, with_role) == (["finance"], ["finance"])
    assert (taken.roles, await roles_now(identity, tokens)) == ([], [])
    renewed = await identity.refresh(Refresh(refresh_token=tokens.refresh_token))
    assert await roles_now(identity, renewed) == []


async def test_a_role_has_its_effect_once_and_leaves_the_others(identity: IdentityService, asha: User):
    for name in ("support", "finance", "support"):
        user = await identity.give_role(vouched(asha, name))
    for _ in range(2):
        rest = await identity.take_role(role(asha, "support"))
    assert (user.roles, rest.roles) == (["finance", "support"], ["finance"])


async def test_an_email_is_known_however_it_is_written(identity: IdentityService, asha: User):
    ask = StaffRole(email=asha.email.upper(), role="support", actor="usr_owner", vouched=True)
    given = await identity.give_role(ask)
    assert (given.id, given.roles) == (asha.id, ["support"])


async def test_an_email_without_an_account_and_a_role_that_is_none_are_refused(identity: IdentityService, asha: User):
    nobody = StaffRole(email="nobody@example.com", role="support", actor="usr_owner")
    for act in (identity.give_role, identity.take_role):
        with pytest.raises(NotFound, match="Nobody has an account with this e-mail"):
            await act(nobody)
        with pytest.raises(Invalid):
            await act(role(asha, "king"))


async def test_an_account_gets_a_role_once_its_owner_has_followed_a_mailed_link(
    identity: IdentityService, database: PostgresDatabase, asha: User
):
    with pytest.raises(AddressUnproven):
        await identity.give_role(role(asha, "support"))
    await follow_a_link(identity, database, asha)
    assert (await identity.give_role(role(asha, "support"))).roles == ["support"]


async def test_whoever_was_vouched_for_once_gets_another_role(identity: IdentityService, asha: User):
    await identity.give_role(vouched(asha, "support"))
    assert (await identity.give_role(role(asha, "finance"))).roles == ["finance", "support"]


async def test_whoever_is_set_up_with_a_role_is_vouched_for(identity: IdentityService, asha: User):
    for email in (asha.email, f"{new_id('s')}@example.com"):
        await identity.ensure_staff(EnsureStaff(email=email, name="S", password=None, roles=["support"]))
        given = await identity.give_role(StaffRole(email=email, role="finance", actor="usr_owner"))
        assert given.roles == ["finance", "support"]


async def test_staff_are_listed_page_by_page_newest_first(identity: IdentityService, asha: User):
    made = [await member(identity, "support"), await member(identity, "catalogue", "finance")]
    first = await identity.staff(ListStaff(limit=1))
    second = await identity.staff(ListStaff(limit=1, cursor=first.next_cursor))
    assert [(user.id, user.roles) for user in first.data + second.data] == [
        (made[1].id, ["catalogue", "finance"]),
        (made[0].id, ["support"]),
    ]
    assert (first.has_more, second.has_more) == (True, False)


async def test_the_last_owner_keeps_the_role(identity: IdentityService):
    first, second = await member(identity, "owner"), await member(identity, "owner", "support")
    await identity.take_role(role(first, "owner"))
    with pytest.raises(LastOwner):
        await identity.take_role(role(second, "owner"))
    assert (await identity.take_role(role(first, "owner"))).roles == []
    assert [(user.id, user.roles) for user in (await identity.staff(ListStaff())).data] == [
        (second.id, ["owner", "support"])
    ]


async def test_owners_who_take_the_role_from_each_other_at_once_leave_one(identity: IdentityService):
    owners = [await member(identity, "owner") for _ in range(5)]
    asks = [identity.take_role(role(owner, "owner")) for owner in owners]
    codes = [getattr(each, "code", "ok") for each in await asyncio.gather(*asks, return_exceptions=True)]
    assert sorted(codes) == ["last_owner", "ok", "ok", "ok", "ok"]
    assert [user.roles for user in (await identity.staff(ListStaff())).data] == [["owner"]]
