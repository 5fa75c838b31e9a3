"""Levels that were written anew are told, so that pages and search show them."""

from alembic import op

revision = "0008"
down_revision = "0007"

# As in 0005, and each SKU whose levels changed is told once, summed over its locations.
REBUILD = """
CREATE OR REPLACE FUNCTION inventory.rebuild(p_streams bigint[], p_shape integer, OUT r_changed bigint)
LANGUAGE plpgsql AS $$
DECLARE v_fault text; v_skus text[];
BEGIN
    PERFORM inventory.lock_skus(p_streams);
    SELECT f.stream || ': ' || f.fault INTO v_fault FROM inventory.fold(p_streams, true, p_shape) f
    WHERE f.fault IS NOT NULL LIMIT 1;
    IF FOUND THEN RAISE EXCEPTION 'stream % ', v_fault; END IF;
    DELETE FROM inventory.snapshots WHERE stream = ANY(p_streams);
    WITH changed AS (
        UPDATE inventory.stock s
        SET on_hand = f.on_hand, reserved = f.reserved, available = f.on_hand - f.reserved, version = f.version,
            head = f.head, moved_at = f.at,
            low_since = CASE WHEN f.on_hand - f.reserved <= s.low_stock_at THEN coalesce(s.low_since, now()) END
        FROM inventory.fold(p_streams, true, p_shape) f
        WHERE s.stream = f.stream AND (s.on_hand, s.reserved, s.version, s.head, s.moved_at)
            IS DISTINCT FROM (f.on_hand, f.reserved, f.version, f.head, f.at)
        RETURNING s.sku
    )
    SELECT count(*), array_agg(DISTINCT sku) INTO r_changed, v_skus FROM changed;
    INSERT INTO inventory.outbox (id, name, key, at, body)
    SELECT n.id, 'inventory.StockChanged', n.sku, n.at, convert_to(json_build_object('id', n.id, 'at', n.at,
        'sku', n.sku, 'available', n.available, 'version', n.version)::text, 'UTF8')
    FROM (
        SELECT sku, sum(available)::bigint AS available, sum(version)::bigint AS version,
            inventory.event_id() AS id, clock_timestamp() AS at
        FROM inventory.stock WHERE sku = ANY(v_skus) GROUP BY sku
    ) n;
    DELETE FROM inventory.drifts WHERE stream = ANY(p_streams);
END $$
"""


def upgrade() -> None:
    op.execute(REBUILD)
