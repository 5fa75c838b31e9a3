"""Items that came from a guest's cart get the ids back that they had there, without the letter behind."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("""
    UPDATE cart.items SET item_id = left(item_id, 30) WHERE item_id ~ '^itm_[0-9a-z]{26}m$';
    """)
