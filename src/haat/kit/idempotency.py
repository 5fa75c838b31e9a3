"""Idempotency keys: the same key and body give the stored answer; the record lives in the effect's transaction."""

from __future__ import annotations

import hashlib
from contextvars import ContextVar

from haat.kit.message import DomainError, Message

MAX_KEY_LENGTH = 255

# Set when an answer was a stored one: the gateway turns it into `Idempotent-Replayed: true`.
replayed: ContextVar[bool] = ContextVar("idempotent_replayed", default=False)


class Idempotency(Message, frozen=True):
    """Who asks (`account`), the client's `key`, and a `fingerprint` of route and body."""

    account: str
    key: str
    fingerprint: str


class IdempotencyInFlight(DomainError):
    """The first request with this key is still running."""

    code = "idempotency_in_flight"
    title = "A request with this Idempotency-Key is still running"


class IdempotencyConflict(DomainError):
    """The key was used before with another request."""

    code = "idempotency_conflict"
    status = 422
    title = "This Idempotency-Key was used with a different request"


class IdempotencyKeyMissing(DomainError):
    """This call needs an Idempotency-Key."""

    code = "idempotency_key_missing"
    status = 400
    title = "This call needs an Idempotency-Key header"


def fingerprint(route: str, body: bytes) -> str:
    """A digest of what was asked; equal digests mean the same request."""
    return hashlib.blake2b(route.encode() + b"\n" + body, digest_size=16).hexdigest()


def of_request(account: str, key: str, method: str, path: str, body: bytes) -> Idempotency | None:
    """A request's key, bound to its caller, route and body; None for a key that is empty or too long."""
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        return None
    return Idempotency(account=account, key=key, fingerprint=fingerprint(f"{method} {path}", body))
