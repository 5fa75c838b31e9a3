"""A letter's state is checked by its type, its facts are kept as they came."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # PostgreSQL reads a CHECK's text anew in each statement, a domain's once. Measured in decision 76.
    op.execute("""
    CREATE DOMAIN notifications.state AS text CHECK (VALUE IN ('queued', 'sent', 'failed'));
    ALTER TABLE notifications.mails
        DROP CONSTRAINT mails_state_check,
        ALTER COLUMN state DROP DEFAULT,
        ALTER COLUMN state TYPE notifications.state,
        ALTER COLUMN state SET DEFAULT 'queued',
        ALTER COLUMN facts TYPE json;
    """)
