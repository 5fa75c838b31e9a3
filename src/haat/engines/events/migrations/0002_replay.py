"""Parked events can be asked for again: by whom, and from when on a worker may take them."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE events.parked ADD COLUMN asked_by text, ADD COLUMN try_at timestamptz")
