"""Where a guest's cart went when its owner signed in: an order of it may still be on its way."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE cart.joined (
        cart_id text PRIMARY KEY,
        into_cart text NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX joined_at ON cart.joined USING brin (at);
    """)
