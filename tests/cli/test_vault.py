"""What `haat vault` refuses before it touches a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from haat.cli.vault import rotate, verify
from haat.engines.key_store.file import FileKeyStore
from haat.kit.ids import new_id
from haat.kit.startup import StartupFault


@pytest.mark.parametrize("batch", [0, -1])
def test_a_rotation_of_nothing_at_a_time_is_not_begun(batch: int):
    with pytest.raises(StartupFault, match=f"There cannot be {batch} cards"):
        rotate(batch=batch)


@pytest.fixture
def elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, admin_url: str
) -> Iterator[tuple[Path, str]]:
    """A data folder that is not that of the vault, and the key of the vault that a card lies under."""
    monkeypatch.setenv("HAAT_DATA", str(tmp_path))
    monkeypatch.setenv("HAAT_DATABASE_URL", database_url)
    token, key = new_id("tok"), new_id("kek")
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO vault.cards (token, owner, merchant, kind, kek_id, wrapped_key, nonce, ciphertext,"
            " fingerprint, fingerprint_key_id, brand, last4, exp_month, exp_year)"
            " VALUES (%s, 'usr', 'haat', 'network_token', %s, '', '', '', '', '', 'visa', '4242', 12, 2040)",
            [token, key],
        )
        yield tmp_path, key
        connection.execute("DELETE FROM vault.cards WHERE token = %s", [token])


@pytest.mark.parametrize("command", [rotate, verify])
def test_no_keys_are_made_where_the_vault_has_none(elsewhere: tuple[Path, str], command: Callable[[], None]):
    folder, _ = elsewhere
    with pytest.raises(StartupFault) as fault:
        command()
    assert fault.value.what == f"There are no keys of a vault in {folder}/secrets."
    assert fault.value.what_to_do.startswith("Name the vault's data folder by HAAT_DATA")
    assert list((folder / "secrets").glob("vault-*")) == []


@pytest.mark.parametrize("command", [rotate, verify])
def test_a_key_that_is_damaged_is_told(elsewhere: tuple[Path, str], command: Callable[[], None]):
    folder, _ = elsewhere
    FileKeyStore(folder)
    (folder / "secrets" / "vault-audit").write_bytes(b"short")
    with pytest.raises(StartupFault, match=r"cannot be read \(.*vault-audit is not a key of 32 bytes\)"):
        command()


@pytest.mark.parametrize("command", [rotate, verify])
def test_keys_of_another_vault_are_left_as_they_are(elsewhere: tuple[Path, str], command: Callable[[], None]):
    folder, key = elsewhere
    before = FileKeyStore(folder).kek_id
    with pytest.raises(StartupFault, match=rf"are of another vault: all \d+ cards .*{key}.*Nothing was changed"):
        command()
    assert (FileKeyStore(folder).kek_id, FileKeyStore(folder).old_keys()) == (before, [])
