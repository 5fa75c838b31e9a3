"""Invoices: numbers without gaps, one row of numbers for each financial year."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE orders.invoices (
        order_id text PRIMARY KEY REFERENCES orders.orders,
        number text NOT NULL UNIQUE,
        issued_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE orders.invoice_years (year text PRIMARY KEY, last bigint NOT NULL);
    """)
