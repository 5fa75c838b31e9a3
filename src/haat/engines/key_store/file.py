"""Keys in files that only their owner may read: `<data>/secrets/vault-kek`, `vault-fingerprint`, `vault-audit`."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
# Two changes of a folder may carry one time stamp; until it is this old, the folder is read each time.
SETTLED_NS = 100_000_000


class FileKeyStore:
    """Keys made at first use; `vault-kek.<id>` is an older one. A copy of the data without `secrets/` has no card."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "secrets"
        self._fingerprint_key = _key(self._folder / "vault-fingerprint")
        self._audit_key = _key(self._folder / "vault-audit")
        self.fingerprint_key_id = _name(b"fpk", self._fingerprint_key)
        _key(self._folder / "vault-kek")
        self._seen = 0
        self._active = ""
        self._keks: dict[str, AESGCM] = {}
        self._look()

    @property
    def kek_id(self) -> str:
        self._look()
        return self._active

    async def wrap(self, data_key: bytes, bound_to: bytes, kek_id: str) -> bytes:
        if kek_id != self.kek_id:
            raise ValueError(f"{kek_id} does not wrap any more")
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._keks[kek_id].encrypt(nonce, data_key, bound_to)

    async def unwrap(self, kek_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        self._look()
        if kek_id not in self._keks:
            raise ValueError(f"no key {kek_id} here")
        try:
            return self._keks[kek_id].decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to)
        except InvalidTag as error:
            raise ValueError("a wrapped key was changed or moved to another record") from error

    async def fingerprint(self, secret: bytes) -> str:
        return hmac.new(self._fingerprint_key, secret, hashlib.sha256).hexdigest()

    def audit_digest(self, entry: bytes) -> bytes:
        return hmac.digest(self._audit_key, entry, "sha256")

    def old_keys(self) -> list[str]:
        self._look()
        return sorted(self._keks.keys() - {self._active})

    def begin_rotation(self) -> str:
        active = self._folder / "vault-kek"
        # A kill between the two steps leaves the key under both names, which is one key.
        with suppress(FileExistsError):
            os.link(active, self._older(self.kek_id))
        fresh = _draft(active)
        fresh.replace(active)
        self._look(sure=True)
        return self._active

    def destroy(self, kek_id: str) -> None:
        if kek_id == self.kek_id:
            raise ValueError("the key in use is not destroyed")
        path = self._older(kek_id)
        with path.open("r+b") as file:
            file.write(bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        self._look(sure=True)

    def _older(self, kek_id: str) -> Path:
        return self._folder / f"vault-kek.{kek_id}"

    def _look(self, sure: bool = False) -> None:
        """Read the ring again when its folder has changed: another process may have rotated it."""
        seen = os.stat(self._folder).st_mtime_ns
        if seen == self._seen and not sure:
            return
        active = (self._folder / "vault-kek").read_bytes()
        keys = {_name(b"kek", active): active}
        for path in self._folder.glob("vault-kek.kek_*"):
            with suppress(FileNotFoundError):
                key = path.read_bytes()
                # One that was being destroyed when the power went is not what its name says.
                if path.name == f"vault-kek.{_name(b'kek', key)}":
                    keys[_name(b"kek", key)] = key
        self._active = _name(b"kek", active)
        self._keks = {name: AESGCM(key) for name, key in keys.items()}
        self._seen = seen if time.time_ns() - seen > SETTLED_NS else 0


def _name(kind: bytes, key: bytes) -> str:
    # Named by what it is, so that a record says under which key it lies without a list of keys.
    return f"{kind.decode()}_{hashlib.sha256(b'id' + key).hexdigest()[:16]}"


def _key(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        fresh = _draft(path)
        # Two processes may start at once: a link appears whole or not at all, and only one can win.
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is not a key of {KEY_BYTES} bytes")
    return key


def _draft(path: Path) -> Path:
    """A new key in a file of its own, safely on disk."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return fresh
