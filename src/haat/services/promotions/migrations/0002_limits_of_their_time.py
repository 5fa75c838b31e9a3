"""A redemption keeps the limit of its customer as it was: staff may lower it afterwards."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Of those that are there nobody knows any more: null, as where there was none.
    op.execute("ALTER TABLE promotions.redemptions ADD COLUMN limit_per_user bigint")
