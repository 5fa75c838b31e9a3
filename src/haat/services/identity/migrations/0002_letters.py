"""Letters to write about accounts. A link's secret is not stored: it is made again from the letter's id and our key."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE identity.letters (
        letter_id text PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('password_reset', 'password_changed', 'email_change', 'email_changed')),
        -- Absent when nobody has this address: the asking looks the same either way.
        user_id text REFERENCES identity.users ON DELETE CASCADE,
        email text NOT NULL,
        expires_at timestamptz NOT NULL,
        used_at timestamptz
    );
    CREATE INDEX letters_of_user ON identity.letters (user_id) WHERE used_at IS NULL;
    CREATE INDEX letters_expiry ON identity.letters (expires_at);
    """)
