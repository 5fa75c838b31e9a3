"""The port of the keys that wrap keys: files for one machine, an HSM or a KMS elsewhere."""

from __future__ import annotations

from typing import Protocol


class KeyStore(Protocol):
    """Wraps data keys; the wrapping key itself never leaves. The calls may go over a network."""

    fingerprint_key_id: str

    @property
    def kek_id(self) -> str:
        """The key that wraps from now on."""
        ...

    async def wrap(self, data_key: bytes, bound_to: bytes, kek_id: str) -> bytes:
        """Under the key in use. Raises ValueError when `kek_id` is not that key any more: bind again, and repeat."""
        ...

    async def unwrap(self, kek_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """Raises ValueError when the key is gone or the bytes were changed or moved to another record."""
        ...

    async def fingerprint(self, secret: bytes) -> str:
        """A keyed digest (HMAC-SHA256), under a key of its own."""
        ...

    def audit_digest(self, entry: bytes) -> bytes:
        """A keyed digest of 32 bytes, under a third key: it protects no card, so it is computed here."""
        ...


class KeyRing(KeyStore, Protocol):
    """A store whose keys we keep ourselves; elsewhere the KMS has commands of its own for this."""

    def old_keys(self) -> list[str]:
        """Keys that only unwrap any more."""
        ...

    def begin_rotation(self) -> str:
        """Make a new key the one that wraps; every process that shares the ring sees it at its next call."""
        ...

    def destroy(self, kek_id: str) -> None:
        """Whatever still lies under this key is lost. Raises ValueError for the key in use."""
        ...
