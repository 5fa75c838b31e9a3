"""A review knows its order, and ends when that is canceled before anybody has decided."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE fraud.reviews
        ADD COLUMN order_id text,
        DROP CONSTRAINT IF EXISTS reviews_state_check,
        ADD CONSTRAINT reviews_state_check CHECK (state IN ('waiting', 'open', 'approved', 'rejected', 'canceled'));
    CREATE INDEX reviews_open_orders ON fraud.reviews (order_id) WHERE state = 'open';
    """)
