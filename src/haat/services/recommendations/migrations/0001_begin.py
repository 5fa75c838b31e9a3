"""Behaviour, what is known of products, and the models trained from both."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("recommendations"))
    op.execute("""
    CREATE TABLE recommendations.interactions (
        at timestamptz NOT NULL,
        session_id text NOT NULL,
        user_id text,
        kind text NOT NULL,
        product_id text,
        query text,
        value smallint,
        -- What was bought together; empty for everything but trusted purchases.
        basket text NOT NULL DEFAULT '',
        recorded_at timestamptz NOT NULL DEFAULT now()
    );
    -- A click told twice counts once; the same index finds what a guest's session looked at.
    CREATE UNIQUE INDEX interactions_once ON recommendations.interactions (session_id, at, kind, product_id, query)
        NULLS NOT DISTINCT;
    CREATE INDEX interactions_of_user ON recommendations.interactions (user_id, at) WHERE user_id IS NOT NULL;
    CREATE INDEX interactions_at ON recommendations.interactions (at) WHERE product_id IS NOT NULL;
    CREATE INDEX interactions_recorded ON recommendations.interactions USING brin (recorded_at);
    CREATE TABLE recommendations.sources (source text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE recommendations.products (
        product_id text PRIMARY KEY,
        version bigint NOT NULL,
        published boolean NOT NULL,
        in_stock boolean NOT NULL,
        category text NOT NULL DEFAULT '',
        -- The ready JSON of the answer, and what the content model reads.
        card bytea,
        words jsonb,
        saved_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX products_of_category ON recommendations.products (category, product_id) WHERE published AND in_stock;
    CREATE TABLE recommendations.models (
        model_id text PRIMARY KEY,
        name text NOT NULL,
        trained_at timestamptz NOT NULL,
        bytes bigint NOT NULL,
        interactions bigint NOT NULL,
        products bigint NOT NULL
    );
    -- One training at a time; a trainer that died lets go after `until`.
    CREATE TABLE recommendations.training (one boolean PRIMARY KEY CHECK (one), until timestamptz NOT NULL);
    INSERT INTO recommendations.training VALUES (true, '-infinity');
    """)
