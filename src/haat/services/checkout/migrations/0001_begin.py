"""Checkouts, their attempts (the saga's state), and tax rates with effective dates."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("checkout"))
    op.execute("""
    CREATE TABLE checkout.checkouts (
        id text PRIMARY KEY,
        -- The user's id, or the hash of a guest's cart token: part of every predicate, so nobody meets a stranger's.
        owner text NOT NULL,
        cart_id text NOT NULL,
        cart_version bigint NOT NULL,
        status text NOT NULL DEFAULT 'open'
            CHECK (status IN ('open', 'completing', 'requires_action', 'completed', 'canceled', 'expired')),
        quote jsonb NOT NULL,
        attempt_id text,
        order_id text UNIQUE,
        order_number text,
        action jsonb,
        failure text,
        expires_at timestamptz NOT NULL,
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 70);
    CREATE INDEX checkouts_open ON checkout.checkouts (expires_at) WHERE status = 'open';

    CREATE TABLE checkout.attempts (
        attempt_id text PRIMARY KEY,
        checkout_id text NOT NULL REFERENCES checkout.checkouts,
        cart_id text NOT NULL,
        cart_version bigint NOT NULL,
        account text NOT NULL,
        key text NOT NULL,
        fingerprint text NOT NULL,
        state text NOT NULL,
        data jsonb NOT NULL,
        version bigint NOT NULL DEFAULT 1,
        tries integer NOT NULL DEFAULT 0,
        lease_until timestamptz NOT NULL,
        next_run_at timestamptz NOT NULL,
        last_error text,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (account, key)
    ) WITH (fillfactor = 60);
    -- One living attempt per checkout, and one per version of a cart: two tabs cannot order the same cart twice.
    CREATE UNIQUE INDEX attempts_living ON checkout.attempts (checkout_id) WHERE state <> 'failed';
    CREATE UNIQUE INDEX attempts_cart ON checkout.attempts (cart_id, cart_version) WHERE state <> 'failed';
    CREATE INDEX attempts_due ON checkout.attempts (next_run_at) WHERE state NOT IN ('placed', 'failed');

    CREATE TABLE checkout.tax_rates (
        tax_class text NOT NULL,
        from_date date NOT NULL,
        price_from_minor bigint NOT NULL DEFAULT 0,
        rate_basis_points integer NOT NULL CHECK (rate_basis_points BETWEEN 0 AND 10000),
        PRIMARY KEY (tax_class, from_date, price_from_minor)
    );
    """)
