"""Shipments and what happened to them."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("shipping"))
    op.execute("""
    CREATE TABLE shipping.shipments (
        id text PRIMARY KEY,
        request_id text NOT NULL UNIQUE,
        order_id text NOT NULL,
        direction text NOT NULL CHECK (direction IN ('outbound', 'return')),
        carrier text NOT NULL,
        status text NOT NULL DEFAULT 'created',
        -- queued: the carrier has not confirmed it (it may have taken it all the same); then booked or refused.
        booking text NOT NULL DEFAULT 'queued' CHECK (booking IN ('queued', 'booked', 'refused')),
        body jsonb NOT NULL,
        carrier_reference text,
        tracking_number text NOT NULL DEFAULT '',
        label_url text,
        estimated_delivery date,
        tries integer NOT NULL DEFAULT 1,
        next_try_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        CHECK (booking <> 'booked' OR carrier_reference IS NOT NULL)
    );
    CREATE INDEX shipments_of_order ON shipping.shipments (order_id);
    CREATE INDEX shipments_queued ON shipping.shipments (next_try_at) WHERE booking = 'queued';
    CREATE TABLE shipping.tracking (
        shipment_id text NOT NULL REFERENCES shipping.shipments ON DELETE CASCADE,
        at timestamptz NOT NULL,
        code text NOT NULL,
        location text NOT NULL,
        description text NOT NULL,
        PRIMARY KEY (shipment_id, at, code, location)
    );
    """)
