"""A charge's answer is four times as long as the charge: leave room for it on the same page."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE vault.charges SET (fillfactor = 20)")
