"""A line of the provider's report says whether it is booked: one that broke off left some that never were."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    # Those that are there count as booked, and those that an older process writes, which books them by itself.
    op.execute("""
    ALTER TABLE payments.movements ADD COLUMN booked boolean NOT NULL DEFAULT true;
    CREATE INDEX movements_to_book ON payments.movements (provider) WHERE NOT booked;
    """)
