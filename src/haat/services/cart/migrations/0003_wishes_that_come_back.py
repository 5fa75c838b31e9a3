"""Wishes whose product was sold out and is there again: when that was, and when their owner was told."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE cart.wishes ADD back_at timestamptz, ADD told_at timestamptz;
    CREATE INDEX wishes_product ON cart.wishes (product_id);
    CREATE INDEX wishes_back ON cart.wishes (back_at) WHERE back_at IS NOT NULL;
    """)
