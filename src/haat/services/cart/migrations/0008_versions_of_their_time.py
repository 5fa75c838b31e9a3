"""A cart that was forgotten or joined begins anew under its id, but never at a version that was ordered before."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # Milliseconds: nobody changes a cart faster. Of one version of a cart there is one order, for good.
    op.execute("""
    ALTER TABLE cart.carts ALTER COLUMN version SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
    """)
