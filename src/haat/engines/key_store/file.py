"""Keys in files that only their owner may read: `<data>/secrets/vault-kek` and `vault-fingerprint`."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12


class FileKeyStore:
    """Two keys made at first use. Copying the data directory without `secrets/` copies no card."""

    def __init__(self, data: Path) -> None:
        kek = _key(data / "secrets" / "vault-kek")
        self._fingerprint_key = _key(data / "secrets" / "vault-fingerprint")
        # Named by what it is, so that a record says under which key it lies without a list of keys.
        self.kek_id = "kek_" + hashlib.sha256(b"id" + kek).hexdigest()[:16]
        self.fingerprint_key_id = "fpk_" + hashlib.sha256(b"id" + self._fingerprint_key).hexdigest()[:16]
        self._keks = {self.kek_id: AESGCM(kek)}

    def wrap(self, data_key: bytes, bound_to: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._keks[self.kek_id].encrypt(nonce, data_key, bound_to)

    def unwrap(self, kek_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        if kek_id not in self._keks:
            raise ValueError(f"no key {kek_id} here")
        try:
            return self._keks[kek_id].decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to)
        except InvalidTag as error:
            raise ValueError("a wrapped key was changed or moved to another record") from error

    def fingerprint(self, secret: bytes) -> str:
        return hmac.new(self._fingerprint_key, secret, hashlib.sha256).hexdigest()


def _key(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        # Two processes may start at once: a link appears whole or not at all, and only one can win.
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is not a key of {KEY_BYTES} bytes")
    return key
