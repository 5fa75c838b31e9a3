"""Public ids: a prefix and a UUIDv7 in Crockford base32, sortable by time (TypeID)."""

import os
import time
from datetime import datetime

from haat.kit import clock

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_BODY_LENGTH = 26
_ALLOWED = frozenset(ALPHABET)
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]


def new_id(prefix: str) -> str:
    """A fresh id such as `ord_01jd…`: 48 bits of milliseconds, 12 of their fraction, 62 random bits (RFC 9562, 6.2).

    The fraction keeps what one process makes in turn in that order, so that the older of two rows is the lesser.
    """
    milliseconds, rest = divmod(time.time_ns() - clock.lag.ns, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8)) >> 2
    value = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random
    return f"{prefix}_{_base32(value)}"


def first_id(prefix: str, moment: datetime) -> str:
    """A bound: ids made at or after this moment sort at or after it, earlier ones before it."""
    return f"{prefix}_{_base32(int(moment.timestamp() * 1000) << 80)}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` is an id of this kind: right prefix, right length, right alphabet."""
    head, _, body = text.rpartition("_")
    return head == prefix and len(body) == _BODY_LENGTH and body[0] <= "7" and _ALLOWED.issuperset(body)


def _base32(value: int) -> str:
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])
