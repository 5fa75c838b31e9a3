"""An attempt stores what changes (the saga) apart from what was asked; its quote is its checkout's, stored once."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE checkout.attempts ADD COLUMN saga jsonb;
    UPDATE checkout.attempts SET saga = data -> 'saga', data = data -> 'complete';
    ALTER TABLE checkout.attempts ALTER COLUMN saga SET NOT NULL;
    ALTER TABLE checkout.attempts RENAME COLUMN data TO complete;
    -- Whether nothing is missing before the order can be placed: known when the quote is written.
    ALTER TABLE checkout.checkouts ADD COLUMN ready boolean NOT NULL DEFAULT false;
    CREATE INDEX attempts_parked ON checkout.attempts (created_at) WHERE state = 'parked';
    """)
