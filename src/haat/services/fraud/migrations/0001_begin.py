"""Assessments with what was counted at that moment, and reviews."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("fraud"))
    op.execute("""
    CREATE TABLE fraud.assessments (
        attempt_id text PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        user_id text,
        email text NOT NULL,
        network_address text,
        card text,
        counts jsonb NOT NULL
    );
    CREATE INDEX assessments_user ON fraud.assessments (user_id, at) WHERE user_id IS NOT NULL;
    CREATE INDEX assessments_email ON fraud.assessments (email, at);
    CREATE INDEX assessments_network ON fraud.assessments (network_address, at) WHERE network_address IS NOT NULL;
    CREATE INDEX assessments_card ON fraud.assessments (card, at) WHERE card IS NOT NULL;
    CREATE INDEX assessments_at ON fraud.assessments USING brin (at);
    CREATE TABLE fraud.reviews (
        review_id text PRIMARY KEY,
        attempt_id text NOT NULL UNIQUE,
        checkout_id text NOT NULL,
        amount_minor bigint NOT NULL,
        currency char(3) NOT NULL,
        email text NOT NULL,
        score integer NOT NULL,
        reasons jsonb NOT NULL,
        state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'approved', 'rejected')),
        created_at timestamptz NOT NULL DEFAULT now(),
        decided_by text,
        note text,
        decided_at timestamptz
    );
    CREATE INDEX reviews_state ON fraud.reviews (state, review_id);
    """)
