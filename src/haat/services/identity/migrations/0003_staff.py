"""The few accounts with a role are found at once."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE INDEX IF NOT EXISTS staff ON identity.users (user_id DESC) WHERE roles <> '{}';")
