"""A forgotten password, a new e-mail address: links that work once, for an hour, and tell nobody who has an account."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from haat.contracts.identity import (
    AccessToken,
    AskEmailChange,
    AskReset,
    ChangeProfile,
    ConfirmEmail,
    EmailTaken,
    EnsureStaff,
    LetterRef,
    LetterWanted,
    LinkRefused,
    Refresh,
    Register,
    ResetPassword,
    SignIn,
    SignInRefused,
    StaffRole,
    TokenRefused,
    Tokens,
    User,
)
from haat.engines.cache.memory import MemoryCache
from haat.engines.database.pool import PostgresDatabase
from haat.kit.idempotency import Idempotency, IdempotencyConflict
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound
from haat.kit.problem import TooMany
from haat.services.identity.service import IdentityService
from haat.services.identity.store import IdentityStore
from tests.services.identity.conftest import PASSWORD, SECRET

NEW = "an entirely new password"


@pytest.fixture
async def letters(database: PostgresDatabase) -> Any:
    """The letters that were told of since, newest last."""
    async with database.connection() as connection:
        await connection.execute("DELETE FROM identity.outbox")

    async def told() -> list[LetterWanted]:
        async with database.connection() as connection:
            rows = await connection.fetch(
                "SELECT body FROM identity.outbox WHERE name = 'identity.LetterWanted' ORDER BY position"
            )
        return [msgspec.json.decode(row["body"], type=LetterWanted) for row in rows]

    return told


async def link(identity: IdentityService, letters: Any) -> str:
    """The token of the newest letter's link, as the writer of the letter gets it."""
    return (await identity.letter(LetterRef(letter_id=(await letters())[-1].letter_id))).token


async def asked(identity: IdentityService, letters: Any, who: User) -> str:
    await identity.ask_reset(AskReset(email=who.email))
    return await link(identity, letters)


async def test_the_link_sets_a_password_and_ends_every_session(
    identity: IdentityService, letters: Any, asha: User, tokens: Tokens
):
    await identity.reset_password(ResetPassword(token=await asked(identity, letters, asha), password=NEW))
    with pytest.raises(SignInRefused):
        await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    with pytest.raises(TokenRefused):
        await identity.refresh(Refresh(refresh_token=tokens.refresh_token))
    with pytest.raises(TokenRefused):
        await identity.authenticate(AccessToken(token=tokens.access_token))
    assert (await identity.sign_in(SignIn(email=asha.email, password=NEW))).user_id == asha.id
    assert [each.kind for each in await letters()] == ["password_reset", "password_changed"]


async def test_of_ten_who_follow_a_link_at_once_one_sets_the_password(
    identity: IdentityService, letters: Any, asha: User
):
    token = await asked(identity, letters, asha)
    asks = [identity.reset_password(ResetPassword(token=token, password=f"{NEW} {n}")) for n in range(10)]
    found = await asyncio.gather(*asks, return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["KnownDevice"] + ["LinkRefused"] * 9


async def test_a_link_works_for_an_hour(
    identity: IdentityService, letters: Any, asha: User, database: PostgresDatabase
):
    token = await asked(identity, letters, asha)
    async with database.connection() as connection:
        left = await connection.fetchval(
            "SELECT max(expires_at) - now() FROM identity.letters WHERE user_id = $1", asha.id
        )
        await connection.execute("UPDATE identity.letters SET expires_at = now() WHERE user_id = $1", asha.id)
    assert 3480 < left.total_seconds() <= 3600
    with pytest.raises(LinkRefused):
        await identity.reset_password(ResetPassword(token=token, password=NEW))


async def test_a_second_link_dies_with_the_first(identity: IdentityService, letters: Any, asha: User):
    first, second = await asked(identity, letters, asha), await asked(identity, letters, asha)
    await identity.reset_password(ResetPassword(token=second, password=NEW))
    with pytest.raises(LinkRefused):
        await identity.reset_password(ResetPassword(token=first, password=NEW))


async def test_a_changed_password_kills_the_links_before_it(identity: IdentityService, letters: Any, asha: User):
    token = await asked(identity, letters, asha)
    await identity.change_profile(ChangeProfile(user_id=asha.id, password=NEW, current_password=PASSWORD))
    with pytest.raises(LinkRefused):
        await identity.reset_password(ResetPassword(token=token, password="another one of mine"))


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"), lambda t: t.split(".")[0], lambda _: "x.y"]
)
async def test_a_link_cannot_be_made_up(identity: IdentityService, letters: Any, asha: User, change: Any):
    token = await asked(identity, letters, asha)
    with pytest.raises(LinkRefused):
        await identity.reset_password(ResetPassword(token=change(token), password=NEW))


async def test_a_link_of_one_kind_is_none_of_the_other(identity: IdentityService, letters: Any, asha: User):
    token = await asked(identity, letters, asha)
    with pytest.raises(LinkRefused):
        await identity.confirm_email(ConfirmEmail(token=token))


async def test_another_secret_makes_other_links(
    identity: IdentityService, letters: Any, asha: User, database: PostgresDatabase
):
    token = await asked(identity, letters, asha)
    other = IdentityService(IdentityStore(database), MemoryCache(), "another secret")
    with pytest.raises(LinkRefused):
        await other.reset_password(ResetPassword(token=token, password=NEW))


async def test_an_address_without_an_account_gets_the_same_answer_and_no_letter(
    identity: IdentityService, letters: Any
):
    answer = await identity.ask_reset(AskReset(email=f"{new_id('nobody')}@example.com"))
    known = await identity.ask_reset(AskReset(email=f"{new_id('nobody')}@example.com"))
    assert (answer, await letters()) == (known, [])


async def test_the_fourth_ask_in_a_quarter_of_an_hour_is_too_many_whether_or_not_there_is_an_account(
    identity: IdentityService, letters: Any, asha: User
):
    for email in (asha.email, f"{new_id('nobody')}@example.com"):
        for _ in range(3):
            await identity.ask_reset(AskReset(email=email))
        with pytest.raises(TooMany):
            await identity.ask_reset(AskReset(email=email))
    assert len(await letters()) == 3


async def test_no_link_and_no_address_is_stored_or_told(
    identity: IdentityService, letters: Any, asha: User, database: PostgresDatabase
):
    token = await asked(identity, letters, asha)
    async with database.connection() as connection:
        bodies = [bytes(row["body"]).decode() for row in await connection.fetch("SELECT body FROM identity.outbox")]
        rows = [str(row) for row in await connection.fetch("SELECT * FROM identity.letters")]
    secret = token.partition(".")[2]
    assert [text for text in [*bodies, *rows] if secret in text] == []
    assert [text for text in bodies if asha.email in text] == []


async def test_a_locked_out_owner_gets_in_by_the_link(identity: IdentityService, letters: Any, asha: User):
    for _ in range(11):
        await asyncio.gather(identity.sign_in(SignIn(email=asha.email, password="guess")), return_exceptions=True)
    with pytest.raises(TooMany):
        await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    await identity.reset_password(ResetPassword(token=await asked(identity, letters, asha), password=NEW))
    assert (await identity.sign_in(SignIn(email=asha.email, password=NEW))).user_id == asha.id


async def test_whoever_set_a_password_by_a_link_signs_in_through_a_flood_of_guesses(
    identity: IdentityService, letters: Any, asha: User
):
    reset = ResetPassword(token=await asked(identity, letters, asha), password=NEW)
    known = await identity.reset_password(reset)
    for _ in range(11):
        await asyncio.gather(identity.sign_in(SignIn(email=asha.email, password="guess")), return_exceptions=True)
    let_in = await identity.sign_in(SignIn(email=asha.email, password=NEW, device=known.device))
    assert let_in.user_id == asha.id


async def test_a_password_that_was_set_under_a_key_already_tells_nobody_again_who_is_known(
    identity: IdentityService, letters: Any, asha: User
):
    ask = ResetPassword(token=await asked(identity, letters, asha), password=NEW, idempotency=once())
    devices = [(await identity.reset_password(ask)).device for _ in range(2)]
    assert [device == "" for device in devices] == [False, True]


async def changing(identity: IdentityService, letters: Any, who: User, email: str) -> str:
    await identity.ask_email_change(AskEmailChange(user_id=who.id, email=email, current_password=PASSWORD))
    return await link(identity, letters)


async def test_a_new_address_counts_once_its_link_was_followed(identity: IdentityService, letters: Any, asha: User):
    email = f"{new_id('new')}@example.com"
    token = await changing(identity, letters, asha, email)
    before = await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    changed = await identity.confirm_email(ConfirmEmail(token=token))
    with pytest.raises(SignInRefused):
        await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    assert (before.user_id, changed.email) == (asha.id, email)
    assert (await identity.sign_in(SignIn(email=email, password=PASSWORD))).user_id == asha.id
    word = await identity.letter(LetterRef(letter_id=(await letters())[-1].letter_id))
    assert (word.kind, word.email, word.token) == ("email_changed", asha.email, "")
    with pytest.raises(LinkRefused):
        await identity.confirm_email(ConfirmEmail(token=token))


async def test_a_new_address_was_shown_to_be_theirs(identity: IdentityService, letters: Any, asha: User):
    email = f"{new_id('new')}@example.com"
    await identity.confirm_email(ConfirmEmail(token=await changing(identity, letters, asha, email)))
    given = await identity.give_role(StaffRole(email=email, role="support", actor="usr_owner"))
    assert given.roles == ["support"]


async def test_a_new_address_ends_every_session_but_the_one_that_confirms_it(
    identity: IdentityService, letters: Any, asha: User, tokens: Tokens
):
    thief = await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    link = await changing(identity, letters, asha, f"{new_id('new')}@example.com")
    await identity.confirm_email(ConfirmEmail(token=link, session_id=tokens.session_id))
    with pytest.raises(TokenRefused):
        await identity.authenticate(AccessToken(token=thief.access_token))
    with pytest.raises(TokenRefused):
        await identity.refresh(Refresh(refresh_token=thief.refresh_token))
    assert (await identity.authenticate(AccessToken(token=tokens.access_token))).user_id == asha.id


async def test_a_new_address_that_nobody_signed_in_confirms_ends_every_session(
    identity: IdentityService, letters: Any, asha: User, tokens: Tokens
):
    link = await changing(identity, letters, asha, f"{new_id('new')}@example.com")
    await identity.confirm_email(ConfirmEmail(token=link))
    with pytest.raises(TokenRefused):
        await identity.authenticate(AccessToken(token=tokens.access_token))


async def test_a_new_address_is_told_to_those_who_remember_sessions(database: PostgresDatabase, letters: Any):
    cache = MemoryCache()
    identity = IdentityService(IdentityStore(database), cache, SECRET)
    user = await identity.register(Register(email=f"{new_id('u')}@example.com", password=PASSWORD, name="A"))
    link = await changing(identity, letters, user, f"{new_id('new')}@example.com")
    await cache.put("remembered", b"x", seconds=60, tags=(f"user:{user.id}",))
    await identity.confirm_email(ConfirmEmail(token=link))
    assert await cache.get("remembered") is None


async def test_a_wrong_password_changes_no_address(identity: IdentityService, letters: Any, asha: User):
    ask = AskEmailChange(user_id=asha.id, email="x@example.com", current_password="wrong")
    with pytest.raises(Invalid):
        await identity.ask_email_change(ask)
    assert await letters() == []


async def test_links_to_one_address_are_counted_whoever_asks_for_them(
    identity: IdentityService, letters: Any, asha: User
):
    email = f"{new_id('victim')}@example.com"
    ravi = await identity.register(Register(email=f"{new_id('r')}@example.com", password=PASSWORD, name="Ravi"))
    asks = [AskEmailChange(user_id=each.id, email=email, current_password=PASSWORD) for each in (asha, ravi) * 2]
    for ask in asks[:3]:
        await identity.ask_email_change(ask)
    with pytest.raises(TooMany):
        await identity.ask_email_change(asks[3])
    assert len(await letters()) == 3


async def test_a_taken_address_is_not_told(identity: IdentityService, letters: Any, asha: User):
    other = await identity.register(Register(email=f"{new_id('r')}@example.com", password=PASSWORD, name="Ravi"))
    await identity.ask_email_change(AskEmailChange(user_id=asha.id, email=other.email, current_password=PASSWORD))
    assert await letters() == []


async def test_an_address_taken_meanwhile_is_refused_and_the_link_stays(
    identity: IdentityService, letters: Any, asha: User
):
    email = f"{new_id('r')}@example.com"
    token = await changing(identity, letters, asha, email)
    await identity.register(Register(email=email.upper(), password=PASSWORD, name="Ravi"))
    for _ in range(2):
        with pytest.raises(EmailTaken):
            await identity.confirm_email(ConfirmEmail(token=token))


async def test_a_used_letter_is_not_written_any_more(identity: IdentityService, letters: Any, asha: User):
    token = await asked(identity, letters, asha)
    ref = LetterRef(letter_id=(await letters())[-1].letter_id)
    await identity.reset_password(ResetPassword(token=token, password=NEW))
    with pytest.raises(NotFound):
        await identity.letter(ref)


def once(body: str = "asked") -> Idempotency:
    """A key of its own, for the same caller."""
    return Idempotency(account="address:192.0.2.1", key=new_id("key"), fingerprint=body)


async def test_a_reset_asked_for_twice_under_a_key_mails_one_link(identity: IdentityService, letters: Any, asha: User):
    ask = AskReset(email=asha.email, idempotency=once())
    for _ in range(2):
        await identity.ask_reset(ask)
    assert [each.kind for each in await letters()] == ["password_reset"]


async def test_a_password_set_under_a_key_is_set_again_by_nobody(identity: IdentityService, letters: Any, asha: User):
    ask = ResetPassword(token=await asked(identity, letters, asha), password=NEW, idempotency=once())
    for _ in range(2):
        await identity.reset_password(ask)
    assert [each.kind for each in await letters()] == ["password_reset", "password_changed"]


async def test_a_link_is_over_under_another_key(identity: IdentityService, letters: Any, asha: User):
    token = await asked(identity, letters, asha)
    await identity.reset_password(ResetPassword(token=token, password=NEW, idempotency=once()))
    with pytest.raises(LinkRefused):
        await identity.reset_password(ResetPassword(token=token, password=NEW, idempotency=once()))


async def test_another_password_under_the_same_key_is_refused(identity: IdentityService, letters: Any, asha: User):
    ask = ResetPassword(token=await asked(identity, letters, asha), password=NEW, idempotency=once())
    await identity.reset_password(ask)
    other = msgspec.structs.replace(ask.idempotency, fingerprint="another body")  # type: ignore[arg-type]
    with pytest.raises(IdempotencyConflict):
        await identity.reset_password(msgspec.structs.replace(ask, password="and another one", idempotency=other))


async def test_a_new_address_under_a_key_is_mailed_and_confirmed_once(
    identity: IdentityService, letters: Any, asha: User
):
    new = f"{new_id('asha')}@example.com"
    ask = AskEmailChange(user_id=asha.id, email=new, current_password=PASSWORD, idempotency=once())
    for _ in range(2):
        await identity.ask_email_change(ask)
    confirm = ConfirmEmail(token=await link(identity, letters), idempotency=once())
    users = [await identity.confirm_email(confirm) for _ in range(2)]
    assert [user.email for user in users] == [new, new]
    assert [each.kind for each in await letters()] == ["email_change", "email_changed"]


async def test_no_quick_digest_of_a_password_is_kept(
    identity: IdentityService, letters: Any, asha: User, database: PostgresDatabase
):
    key = once("a digest of the body")
    ask = AskEmailChange(user_id=asha.id, email="new@example.com", current_password=PASSWORD, idempotency=key)
    await identity.ask_email_change(ask)
    async with database.connection() as connection:
        kept = await connection.fetchval("SELECT fingerprint FROM identity.idempotency WHERE key = $1", key.key)
    assert (kept == key.fingerprint, len(kept)) == (False, 32)


async def test_a_staff_account_that_is_set_up_anew_kills_the_links_before_it(
    identity: IdentityService, letters: Any, asha: User
):
    token = await asked(identity, letters, asha)
    await identity.ensure_staff(EnsureStaff(email=asha.email, name="Asha", password=NEW, roles=["support"]))
    with pytest.raises(LinkRefused):
        await identity.reset_password(ResetPassword(token=token, password="another one of mine"))
