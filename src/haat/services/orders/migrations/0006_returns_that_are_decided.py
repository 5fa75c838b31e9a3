"""Returns are approved, with a parcel of their own, or rejected, which frees their units and what they stood for."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # NOT VALID: the rows that are there passed the narrower check.
    op.execute("""
    ALTER TABLE orders.returns
        ADD COLUMN IF NOT EXISTS shipment_id text,
        ADD COLUMN IF NOT EXISTS shares jsonb NOT NULL DEFAULT '{}';
    ALTER TABLE orders.orders ADD COLUMN IF NOT EXISTS uneven jsonb NOT NULL DEFAULT '{}';
    ALTER TABLE orders.tasks
        DROP CONSTRAINT IF EXISTS tasks_kind_check,
        ADD CONSTRAINT tasks_kind_check
            CHECK (kind IN ('ship', 'cancel', 'refund', 'receive', 'capture', 'approve')) NOT VALID;
    """)
