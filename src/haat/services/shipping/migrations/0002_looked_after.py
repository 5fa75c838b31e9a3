"""Parcels of which nothing is heard are found."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
    CREATE INDEX IF NOT EXISTS shipments_on_their_way ON shipping.shipments (next_try_at)
    WHERE booking = 'booked' AND status NOT IN ('delivered', 'failed', 'canceled');
    """)
