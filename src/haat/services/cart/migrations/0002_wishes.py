"""Wishlists: what users want to find again."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE cart.wishes (
        user_id text NOT NULL, product_id text NOT NULL, added_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, product_id)
    );
    """)
