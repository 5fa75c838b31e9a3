"""Gift cards and store credit: accounts of the ledger with a balance that can be spent and never is below zero."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE payments.credits (
        -- The account in the ledger; its entries and this balance are written in one transaction.
        account text PRIMARY KEY,
        currency char(3) NOT NULL,
        balance_minor bigint NOT NULL CHECK (balance_minor >= 0),
        -- The code itself is not kept.
        code_digest text UNIQUE,
        ending text,
        user_id text,
        expires_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (user_id, currency)
    ) WITH (fillfactor = 70);

    ALTER TABLE payments.payments
        ADD COLUMN credit_minor bigint NOT NULL DEFAULT 0,
        ADD COLUMN credits jsonb,
        ADD COLUMN credit_state text CHECK (credit_state IN ('held', 'taken', 'given_back')),
        ADD CHECK (credit_minor BETWEEN 0 AND amount_minor),
        ADD CHECK (captured_minor <= amount_minor - credit_minor);
    ALTER TABLE payments.refunds ADD COLUMN account text;
    ALTER TABLE payments.ledger_txns ALTER COLUMN payment_id DROP NOT NULL;
    """)
