"""An attempt is made of its checkout's row, by the statement that takes it, and checkouts stay: no key need look."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE checkout.attempts DROP CONSTRAINT attempts_checkout_id_fkey")
