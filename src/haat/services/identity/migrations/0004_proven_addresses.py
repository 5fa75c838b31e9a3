"""Whether an account's address was shown to be its owner's: by following a link mailed to it, or to the operator."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE identity.users ADD COLUMN IF NOT EXISTS email_proven boolean NOT NULL DEFAULT false;
    -- Whoever gave these a role has vouched for them.
    UPDATE identity.users SET email_proven = true WHERE roles <> '{}';
    """)
