"""Notices whose provider could not be asked when they came are kept until it answers."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("""
    -- Apart from the ids of all notices, so that the nearly all that are never kept cost nothing.
    CREATE TABLE payments.notices_due (
        provider text NOT NULL,
        webhook_id text NOT NULL,
        -- What the provider is asked for, and the payment here that the answer is about.
        provider_id text NOT NULL,
        payment_id text NOT NULL,
        at timestamptz NOT NULL DEFAULT now(),
        checks integer NOT NULL DEFAULT 0,
        PRIMARY KEY (provider, webhook_id)
    );
    CREATE INDEX notices_due_at ON payments.notices_due (at);
    """)
