"""Reservations are pruned with everything else that is old, by their place in the table: no index is needed."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("DROP INDEX inventory.reservations_at")
