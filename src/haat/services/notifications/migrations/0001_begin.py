"""Mails: one per cause, rendered when they are sent."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("notifications"))
    op.execute("""
    CREATE TABLE notifications.mails (
        id text PRIMARY KEY,
        cause text NOT NULL UNIQUE,
        kind text NOT NULL,
        -- What the mail is about: an order's, user's or product's id; empty until it is known.
        about text NOT NULL,
        address text NOT NULL,
        facts jsonb NOT NULL,
        state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed')),
        subject text NOT NULL DEFAULT '',
        html text NOT NULL DEFAULT '',
        text text NOT NULL DEFAULT '',
        error text NOT NULL DEFAULT '',
        tries integer NOT NULL DEFAULT 0,
        next_try_at timestamptz NOT NULL DEFAULT now(),
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX mails_due ON notifications.mails (next_try_at) WHERE state = 'queued';
    CREATE INDEX mails_about ON notifications.mails (about, id);
    CREATE INDEX mails_address ON notifications.mails (address, id);
    -- A refund names its checkout; the placed order's mail knows which order that became.
    CREATE INDEX mails_checkout ON notifications.mails ((facts ->> 'checkout_id')) WHERE kind = 'order_placed';
    """)
