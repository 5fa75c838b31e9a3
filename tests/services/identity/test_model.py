"""The rules of accounts."""

from datetime import UTC, datetime, timedelta

import pytest

from haat.contracts.identity import TokenRefused
from haat.kit.clock import now
from haat.kit.message import Invalid
from haat.kit.problem import TooMany
from haat.services.identity.model import (
    Attempts,
    Device,
    Limit,
    RefreshToken,
    account_limit,
    address_limit,
    check_attempts,
    check_roles,
    email_of,
)


@pytest.mark.parametrize(
    "written", ["Asha@Example.COM", " asha@example.com ", "ＡSHA@example.com", "asha@ｅxample.com"]
)
def test_one_address_has_one_canonical_form(written: str):
    assert email_of(written).key == "asha@example.com"


def test_an_address_is_shown_as_it_was_written():
    assert email_of("Asha.Rao@Example.com").shown == "Asha.Rao@example.com"


@pytest.mark.parametrize("written", ["ａsha@example.com", "asha＠example.com", "asha@ｅxample.com"])
def test_an_address_in_wide_letters_is_written_to_in_plain_ones(written: str):
    assert email_of(written).shown == "asha@example.com"


@pytest.mark.parametrize("written", ["asha", "asha@", "@example.com", "a b@example.com", "asha@localhost", "a@b..in"])
def test_what_is_no_address_is_refused_at_its_field(written: str):
    with pytest.raises(Invalid) as refused:
        email_of(written)
    assert [fault["pointer"] for fault in refused.value.facts["errors"]] == ["/email"]


def test_roles_come_back_in_order_and_once():
    assert check_roles(["support", "finance", "support"]) == ["finance", "support"]


def test_a_role_that_does_not_exist_is_refused():
    with pytest.raises(Invalid):
        check_roles(["emperor"])


def test_a_refresh_token_holds_256_random_bits():
    assert len(RefreshToken.fresh().text) == len("rft_") + 43


def test_a_successor_is_read_with_the_token_it_replaced():
    old, new = RefreshToken.fresh(), RefreshToken.fresh()
    assert old.unseal(old.seal(new)) == new


def test_a_successor_is_not_read_with_another_token():
    old, new = RefreshToken.fresh(), RefreshToken.fresh()
    with pytest.raises(TokenRefused):
        RefreshToken.fresh().unseal(old.seal(new))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "", "testclient"])
def test_this_machine_has_no_address_limit(address: str):
    assert address_limit(address, "sign-in", 5) is None


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "sign-in:203.0.113.9"),
        ("::ffff:203.0.113.9", "sign-in:203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "sign-in:2001:db8:1:2::"),
    ],
)
def test_an_address_limit_names_the_network(address: str, key: str):
    assert address_limit(address, "sign-in", 5) == Limit(key, 5)


def test_the_key_of_an_account_limit_does_not_tell_the_e_mail():
    assert "asha" not in account_limit("asha@example.com").key


def test_the_tenth_attempt_is_allowed():
    limit = account_limit("asha@example.com")
    check_attempts([limit], [Attempts(limit.key, 10, now())], now())


def test_the_eleventh_attempt_waits_for_the_end_of_the_window():
    limit, at = account_limit("asha@example.com"), now()
    with pytest.raises(TooMany) as refused:
        check_attempts([limit], [Attempts(limit.key, 11, at - timedelta(minutes=10))], at)
    assert refused.value.facts == {"retry_after_seconds": 301}


NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HASH, SECRET = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", b"only for these tests"


@pytest.mark.parametrize(("days", "is_known"), [(0, True), (90, True), (91, False)])
def test_a_device_is_known_for_ninety_days(days: int, is_known: bool):
    device = Device.let_in(NOON, None)
    token = device.token(HASH, SECRET)
    found = Device.of(token, HASH, SECRET, NOON + timedelta(days=days))
    assert (device.until, found) == ("2027-02-28", device if is_known else None)


def test_a_device_that_is_let_in_again_is_known_for_longer_and_counted_as_before():
    device = Device.let_in(NOON, None)
    again = Device.let_in(NOON + timedelta(days=80), device)
    assert (again.name, again.until, again.limit()) == (device.name, "2027-05-19", device.limit())


def test_devices_are_counted_apart():
    assert Device.let_in(NOON, None).limit() != Device.let_in(NOON, None).limit()


@pytest.mark.parametrize(("password_hash", "secret"), [(HASH + "x", SECRET), (HASH, b"another")])
def test_a_device_is_a_stranger_by_another_password_or_secret(password_hash: str, secret: bytes):
    token = Device.let_in(NOON, None).token(HASH, SECRET)
    assert Device.of(token, password_hash, secret, NOON) is None


@pytest.mark.parametrize(("old", "new"), [("2027-02-28", "2099-12-31"), ("2027-02-28.", ""), (".", "")])
def test_a_devices_token_cannot_be_made_up(old: str, new: str):
    token = Device.let_in(NOON, None).token(HASH, SECRET)
    assert Device.of(token.replace(old, new), HASH, SECRET, NOON) is None


@pytest.mark.parametrize("token", ["", ".", "..", "x.2099-12-31.y"])
def test_what_never_was_a_devices_token_is_none(token: str):
    assert Device.of(token, HASH, SECRET, NOON) is None
