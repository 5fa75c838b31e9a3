"""Cards: what is accepted, how a secret is bound, and a number that will not show itself."""

import hashlib
import json
import pickle
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from haat.contracts.vault import NewCard
from haat.engines.key_store.file import FileKeyStore
from haat.kit.message import Invalid
from haat.services.vault.model import Pan, Place, Sealed, brand_of, checked, new_token, rewrapped, seal, unseal

TODAY = datetime(2026, 11, 24, tzinfo=UTC)
GOOD = NewCard(number="4242 4242 4242 4242", exp_month=11, exp_year=2026, cvc="123", name="Asha Rao")


def faults(**changes) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        checked(msgspec.structs.replace(GOOD, **changes), TODAY)
    return [(fault["pointer"], fault["code"]) for fault in refused.value.facts["errors"]]


def test_a_good_card_is_accepted_in_its_last_month():
    pan, code = checked(GOOD, TODAY)
    assert (pan.last4, code) == ("4242", "123")


def test_every_fault_is_told_at_once():
    found = faults(number="4242424242424241", exp_month=13, exp_year=1999, cvc="12")
    assert found == [
        ("/number", "invalid_card_number"),
        ("/exp_month", "out_of_range"),
        ("/exp_year", "out_of_range"),
        ("/cvc", "invalid_cvc"),
    ]


def test_last_month_has_expired():
    assert faults(exp_month=10) == [("/exp_month", "expired_card")]


def test_an_american_express_code_has_four_digits():
    assert faults(number="378282246310005") == [("/cvc", "invalid_cvc")]


@pytest.mark.parametrize("number", ["", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "0", "42424242424242424242", "4242-x"])
def test_what_is_no_number_is_refused(number):
    assert ("/number", "invalid_card_number") in faults(number=number)


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4242424242424242", "visa"),
        ("5555555555554444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("378282246310005", "amex"),
        ("6521111111111117", "rupay"),
        ("6011111111111117", "discover"),
        ("9999", "unknown"),
    ],
)
def test_brands(number, brand):
    assert brand_of(number) == brand


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda pan: f"{pan:>40}", lambda pan: f"{[pan]}"])
def test_a_number_shows_only_its_last_digits(show):
    assert "Pan(•••• 4242)" in show(Pan("4242424242424242"))


@pytest.mark.parametrize("leak", [pickle.dumps, json.dumps, msgspec.json.encode])
def test_a_number_is_not_written_anywhere(leak):
    with pytest.raises(TypeError):
        leak(Pan("4242424242424242"))


def test_a_new_card_message_does_not_show_its_number():
    assert "4242" not in f"{GOOD} {GOOD!r}"


PLACE = Place("tok_1", "usr_1", "haat")


async def sealed(keys: FileKeyStore) -> Sealed:
    return await seal(keys, PLACE, "number", "4242424242424242")


async def test_what_was_sealed_opens_in_its_own_record(tmp_path: Path):
    keys = FileKeyStore(tmp_path)
    assert await unseal(keys, PLACE, await sealed(keys)) == "4242424242424242"


async def test_the_keys_are_the_same_after_a_restart(tmp_path: Path):
    assert await unseal(FileKeyStore(tmp_path), PLACE, await sealed(FileKeyStore(tmp_path))) == "4242424242424242"


@pytest.mark.parametrize("change", [{"token": "tok_2"}, {"owner": "usr_2"}, {"owner": None}, {"merchant": "other"}])
async def test_a_record_moved_elsewhere_does_not_open(tmp_path: Path, change):
    keys = FileKeyStore(tmp_path)
    with pytest.raises(ValueError, match="changed"):
        await unseal(keys, msgspec.structs.replace(PLACE, **change), await sealed(keys))


@pytest.mark.parametrize("change", [{"kind": "network_token"}, {"aad_version": 1}, {"aad_version": 3}])
async def test_a_record_said_to_be_something_else_does_not_open(tmp_path: Path, change):
    keys = FileKeyStore(tmp_path)
    with pytest.raises(ValueError, match=r"changed|version"):
        await unseal(keys, PLACE, msgspec.structs.replace(await sealed(keys), **change))


@pytest.mark.parametrize("field", ["wrapped_key", "nonce", "ciphertext"])
async def test_no_flipped_bit_goes_unnoticed(tmp_path: Path, field):
    keys = FileKeyStore(tmp_path)
    one = await sealed(keys)
    value = getattr(one, field)
    for bit in range(8 * len(value)):
        flipped = (int.from_bytes(value) ^ (1 << bit)).to_bytes(len(value))
        with pytest.raises(ValueError, match="changed"):
            await unseal(keys, PLACE, msgspec.structs.replace(one, **{field: flipped}))


async def test_a_key_of_another_record_does_not_open(tmp_path: Path):
    keys = FileKeyStore(tmp_path)
    one, other = await sealed(keys), await seal(keys, Place("tok_2", "usr_1", "haat"), "number", "4242424242424242")
    with pytest.raises(ValueError, match="changed"):
        await unseal(keys, PLACE, msgspec.structs.replace(one, wrapped_key=other.wrapped_key))


async def test_no_nonce_is_used_twice(tmp_path: Path):
    keys = FileKeyStore(tmp_path)
    made = [await sealed(keys) for _ in range(200)]
    assert len({one.nonce for one in made} | {one.wrapped_key[:12] for one in made}) == 400


async def test_another_installations_key_does_not_open(tmp_path: Path):
    one = await sealed(FileKeyStore(tmp_path / "a"))
    with pytest.raises(ValueError, match="no key"):
        await unseal(FileKeyStore(tmp_path / "b"), PLACE, one)


async def test_a_record_of_the_first_kind_still_opens_and_is_sealed_anew(tmp_path: Path):
    keys = FileKeyStore(tmp_path)
    data_key, bound = bytes(32), f"tok_1|usr_1|{keys.kek_id}|number|1".encode()
    wrapped = await keys.wrap(data_key, bound, keys.kek_id)
    ciphertext = AESGCM(data_key).encrypt(bytes(12), b"4242424242424242", bound)
    old = Sealed("number", keys.kek_id, wrapped, bytes(12), ciphertext, 1)
    assert await unseal(keys, PLACE, old) == "4242424242424242"
    keys.begin_rotation()
    new = await rewrapped(keys, PLACE, old)
    assert (new.aad_version, new.kek_id) == (2, keys.kek_id)
    assert await unseal(keys, PLACE, new) == "4242424242424242"


def test_keys_are_for_their_owners_eyes_only(tmp_path: Path):
    FileKeyStore(tmp_path)
    modes = [oct(path.stat().st_mode & 0o777) for path in sorted((tmp_path / "secrets").iterdir())]
    assert modes == ["0o600", "0o600", "0o600"]


async def test_a_fingerprint_needs_its_key(tmp_path: Path):
    one, other = [await FileKeyStore(tmp_path / name).fingerprint(b"4242424242424242") for name in "ab"]
    assert (len(one), one == other) == (64, False)


async def test_a_fingerprint_is_no_digest_that_anybody_can_make(tmp_path: Path):
    made = await FileKeyStore(tmp_path).fingerprint(b"4242424242424242")
    assert made not in {
        hashlib.new(name, b"4242424242424242").hexdigest() for name in ("sha256", "sha3_256", "blake2s")
    }


def test_tokens_differ_and_look_like_no_card():
    tokens = {new_token() for _ in range(1000)}
    assert (len(tokens), {token[:4] for token in tokens}) == (1000, {"tok_"})
