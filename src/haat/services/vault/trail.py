"""The audit trail's chain: every entry has a keyed mark, every seal covers the marks of many and the seal before it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

MARK_BYTES = 16
Digest = Callable[[bytes], bytes]


class Noted(msgspec.Struct, frozen=True):
    """Something that happened without a transaction of its own."""

    at: datetime
    action: str
    token: str
    detail: str = ""
    address: str = ""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One line of the trail as it is stored."""

    position: int
    at: datetime
    action: str
    token: str
    detail: str
    address: str


class Seal(msgspec.Struct, frozen=True):
    """Covers all entries of the transactions from the seal before it up to `horizon`."""

    number: int
    horizon: int
    positions: list[int]
    marks: bytes
    head: bytes

    def mark_of(self, at: int) -> bytes:
        return self.marks[at * MARK_BYTES : (at + 1) * MARK_BYTES]


class Fault(msgspec.Struct, frozen=True):
    """What was done to the trail, and where: the position of an entry, or the number of a seal."""

    what: str
    where: int


def mark(digest: Digest, entry: Entry) -> bytes:
    return digest(b"entry" + msgspec.json.encode(entry))[:MARK_BYTES]


def next_seal(digest: Digest, last: Seal | None, horizon: int, entries: Sequence[Entry]) -> Seal:
    """The seal over these entries that follows `last`."""
    number = 1 if last is None else last.number + 1
    marks = b"".join(mark(digest, entry) for entry in entries)
    positions = [entry.position for entry in entries]
    return Seal(number, horizon, positions, marks, _head(digest, last, number, horizon, positions, marks))


def faults_of(digest: Digest, last: Seal | None, seal: Seal, entries: Mapping[int, Entry]) -> list[Fault]:
    """What is wrong with a seal that should follow `last`, and with the entries it covers."""
    found = []
    expected = 1 if last is None else last.number + 1
    if seal.number != expected:
        found += [Fault("seal is missing", number) for number in range(expected, seal.number)]
    elif not hmac.compare_digest(seal.head, _head(digest, last, seal.number, seal.horizon, seal.positions, seal.marks)):
        found.append(Fault("seal was changed", seal.number))
    for at, position in enumerate(seal.positions):
        entry = entries.get(position)
        if entry is None:
            found.append(Fault("entry is missing", position))
        elif not hmac.compare_digest(mark(digest, entry), seal.mark_of(at)):
            found.append(Fault("entry was changed", position))
    return found


def _head(
    digest: Digest, last: Seal | None, number: int, horizon: int, positions: Sequence[int], marks: bytes
) -> bytes:
    before = bytes(32) if last is None else last.head
    return digest(b"seal" + before + msgspec.json.encode([number, horizon, positions]) + marks)
