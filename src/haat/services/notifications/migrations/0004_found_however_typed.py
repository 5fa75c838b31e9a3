"""Staff find a customer's mails however either of them typed the address."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
    CREATE INDEX IF NOT EXISTS mails_lower_address ON notifications.mails (lower(address), id);
    DROP INDEX IF EXISTS notifications.mails_address;
    """)
