"""Accounts and sessions, on real PostgreSQL (T-ID-02 to T-ID-05)."""

from __future__ import annotations

import asyncio

import pytest

from haat.contracts.identity import (
    AccessToken,
    Address,
    AddressBookFull,
    AddressRef,
    ChangeProfile,
    EmailTaken,
    EndSession,
    EnsureStaff,
    FindUsers,
    ListOfUser,
    Refresh,
    Register,
    RotateKeys,
    SaveAddress,
    SignIn,
    SignInRefused,
    TokenRefused,
    Tokens,
    User,
)
from haat.engines.cache.memory import MemoryCache
from haat.engines.database.pool import PostgresDatabase
from haat.kit.idempotency import Idempotency, IdempotencyConflict
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound, Nothing
from haat.kit.problem import TooMany
from haat.services.identity.keys import SigningKeys
from haat.services.identity.passwords import Passwords
from haat.services.identity.service import IdentityService
from haat.services.identity.store import IdentityStore

PASSWORD = "correct horse battery"
SECRET = "only for these tests"
HOME = Address(name="Asha Rao", line1="12 MG Road", city="Bengaluru", region="KA", postal_code="560001")


def fresh_email() -> str:
    return f"{new_id('u')}@example.com"


async def outcome(call: object) -> str:
    """`ok`, or the code of the refusal."""
    [result] = await asyncio.gather(call, return_exceptions=True)  # type: ignore[call-overload]
    return str(getattr(result, "code", "ok"))


async def sql(database: PostgresDatabase, statement: str, *values: object) -> list[tuple[object, ...]]:
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(statement, *values)]


async def test_one_e_mail_has_one_account_however_it_is_written(identity: IdentityService, asha: User):
    with pytest.raises(EmailTaken):
        await identity.register(Register(email=asha.email.upper(), password=PASSWORD, name="Asha"))


@pytest.mark.parametrize("domain", ["münchen.example", "xn--mnchen-3ya.example", "MÜNCHEN.example"])
@pytest.mark.parametrize("opened_as", ["münchen.example", "xn--mnchen-3ya.example"])
async def test_an_account_is_found_however_a_browser_sends_its_domain(
    identity: IdentityService, opened_as: str, domain: str
):
    who = new_id("u")
    user = await identity.register(Register(email=f"{who}@{opened_as}", password=PASSWORD, name="Jürgen"))
    tokens = await identity.sign_in(SignIn(email=f"{who}@{domain}", password=PASSWORD))
    assert (user.email, tokens.user_id) == (f"{who}@münchen.example", user.id)


async def test_of_ten_registrations_at_once_one_wins(identity: IdentityService):
    email = fresh_email()
    asks = [identity.register(Register(email=email, password=PASSWORD, name="A")) for _ in range(10)]
    codes = [await each for each in [asyncio.create_task(outcome(ask)) for ask in asks]]
    assert sorted(codes) == ["email_taken"] * 9 + ["ok"]


async def test_a_registration_is_told_once(identity: IdentityService, asha: User, database: PostgresDatabase):
    told = await sql(database, "SELECT name FROM identity.outbox WHERE key = $1", asha.id)
    assert told == [("identity.UserRegistered",)]


async def test_a_repeated_registration_gives_the_stored_answer(identity: IdentityService):
    key = Idempotency(account="address:", key=new_id("k"), fingerprint="f1")
    ask = Register(email=fresh_email(), password=PASSWORD, name="Asha", idempotency=key)
    assert await identity.register(ask) == await identity.register(ask)


async def test_a_key_used_with_another_body_is_a_conflict(identity: IdentityService):
    account, key, email = "address:", new_id("k"), fresh_email()
    first = Idempotency(account=account, key=key, fingerprint="f1")
    await identity.register(Register(email=email, password=PASSWORD, name="Asha", idempotency=first))
    other = Idempotency(account=account, key=key, fingerprint="f2")
    with pytest.raises(IdempotencyConflict):
        await identity.register(Register(email=email, password=PASSWORD + "!", name="Asha", idempotency=other))


async def test_the_stored_fingerprint_of_a_password_is_keyed(identity: IdentityService, database: PostgresDatabase):
    key = Idempotency(account="address:", key=new_id("k"), fingerprint="a quick digest")
    await identity.register(Register(email=fresh_email(), password=PASSWORD, name="A", idempotency=key))
    [(stored,)] = await sql(database, "SELECT fingerprint FROM identity.idempotency WHERE key = $1", key.key)
    assert (stored == key.fingerprint, len(str(stored))) == (False, 32)


async def test_a_password_is_stored_as_argon2id_with_the_agreed_costs(asha: User, database: PostgresDatabase):
    [(stored,)] = await sql(database, "SELECT password_hash FROM identity.users WHERE user_id = $1", asha.id)
    assert str(stored).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_hash_with_older_costs_is_renewed_at_sign_in(
    identity: IdentityService, asha: User, database: PostgresDatabase
):
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    await sql(database, "UPDATE identity.users SET password_hash = $2 WHERE user_id = $1", asha.id, old)
    await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    [(stored,)] = await sql(database, "SELECT password_hash FROM identity.users WHERE user_id = $1", asha.id)
    assert "m=19456,t=2,p=1" in str(stored)


async def test_unknown_e_mail_and_wrong_password_get_the_same_answer(identity: IdentityService, asha: User):
    answers = []
    for email in (asha.email, fresh_email()):
        with pytest.raises(SignInRefused) as refused:
            await identity.sign_in(SignIn(email=email, password="not this one"))
        answers.append((refused.value.detail, refused.value.facts))
    assert answers[0] == answers[1]


async def test_an_unknown_e_mail_costs_a_hash_too(database: PostgresDatabase):
    passwords = Passwords()
    counted: list[str] = []
    fits = passwords._fits
    passwords._fits = lambda stored, password: (counted.append(stored), fits(stored, password))[1]  # type: ignore[method-assign]
    identity = IdentityService(IdentityStore(database), MemoryCache(), SECRET, passwords=passwords)
    with pytest.raises(SignInRefused):
        await identity.sign_in(SignIn(email=fresh_email(), password=PASSWORD))
    assert [stored[:30] for stored in counted] == ["$argon2id$v=19$m=19456,t=2,p=1"]


async def test_the_eleventh_guess_must_wait_even_if_right(identity: IdentityService, asha: User):
    for _ in range(10):
        with pytest.raises(SignInRefused):
            await identity.sign_in(SignIn(email=asha.email, password="guess"))
    with pytest.raises(TooMany) as refused:
        await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    assert 890 <= refused.value.facts["retry_after_seconds"] <= 901


async def test_guesses_for_an_unknown_account_are_throttled_alike(identity: IdentityService):
    email = fresh_email()
    codes = [await outcome(identity.sign_in(SignIn(email=email, password="guess"))) for _ in range(11)]
    assert codes == ["sign_in_refused"] * 10 + ["too_many_requests"]


async def test_guesses_in_parallel_all_count(identity: IdentityService, asha: User):
    guess = SignIn(email=asha.email, password="guess")
    codes = await asyncio.gather(*(outcome(identity.sign_in(guess)) for _ in range(25)))
    assert (codes.count("sign_in_refused"), codes.count("too_many_requests")) == (10, 15)


async def test_signing_in_forgives_earlier_failures(identity: IdentityService, asha: User):
    for _ in range(9):
        await outcome(identity.sign_in(SignIn(email=asha.email, password="guess")))
    await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    codes = [await outcome(identity.sign_in(SignIn(email=asha.email, password="guess"))) for _ in range(10)]
    assert codes == ["sign_in_refused"] * 10


async def test_a_window_that_is_over_is_forgotten(identity: IdentityService, asha: User, database: PostgresDatabase):
    for _ in range(11):
        await outcome(identity.sign_in(SignIn(email=asha.email, password="guess")))
    await sql(database, "UPDATE identity.attempts SET since = since - interval '16 minutes'")
    assert await outcome(identity.sign_in(SignIn(email=asha.email, password=PASSWORD))) == "ok"


async def test_one_address_may_not_try_a_hundred_accounts(identity: IdentityService, database: PostgresDatabase):
    await sql(database, "DELETE FROM identity.attempts WHERE key = 'sign-in:203.0.113.77'")
    await sql(database, "INSERT INTO identity.attempts VALUES ('sign-in:203.0.113.77', 100, now())")
    ask = SignIn(email=fresh_email(), password="guess", address="203.0.113.77")
    assert await outcome(identity.sign_in(ask)) == "too_many_requests"


async def test_a_flood_of_sign_ins_is_shed_beyond_the_queue(database: PostgresDatabase):
    small = IdentityService(IdentityStore(database), MemoryCache(), SECRET, passwords=Passwords(threads=1, queue=2))
    await outcome(small.sign_in(SignIn(email=fresh_email(), password="guess")))
    asks = [SignIn(email=fresh_email(), password="guess") for _ in range(20)]
    codes = await asyncio.gather(*(outcome(small.sign_in(ask)) for ask in asks))
    assert set(codes) == {"sign_in_refused", "too_many_requests"}


async def test_a_token_speaks_for_its_session(identity: IdentityService, asha: User, tokens: Tokens):
    principal = await identity.authenticate(AccessToken(token=tokens.access_token))
    assert (principal.user_id, principal.session_id, principal.roles) == (asha.id, tokens.session_id, [])


async def test_an_ended_sessions_tokens_are_dead(identity: IdentityService, asha: User, tokens: Tokens):
    await identity.end_session(EndSession(user_id=asha.id, session_id=tokens.session_id))
    codes = [
        await outcome(identity.authenticate(AccessToken(token=tokens.access_token))),
        await outcome(identity.refresh(Refresh(refresh_token=tokens.refresh_token))),
    ]
    assert codes == ["token_refused", "token_refused"]


async def test_another_users_session_is_not_found(identity: IdentityService, tokens: Tokens):
    with pytest.raises(NotFound):
        await identity.end_session(EndSession(user_id=new_id("usr"), session_id=tokens.session_id))


async def test_ending_a_session_tells_those_who_remember_it(database: PostgresDatabase):
    cache = MemoryCache()
    identity = IdentityService(IdentityStore(database), cache, SECRET)
    user = await identity.register(Register(email=fresh_email(), password=PASSWORD, name="A"))
    tokens = await identity.sign_in(SignIn(email=user.email, password=PASSWORD))
    await cache.put("remembered", b"x", seconds=60, tags=(f"user:{user.id}",))
    await identity.end_session(EndSession(user_id=user.id, session_id=tokens.session_id))
    assert await cache.get("remembered") is None


async def test_sessions_are_listed_newest_first_and_the_current_marked(
    identity: IdentityService, asha: User, tokens: Tokens
):
    second = await identity.sign_in(SignIn(email=asha.email, password=PASSWORD, user_agent="laptop"))
    page = await identity.sessions(ListOfUser(user_id=asha.id, session_id=tokens.session_id))
    assert [(each.id, each.user_agent, each.current) for each in page.data] == [
        (second.session_id, "laptop", False),
        (tokens.session_id, "phone", True),
    ]


async def test_fifty_refreshes_at_once_make_one_successor(
    identity: IdentityService, tokens: Tokens, database: PostgresDatabase
):
    ask = Refresh(refresh_token=tokens.refresh_token)
    answers = await asyncio.gather(*(identity.refresh(ask) for _ in range(50)))
    count = "SELECT count(*) FROM identity.refresh_tokens WHERE session_id = $1"
    assert len({answer.refresh_token for answer in answers}) == 1
    assert await sql(database, count, tokens.session_id) == [(2,)]


async def test_the_successor_works_after_a_retry(identity: IdentityService, tokens: Tokens):
    await identity.refresh(Refresh(refresh_token=tokens.refresh_token))
    again = await identity.refresh(Refresh(refresh_token=tokens.refresh_token))
    third = await identity.refresh(Refresh(refresh_token=again.refresh_token))
    principal = await identity.authenticate(AccessToken(token=third.access_token))
    assert principal.session_id == tokens.session_id


async def test_a_token_reused_after_the_grace_ends_its_whole_family(
    identity: IdentityService, asha: User, tokens: Tokens, database: PostgresDatabase
):
    successor = await identity.refresh(Refresh(refresh_token=tokens.refresh_token))
    await sql(
        database,
        "UPDATE identity.refresh_tokens SET used_at = used_at - interval '11 seconds' WHERE session_id = $1",
        tokens.session_id,
    )
    codes = [
        await outcome(identity.refresh(Refresh(refresh_token=tokens.refresh_token))),
        await outcome(identity.refresh(Refresh(refresh_token=successor.refresh_token))),
        await outcome(identity.authenticate(AccessToken(token=successor.access_token))),
    ]
    told = await sql(
        database,
        "SELECT count(*) FROM identity.outbox WHERE key = $1 AND name = 'identity.RefreshTokenReused'",
        asha.id,
    )
    assert (codes, told) == (["token_refused"] * 3, [(1,)])


async def test_an_expired_refresh_token_is_refused(
    identity: IdentityService, tokens: Tokens, database: PostgresDatabase
):
    await sql(
        database, "UPDATE identity.refresh_tokens SET expires_at = now() WHERE session_id = $1", tokens.session_id
    )
    with pytest.raises(TokenRefused):
        await identity.refresh(Refresh(refresh_token=tokens.refresh_token))


async def test_refresh_tokens_are_stored_hashed(tokens: Tokens, database: PostgresDatabase):
    stored = await sql(database, "SELECT token_hash FROM identity.refresh_tokens")
    assert tokens.refresh_token.encode() not in {row[0] for row in stored}


async def test_an_old_sweep_leaves_living_sessions(
    identity: IdentityService, asha: User, tokens: Tokens, database: PostgresDatabase
):
    old = await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    await sql(
        database,
        "UPDATE identity.refresh_tokens SET expires_at = now() - interval '1 day' WHERE session_id = $1",
        old.session_id,
    )
    await identity.forget_old()
    page = await identity.sessions(ListOfUser(user_id=asha.id))
    assert [session.id for session in page.data] == [tokens.session_id]


async def test_a_new_password_ends_every_other_session(identity: IdentityService, asha: User, tokens: Tokens):
    other = await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    await identity.change_profile(
        ChangeProfile(
            user_id=asha.id, session_id=tokens.session_id, password="a new long one", current_password=PASSWORD
        )
    )
    codes = [
        await outcome(identity.authenticate(AccessToken(token=token)))
        for token in (tokens.access_token, other.access_token)
    ]
    assert codes == ["ok", "token_refused"]


async def test_a_new_password_needs_the_current_one(identity: IdentityService, asha: User):
    with pytest.raises(Invalid) as refused:
        await identity.change_profile(
            ChangeProfile(user_id=asha.id, password="a new long one", current_password="guess")
        )
    assert [fault["pointer"] for fault in refused.value.facts["errors"]] == ["/current_password"]


async def test_a_profile_changes_what_is_given(identity: IdentityService, asha: User):
    changed = await identity.change_profile(ChangeProfile(user_id=asha.id, phone="+919812345678"))
    assert (changed.name, changed.phone) == ("Asha", "+919812345678")


async def test_a_phone_stays_until_it_is_taken_away(identity: IdentityService, asha: User):
    await identity.change_profile(ChangeProfile(user_id=asha.id, phone="+919812345678"))
    kept = await identity.change_profile(ChangeProfile(user_id=asha.id, name="Asha Rao"))
    gone = await identity.change_profile(ChangeProfile(user_id=asha.id, phone=None))
    assert (kept.phone, gone.phone, gone.name) == ("+919812345678", None, "Asha Rao")


async def test_the_first_address_is_the_default_until_another_is(identity: IdentityService, asha: User):
    first = await identity.save_address(SaveAddress(user_id=asha.id, address=HOME))
    second = await identity.save_address(SaveAddress(user_id=asha.id, address=HOME, is_default=True))
    book = await identity.addresses(ListOfUser(user_id=asha.id))
    assert [(saved.id, saved.is_default) for saved in book.data] == [(first.id, False), (second.id, True)]


async def test_when_the_default_goes_the_oldest_takes_its_place(identity: IdentityService, asha: User):
    first = await identity.save_address(SaveAddress(user_id=asha.id, address=HOME))
    second = await identity.save_address(SaveAddress(user_id=asha.id, address=HOME))
    await identity.remove_address(AddressRef(user_id=asha.id, address_id=first.id))
    book = await identity.addresses(ListOfUser(user_id=asha.id))
    assert [(saved.id, saved.is_default) for saved in book.data] == [(second.id, True)]


async def test_another_users_address_is_not_found(identity: IdentityService, asha: User):
    saved = await identity.save_address(SaveAddress(user_id=asha.id, address=HOME))
    stranger = await identity.register(Register(email=fresh_email(), password=PASSWORD, name="B"))
    codes = [
        await outcome(identity.remove_address(AddressRef(user_id=stranger.id, address_id=saved.id))),
        await outcome(identity.save_address(SaveAddress(user_id=stranger.id, address=HOME, address_id=saved.id))),
    ]
    assert codes == ["not_found", "not_found"]


async def test_ten_addresses_at_once_leave_one_default(identity: IdentityService, asha: User):
    ask = SaveAddress(user_id=asha.id, address=HOME, is_default=True)
    await asyncio.gather(*(identity.save_address(ask) for _ in range(10)))
    book = await identity.addresses(ListOfUser(user_id=asha.id))
    assert sorted(saved.is_default for saved in book.data) == [False] * 9 + [True]


async def test_a_book_refuses_the_51st_address(identity: IdentityService, asha: User):
    for _ in range(50):
        await identity.save_address(SaveAddress(user_id=asha.id, address=HOME))
    with pytest.raises(AddressBookFull):
        await identity.save_address(SaveAddress(user_id=asha.id, address=HOME))


async def test_staff_is_made_once_and_then_kept(identity: IdentityService):
    ask = EnsureStaff(email=fresh_email(), name="Staff", password=PASSWORD, roles=["support"])
    first, again = await identity.ensure_staff(ask), await identity.ensure_staff(ask)
    assert (first.id, again.roles) == (again.id, ["support"])


async def test_a_role_taken_away_is_gone_at_the_next_question(identity: IdentityService):
    email = fresh_email()
    await identity.ensure_staff(EnsureStaff(email=email, name="Staff", password=PASSWORD, roles=["owner"]))
    tokens = await identity.sign_in(SignIn(email=email, password=PASSWORD))
    await identity.ensure_staff(EnsureStaff(email=email, name="Staff", password=PASSWORD, roles=["support"]))
    assert (await identity.authenticate(AccessToken(token=tokens.access_token))).roles == ["support"]


async def test_a_staff_account_without_a_password_cannot_sign_in(identity: IdentityService):
    email = fresh_email()
    await identity.ensure_staff(EnsureStaff(email=email, name="Staff", password=None, roles=[]))
    assert await outcome(identity.sign_in(SignIn(email=email, password="!"))) == "sign_in_refused"


async def test_users_are_found_page_by_page_newest_first(identity: IdentityService):
    mark = new_id("mark")
    made = [
        await identity.register(Register(email=f"{n}.{mark}@example.com", password=PASSWORD, name="A"))
        for n in range(3)
    ]
    first = await identity.find_users(FindUsers(text=mark, limit=2))
    second = await identity.find_users(FindUsers(text=mark, limit=2, cursor=first.next_cursor))
    assert [user.id for user in first.data + second.data] == [user.id for user in reversed(made)]
    assert (first.has_more, second.has_more, second.next_cursor) == (True, False, None)


async def test_a_percent_sign_finds_no_one_by_chance(identity: IdentityService, asha: User):
    assert (await identity.find_users(FindUsers(text="%%%"))).data == []


async def test_tokens_survive_a_planned_rotation(identity: IdentityService, tokens: Tokens):
    before = (await identity.keys(Nothing())).keys
    after = (await identity.rotate_keys(RotateKeys())).keys
    assert [key["kid"] for key in after[:3:2]] == [before[1]["kid"], before[0]["kid"]]
    assert await outcome(identity.authenticate(AccessToken(token=tokens.access_token))) == "ok"


async def test_an_emergency_rotation_kills_access_tokens_and_refreshing_heals(
    identity: IdentityService, tokens: Tokens
):
    await identity.rotate_keys(RotateKeys(revoke=True))
    dead = await outcome(identity.authenticate(AccessToken(token=tokens.access_token)))
    renewed = await identity.refresh(Refresh(refresh_token=tokens.refresh_token))
    alive = await outcome(identity.authenticate(AccessToken(token=renewed.access_token)))
    assert (dead, alive) == ("token_refused", "ok")


async def test_another_process_reads_a_key_it_has_not_seen(database: PostgresDatabase, identity: IdentityService):
    store = IdentityStore(database)
    here, there = SigningKeys(store, SECRET), SigningKeys(store, SECRET)
    await there.ring()
    there._loaded_at -= 3
    made = await here.rotate(revoke=True)
    assert (await there.ring(made.signing_kid)).signing_kid == made.signing_kid
    await identity.rotate_keys(RotateKeys())


async def test_two_processes_make_one_set_of_keys(database: PostgresDatabase, identity: IdentityService):
    store = IdentityStore(database)
    async with store.connection() as connection:
        await store.remove_keys(connection, ["next", "current", "previous"])
    rings = await asyncio.gather(*(SigningKeys(store, SECRET).ring() for _ in range(5)))
    assert len({ring.signing_kid for ring in rings}) == 1
    await identity.rotate_keys(RotateKeys())


async def test_a_young_key_is_not_rotated_by_the_sweep(identity: IdentityService):
    before = (await identity.keys(Nothing())).keys
    await identity.rotate_old_keys()
    assert (await identity.keys(Nothing())).keys == before


async def test_private_keys_lie_sealed_in_the_database(database: PostgresDatabase, identity: IdentityService):
    await identity.keys(Nothing())
    sealed = await sql(database, "SELECT sealed_private FROM identity.signing_keys")
    assert [b"PRIVATE" in bytes(row[0]) or bytes(row[0])[:2] == b"\x30\x2e" for row in sealed] == [False] * len(sealed)


async def test_keys_sealed_with_a_lost_secret_are_replaced(database: PostgresDatabase, identity: IdentityService):
    old = (await identity.keys(Nothing())).keys[0]["kid"]
    ring = await SigningKeys(IdentityStore(database), "another secret").ring()
    assert ring.signing_kid != old
    await identity.rotate_keys(RotateKeys(revoke=True))


def name_of(device: str) -> str:
    """What stays of a device's token when it is renewed."""
    return device.partition(".")[0]


async def lock_out(identity: IdentityService, email: str) -> None:
    """A stranger guesses until no more guesses are heard."""
    for _ in range(12):
        await outcome(identity.sign_in(SignIn(email=email, password="guess", address="198.51.100.66")))


async def test_a_targeted_lock_out_does_not_lock_out_a_device_that_was_let_in_before(
    identity: IdentityService, asha: User
):
    device = (await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))).device
    await lock_out(identity, asha.email)
    with pytest.raises(TooMany):
        await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))
    tokens = await identity.sign_in(SignIn(email=asha.email, password=PASSWORD, device=device))
    assert (tokens.user_id, name_of(tokens.device)) == (asha.id, name_of(device))
    # The stranger has not been forgiven.
    with pytest.raises(TooMany):
        await identity.sign_in(SignIn(email=asha.email, password="guess"))


async def test_a_device_that_was_let_in_again_is_known_by_its_new_token_too(identity: IdentityService, asha: User):
    device = (await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))).device
    renewed = (await identity.sign_in(SignIn(email=asha.email, password=PASSWORD, device=device))).device
    await lock_out(identity, asha.email)
    assert await outcome(identity.sign_in(SignIn(email=asha.email, password=PASSWORD, device=renewed))) == "ok"


async def test_devices_hoarded_with_a_password_are_strangers_after_it(identity: IdentityService, asha: User):
    signed_in = [await identity.sign_in(SignIn(email=asha.email, password=PASSWORD)) for _ in range(3)]
    await identity.change_profile(ChangeProfile(user_id=asha.id, password="a new long one", current_password=PASSWORD))
    codes = [
        await outcome(identity.sign_in(SignIn(email=asha.email, password="guess", device=tokens.device)))
        for tokens in signed_in * 4
    ]
    assert codes == ["sign_in_refused"] * 10 + ["too_many_requests"] * 2


async def test_a_device_that_comes_with_a_renewed_hash_is_known_by_that(
    identity: IdentityService, asha: User, database: PostgresDatabase
):
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    await sql(database, "UPDATE identity.users SET password_hash = $2 WHERE user_id = $1", asha.id, old)
    device = (await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))).device
    await lock_out(identity, asha.email)
    assert await outcome(identity.sign_in(SignIn(email=asha.email, password=PASSWORD, device=device))) == "ok"


async def test_a_known_device_may_not_guess_for_ever_either(identity: IdentityService, asha: User):
    device = (await identity.sign_in(SignIn(email=asha.email, password=PASSWORD))).device
    codes = [
        await outcome(identity.sign_in(SignIn(email=asha.email, password="guess", device=device))) for _ in range(11)
    ]
    assert codes == ["sign_in_refused"] * 10 + ["too_many_requests"]


async def test_a_device_of_one_account_is_a_stranger_to_another(identity: IdentityService, asha: User):
    other = await identity.register(Register(email=fresh_email(), password=PASSWORD, name="Ravi"))
    device = (await identity.sign_in(SignIn(email=other.email, password=PASSWORD))).device
    await lock_out(identity, asha.email)
    for made_up in (device, device[:-1], "x.y", "."):
        with pytest.raises(TooMany):
            await identity.sign_in(SignIn(email=asha.email, password=PASSWORD, device=made_up))
