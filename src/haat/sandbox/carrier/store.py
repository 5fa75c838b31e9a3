"""The carrier's tables: shipments and what is still to happen to them."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime

import msgspec

from haat.sandbox.carrier.messages import Shipment, TrackingEvent

SCHEMA = """
CREATE TABLE IF NOT EXISTS shipment(
    id TEXT PRIMARY KEY, tracking_number TEXT NOT NULL UNIQUE, body BLOB NOT NULL, plan BLOB);
CREATE INDEX IF NOT EXISTS shipment_moving ON shipment(id) WHERE plan IS NOT NULL;
"""

encode = msgspec.json.Encoder().encode
decode_shipment = msgspec.json.Decoder(Shipment).decode
decode_plan = msgspec.json.Decoder(tuple[TrackingEvent, ...]).decode


class ShipmentStore:
    """No locks: one process, one connection, and no transaction that spans an await."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def load(self, shipment_id: str) -> tuple[Shipment, tuple[TrackingEvent, ...]] | None:
        """The shipment and the rest of its plan."""
        row = self.database.execute("SELECT body, plan FROM shipment WHERE id = ?", (shipment_id,)).fetchone()
        if row is None:
            return None
        return decode_shipment(row[0]), () if row[1] is None else decode_plan(row[1])

    def by_tracking_number(self, number: str) -> Shipment | None:
        row = self.database.execute("SELECT body FROM shipment WHERE tracking_number = ?", (number,)).fetchone()
        return None if row is None else decode_shipment(row[0])

    def save(self, shipment: Shipment, plan: tuple[TrackingEvent, ...]) -> bytes:
        """Insert or replace; returns the body as stored."""
        body = encode(shipment)
        self.database.execute(
            "INSERT INTO shipment(id, tracking_number, body, plan) VALUES (?, ?, ?, ?)"
            " ON CONFLICT(id) DO UPDATE SET body = excluded.body, plan = excluded.plan",
            (shipment.id, shipment.tracking_number, body, encode(plan) if plan else None),
        )
        return body

    def moving(self) -> Iterator[tuple[datetime, str, str]]:
        """Every event still to happen: when, to which shipment, what."""
        rows = self.database.execute("SELECT id, plan FROM shipment WHERE plan IS NOT NULL")
        for shipment_id, rest in rows:
            for event in decode_plan(rest):
                yield event.at, shipment_id, event.code
