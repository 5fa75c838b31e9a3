"""The three live signing keys: next (published, not yet used), current (signs), previous (still verifies)."""

from __future__ import annotations

import time
from datetime import timedelta

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.jwk import OKPKey

from haat.kit.clock import now
from haat.kit.database import Connection
from haat.kit.ids import new_id
from haat.services.identity.store import IdentityStore, StoredKey
from haat.services.identity.tokens import ALGORITHM

ROTATE_EVERY = timedelta(days=30)
# Other processes notice a rotation after so long; the next key has been published for a month by then.
RELOAD_SECONDS = 60.0
# A token with an unknown key asks the database anew, but no more often than this.
UNKNOWN_KID_SECONDS = 2.0


class Ring(msgspec.Struct, frozen=True):
    """The keys of a moment: who signs, who verifies, what is published."""

    signing_kid: str
    signing_key: OKPKey
    verifying: dict[str, OKPKey]
    published: list[dict[str, str]]


class SigningKeys:
    """Keys in the database, their private parts sealed with a secret that the database does not hold."""

    def __init__(self, store: IdentityStore, secret: str) -> None:
        self._store = store
        self._box = AESGCMSIV(_derived(secret))
        self._ring: Ring | None = None
        self._loaded_at = 0.0

    async def ring(self, wanted_kid: str | None = None) -> Ring:
        """The live keys, made at the first call ever; read anew when `wanted_kid` is not among them."""
        age = time.monotonic() - self._loaded_at
        ring = self._ring
        unknown = ring is not None and wanted_kid is not None and wanted_kid not in ring.verifying
        if ring is None or age > RELOAD_SECONDS or (unknown and age > UNKNOWN_KID_SECONDS):
            async with self._store.connection() as connection:
                ring = self._read(await self._store.signing_keys(connection))
            if ring is None:
                return await self.rotate(only_if_unusable=True)
            self._keep(ring)
        return ring

    async def rotate(self, *, revoke: bool = False, only_if_unusable: bool = False, due: bool = False) -> Ring:
        """Move every key one place on. `revoke` drops the older ones at once; `due` does nothing before its time."""
        async with self._store.transaction() as transaction:
            connection = transaction.connection
            await self._store.lock_keys(connection)
            stored = await self._store.signing_keys(connection)
            ring = self._read(stored)
            current = next((key for key in stored if key.state == "current"), None)
            young = current is not None and current.since > now() - ROTATE_EVERY
            if ring is None or not (only_if_unusable or (due and young)):
                await self._move(connection, stored if ring is not None and not revoke else [])
                ring = self._read(await self._store.signing_keys(connection))
        assert ring is not None
        self._keep(ring)
        return ring

    async def _move(self, connection: Connection, stored: list[StoredKey]) -> None:
        if not stored:
            await self._store.remove_keys(connection, ["next", "current", "previous"])
            await self._make(connection, "current")
        else:
            await self._store.remove_keys(connection, ["previous"])
            await self._store.move_key(connection, "current", "previous")
            await self._store.move_key(connection, "next", "current")
        await self._make(connection, "next")

    async def _make(self, connection: Connection, state: str) -> None:
        kid = new_id("key")
        key = OKPKey.generate_key("Ed25519")
        nonce = _nonce(kid)
        sealed = self._box.encrypt(nonce, key.as_bytes(encoding="DER", private=True), kid.encode())
        public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
        await self._store.insert_key(connection, kid, state, public, sealed)

    def _read(self, stored: list[StoredKey]) -> Ring | None:
        """None when there is no key to sign with, or its seal was made with another secret."""
        current = next((key for key in stored if key.state == "current"), None)
        if current is None or not any(key.state == "next" for key in stored):
            return None
        try:
            private = self._box.decrypt(_nonce(current.kid), current.sealed_private, current.kid.encode())
        except InvalidTag:
            return None
        order = ["current", "next", "previous"]
        published = [key.public for key in sorted(stored, key=lambda key: order.index(key.state))]
        verifying = {key.kid: OKPKey.import_key(dict(key.public)) for key in stored}
        return Ring(current.kid, OKPKey.import_key(private), verifying, published)

    def _keep(self, ring: Ring) -> None:
        self._ring, self._loaded_at = ring, time.monotonic()


def _derived(secret: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, b"haat identity signing keys").derive(secret.encode())


def _nonce(kid: str) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(kid.encode())
    return digest.finalize()[:12]
