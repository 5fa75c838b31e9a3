"""The provider's tables: payments and the cards it gave tokens for."""

import secrets
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from haat.sandbox.provider.cards import KnownCard
from haat.sandbox.provider.messages import Movement, Payment
from haat.sandbox.provider.model import Event, Record, Script, Timer
from haat.sandbox.storage import read_note, write_note

SCHEMA = """
CREATE TABLE IF NOT EXISTS payment(
    id TEXT PRIMARY KEY, reference TEXT NOT NULL, body BLOB NOT NULL, script TEXT NOT NULL, token TEXT,
    timers BLOB);
CREATE INDEX IF NOT EXISTS payment_reference ON payment(reference);
CREATE INDEX IF NOT EXISTS payment_timed ON payment(id) WHERE timers IS NOT NULL;
CREATE TABLE IF NOT EXISTS movement(
    seq INTEGER PRIMARY KEY, payment_id TEXT NOT NULL, reference TEXT NOT NULL, type TEXT NOT NULL,
    amount INTEGER NOT NULL, fee INTEGER NOT NULL, currency TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS card(token TEXT PRIMARY KEY, body BLOB NOT NULL);
"""

FEE_BASIS_POINTS = 200
CAPTURED = "payment.captured"

encode = msgspec.json.Encoder().encode
decode_payment = msgspec.json.Decoder(Payment).decode
decode_timers = msgspec.json.Decoder(tuple[Timer, ...]).decode
decode_card = msgspec.json.Decoder(KnownCard).decode


class PaymentStore:
    """No locks: one process, one connection, and no transaction that spans an await."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self._known_tokens: set[str] = set()

    def secret(self) -> bytes:
        """What tokens are derived from; made once per database."""
        stored = read_note(self.database, "token_key")
        if stored is None:
            stored = secrets.token_hex(32)
            write_note(self.database, "token_key", stored)
        return bytes.fromhex(stored)

    def load(self, payment_id: str) -> Record | None:
        row = self.database.execute(
            "SELECT body, script, token, timers FROM payment WHERE id = ?", (payment_id,)
        ).fetchone()
        if row is None:
            return None
        timers = () if row[3] is None else decode_timers(row[3])
        script: Script = row[1]
        return Record(payment=decode_payment(row[0]), script=script, token=row[2], timers=timers)

    def body_of(self, payment_id: str) -> bytes | None:
        row = self.database.execute("SELECT body FROM payment WHERE id = ?", (payment_id,)).fetchone()
        return None if row is None else bytes(row[0])

    def insert(self, record: Record, body: bytes) -> None:
        payment = record.payment
        self.database.execute(
            "INSERT INTO payment(id, reference, body, script, token, timers) VALUES (?, ?, ?, ?, ?, ?)",
            (payment.id, payment.reference, body, record.script, record.token, _timers(record)),
        )

    def update(self, record: Record, body: bytes) -> None:
        self.database.execute(
            "UPDATE payment SET body = ?, timers = ? WHERE id = ?", (body, _timers(record), record.payment.id)
        )

    def timed(self) -> Iterator[tuple[datetime, str, str]]:
        """Every timer still to go off: when, of which payment, what."""
        rows = self.database.execute("SELECT id, timers FROM payment WHERE timers IS NOT NULL")
        for payment_id, timers in rows:
            for timer in decode_timers(timers):
                yield timer.at, payment_id, timer.what

    def by_reference(self, reference: str) -> list[bytes]:
        rows = self.database.execute("SELECT body FROM payment WHERE reference = ? ORDER BY rowid", (reference,))
        return [bytes(row[0]) for row in rows]

    def page(self, after: int, limit: int) -> list[tuple[int, Payment]]:
        """Payments in the order they came, each with its place."""
        rows = self.database.execute(
            "SELECT rowid, body FROM payment WHERE rowid > ? ORDER BY rowid LIMIT ?", (after, limit)
        )
        return [(row[0], decode_payment(row[1])) for row in rows]

    def move(self, payment: Payment, event: Event) -> None:
        """Book what the event moved; belongs in the transaction of the change it tells."""
        # What a real one would keep of what comes in; rounded up, as fees are.
        fee = -(-event.moved * FEE_BASIS_POINTS // 10_000) if event.moved > 0 and event.type == CAPTURED else 0
        self.database.execute(
            "INSERT INTO movement(payment_id, reference, type, amount, fee, currency, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (payment.id, payment.reference, event.type, event.moved, fee, payment.currency, event.at.timestamp()),
        )

    def movements(self, since: datetime, until: datetime, after: int, limit: int) -> list[tuple[int, Movement]]:
        """What moved in [since, until), in the order it was booked, each with its place."""
        rows = self.database.execute(
            "SELECT seq, payment_id, reference, type, amount, fee, currency, at FROM movement"
            " WHERE seq > ? AND at >= ? AND at < ? ORDER BY seq LIMIT ?",
            (after, since.timestamp(), until.timestamp(), limit),
        )
        return [
            (row[0], Movement(f"mov_{row[0]}", row[1], row[2], row[3], row[4], row[5], row[6], _moment(row[7])))
            for row in rows
        ]

    def keep_card(self, card: KnownCard) -> None:
        if card.token in self._known_tokens:
            return
        self.database.execute("INSERT OR IGNORE INTO card(token, body) VALUES (?, ?)", (card.token, encode(card)))
        self._known_tokens.add(card.token)

    def card(self, token: str) -> KnownCard | None:
        row = self.database.execute("SELECT body FROM card WHERE token = ?", (token,)).fetchone()
        return None if row is None else decode_card(row[0])


def _timers(record: Record) -> bytes | None:
    return encode(record.timers) if record.timers else None


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
