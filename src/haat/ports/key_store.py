"""The port of the keys that wrap keys: a file for development, an HSM or a KMS elsewhere."""

from __future__ import annotations

from typing import Protocol


class KeyStore(Protocol):
    """Wraps data keys; the wrapping key itself never leaves."""

    kek_id: str
    fingerprint_key_id: str

    def wrap(self, data_key: bytes, bound_to: bytes) -> bytes: ...
    def unwrap(self, kek_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """Raises ValueError when the key is gone or the bytes were changed or moved to another record."""
        ...

    def fingerprint(self, secret: bytes) -> str:
        """A keyed digest (HMAC-SHA256), under a key of its own."""
        ...
