"""Letters are stored as they are: packing one costs more than its order's confirmation took to write."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE notifications.mails ALTER COLUMN html SET STORAGE EXTERNAL")
