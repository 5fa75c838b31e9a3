"""The record of every call that came in: at most one effect per idempotency key, and who asked what when."""

import hashlib
import secrets
import sqlite3
from datetime import datetime

from msgspec import Struct

from haat.sandbox.problems import Problem
from haat.sandbox.storage import read_note, write_note

SCHEMA = """
CREATE TABLE IF NOT EXISTS call(
    seq INTEGER PRIMARY KEY, subject TEXT, op TEXT NOT NULL, key TEXT NOT NULL, at TEXT NOT NULL,
    outcome TEXT NOT NULL, fingerprint BLOB NOT NULL, status INTEGER, answer BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS call_effect ON call(key) WHERE answer IS NOT NULL;
CREATE INDEX IF NOT EXISTS call_subject ON call(subject);
"""


class Answer(Struct, frozen=True):
    """What a call with a key was, or is now, answered."""

    status: int
    body: bytes
    subject: str
    outcome: str
    replayed: bool = False


class Noted(Struct, frozen=True):
    """One line of the books."""

    op: str
    key: str
    at: str
    outcome: str


class Calls:
    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        secret = read_note(database, "fingerprint_key")
        if secret is None:
            secret = secrets.token_hex(32)
            write_note(database, "fingerprint_key", secret)
        self._secret = bytes.fromhex(secret)

    def fingerprint(self, *parts: bytes) -> bytes:
        """Keyed, because a request may hold a card number and a plain hash of one can be searched."""
        return hashlib.blake2b(b"\0".join(parts), digest_size=16, key=self._secret).digest()

    def answered(self, op: str, key: str, fingerprint: bytes, at: datetime) -> Answer | None:
        """The stored answer to this key; raises 422 when the key was used for something else."""
        row = self._database.execute(
            "SELECT fingerprint, status, answer, subject, outcome FROM call WHERE key = ? AND answer IS NOT NULL",
            (key,),
        ).fetchone()
        if row is None:
            return None
        if row[0] != fingerprint:
            raise Problem(422, "idempotency_conflict", "This Idempotency-Key was used with another request.")
        self.note(op, key, row[3], fingerprint, at, "replayed")
        return Answer(status=row[1], body=row[2], subject=row[3], outcome=row[4], replayed=True)

    def note(self, op: str, key: str, subject: str | None, fingerprint: bytes, at: datetime, outcome: str) -> None:
        """A call without effect: it leaves the key free."""
        self._database.execute(
            "INSERT INTO call(subject, op, key, at, outcome, fingerprint) VALUES (?, ?, ?, ?, ?, ?)",
            (subject, op, key, _stamp(at), outcome, fingerprint),
        )

    def record(self, op: str, key: str, fingerprint: bytes, at: datetime, answer: Answer) -> None:
        """A call with its effect; belongs in the transaction of that effect."""
        self._database.execute(
            "INSERT INTO call(subject, op, key, at, outcome, fingerprint, status, answer)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                answer.subject,
                op,
                key,
                _stamp(at),
                answer.outcome,
                fingerprint,
                answer.status,
                answer.body,
            ),
        )

    def amend(self, subject: str, op: str, outcome: str, body: bytes) -> None:
        """Replace the stored answer of an effect that was still on its way when it was recorded."""
        self._database.execute(
            "UPDATE call SET outcome = ?, answer = ? WHERE subject = ? AND op = ? AND answer IS NOT NULL",
            (outcome, body, subject, op),
        )

    def of_subject(self, subject: str) -> list[Noted]:
        rows = self._database.execute(
            "SELECT op, key, at, outcome FROM call WHERE subject = ? ORDER BY seq", (subject,)
        )
        return [Noted(op=op, key=key, at=at, outcome=outcome) for op, key, at, outcome in rows]


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
