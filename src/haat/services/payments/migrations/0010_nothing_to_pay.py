"""An order for nothing has a payment of nothing, by credit."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    # Not validated: whatever there is was held to less.
    op.execute("""
    ALTER TABLE payments.payments
        DROP CONSTRAINT IF EXISTS amounts,
        ADD CONSTRAINT amounts CHECK (
            LEAST(refunded_minor, captured_minor - refunded_minor, amount_minor - credit_minor - captured_minor,
                  credit_minor, capturing_minor) >= 0
            AND (amount_minor > 0 OR tombstone OR provider = 'credit')) NOT VALID;
    """)
