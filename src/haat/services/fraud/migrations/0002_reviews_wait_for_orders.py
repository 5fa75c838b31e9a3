"""A review waits, unseen by staff, until its attempt has come to an order on hold."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Those that are open stay so: staff have seen them.
    op.execute("""
    ALTER TABLE fraud.reviews
        DROP CONSTRAINT IF EXISTS reviews_state_check,
        ADD CONSTRAINT reviews_state_check CHECK (state IN ('waiting', 'open', 'approved', 'rejected'));
    """)
