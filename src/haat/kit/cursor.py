"""Opaque cursors of lists: a position in a list, bound to the filters that the list was asked with."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence

import msgspec

from haat.kit.message import DomainError

MAX_LENGTH = 1_000
_DIGEST = 8
_position = msgspec.json.Decoder(list[str | int])


class InvalidCursor(DomainError):
    """The cursor is damaged, or belongs to a list with other filters."""

    code = "invalid_cursor"
    status = 400
    title = "The cursor does not belong to this list: begin again without it"


def encode_cursor(filters: str, position: Sequence[str | int]) -> str:
    """The cursor of a list asked with `filters` (any text that names list and filters), after `position`."""
    body = msgspec.json.encode(list(position))
    return base64.urlsafe_b64encode(_digest(filters, body) + body).rstrip(b"=").decode()


def decode_cursor(filters: str, text: str) -> list[str | int]:
    """The position in a cursor; whoever uses it still checks that it has the length it expects.

    Raises InvalidCursor. The digest is a checksum, not a signature: a cursor opens nothing that its list does not show.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidCursor()
    try:
        raw = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        digest, body = raw[:_DIGEST], raw[_DIGEST:]
        if digest != _digest(filters, body):
            raise InvalidCursor()
        return _position.decode(body)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise InvalidCursor() from error


def _digest(filters: str, body: bytes) -> bytes:
    return hashlib.blake2b(filters.encode() + b"\n" + body, digest_size=_DIGEST).digest()
