"""Orders know how far each parcel is and each refund that was counted; returns that wait are found at once."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE orders.orders
        ADD COLUMN parcels jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN refunds jsonb NOT NULL DEFAULT '{"counted": {}, "failed": {}}';
    -- What was given back so far has no refund ids; what a cancellation gave back has the name it has from now on.
    UPDATE orders.orders
    SET refunds = jsonb_build_object('failed', '{}'::jsonb, 'counted', jsonb_build_object(
        CASE WHEN status = 'canceled' THEN 'canceled' ELSE 'before' END, refunded_minor))
    WHERE refunded_minor > 0;
    CREATE INDEX returns_waiting ON orders.returns (created_at, id) WHERE status NOT IN ('refunded', 'rejected');
    CREATE INDEX returns_ended ON orders.returns (created_at DESC, id DESC) WHERE status IN ('refunded', 'rejected');
    """)
