"""What waits for the index, how popular products are, and rebuilds asked for."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("search"))
    op.execute("""
    -- The newest word on each product that the index has not taken yet; without a body the product is gone.
    CREATE TABLE search.pending (
        product_id text PRIMARY KEY,
        version bigint NOT NULL,
        body bytea
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
    -- Points fade with time: `points` are as of `at`; `shown` is what the index holds.
    CREATE TABLE search.popularity (
        product_id text PRIMARY KEY,
        points double precision NOT NULL,
        at timestamptz NOT NULL,
        shown double precision NOT NULL DEFAULT 0
    ) WITH (fillfactor = 70);
    -- Asked for by a process that does not hold the index's only writer; the one that does takes them up.
    CREATE TABLE search.rebuilds (
        request_id text PRIMARY KEY,
        requested_at timestamptz NOT NULL DEFAULT now(),
        products bigint,
        seconds double precision
    );
    """)
