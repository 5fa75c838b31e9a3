"""Coupons, who used them how often, and what each attempt redeemed."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("promotions"))
    op.execute("""
    CREATE TABLE promotions.coupons (
        code text PRIMARY KEY CHECK (code = upper(code)),
        title text NOT NULL,
        percent_basis_points integer CHECK (percent_basis_points BETWEEN 1 AND 10000),
        amount_minor bigint CHECK (amount_minor > 0),
        minimum_minor bigint NOT NULL,
        maximum_discount_minor bigint,
        category text,
        limit_total bigint,
        limit_per_user bigint,
        combinable boolean NOT NULL,
        starts_at timestamptz,
        ends_at timestamptz,
        used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
        created_at timestamptz NOT NULL DEFAULT now(),
        CHECK ((percent_basis_points IS NULL) <> (amount_minor IS NULL)),
        CHECK (used <= limit_total)
    ) WITH (fillfactor = 50);
    CREATE INDEX coupons_newest ON promotions.coupons (created_at DESC, code DESC);
    CREATE TABLE promotions.uses (
        code text NOT NULL, user_id text NOT NULL, used bigint NOT NULL CHECK (used >= 0), PRIMARY KEY (code, user_id)
    );
    -- Given back without redemptions is a tombstone: the giving back overtook the redeeming, which is refused for ever.
    CREATE TABLE promotions.attempts (
        attempt_id text PRIMARY KEY,
        state text NOT NULL CHECK (state IN ('redeemed', 'given_back')),
        at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE promotions.redemptions (
        attempt_id text NOT NULL, code text NOT NULL, user_id text, at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (attempt_id, code)
    );
    """)
