"""Gift cards can be voided; who of the staff gave credit or took it back, and why, is kept."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE payments.credits ADD COLUMN voided_at timestamptz;
    -- Beside the ledger, whose rows are all that its sums need.
    CREATE TABLE payments.credit_notes (
        txn_id text PRIMARY KEY REFERENCES payments.ledger_txns,
        actor text NOT NULL,
        reason text
    );
    """)
