"""The event log of the embedded default: the log, each reader's place, and what was parked."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE events.log (
        -- The writing transaction: readers fence on it, because a smaller position may commit later.
        tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
        position bigint GENERATED ALWAYS AS IDENTITY,
        id text NOT NULL, name text NOT NULL, key text NOT NULL, at timestamptz NOT NULL, body bytea NOT NULL,
        PRIMARY KEY (tx, position)
    );
    CREATE INDEX log_at ON events.log USING brin (at);
    CREATE TABLE events.cursor (
        reader text PRIMARY KEY, tx xid8 NOT NULL, position bigint NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 50);
    CREATE TABLE events.parked (
        reader text NOT NULL, event_id text NOT NULL, name text NOT NULL, body bytea NOT NULL,
        error text NOT NULL, at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (reader, event_id)
    );
    """)
