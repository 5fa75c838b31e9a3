"""Staff find orders by e-mail however it was typed."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
    CREATE INDEX IF NOT EXISTS orders_lower_email ON orders.orders (lower(email), id DESC);
    DROP INDEX IF EXISTS orders.orders_email;
    """)
