-- name: stock_of(skus)
SELECT sku, sum(available)::bigint AS available FROM inventory.stock WHERE sku = ANY(:skus::text[]) GROUP BY sku;

-- name: reserve(attempt_id, skus, quantities, hold_seconds)^
SELECT r_state AS state, r_expires_at AS expires_at, r_lines AS lines, r_short AS short
FROM inventory.reserve(:attempt_id, :skus::text[], :quantities::bigint[], :hold_seconds);

-- name: commit_hold(attempt_id)^
SELECT r_state AS state, r_expires_at AS expires_at, r_lines AS lines FROM inventory.commit_hold(:attempt_id);

-- name: release_hold(attempt_id)$
SELECT inventory.release_hold(:attempt_id);

-- name: extend_hold(attempt_id, hold_seconds)^
-- A hold only grows; what is not held any more answers as it is.
WITH grown AS (
    UPDATE inventory.reservations
    SET expires_at = greatest(expires_at, clock_timestamp() + make_interval(secs => :hold_seconds::integer))
    WHERE attempt_id = :attempt_id AND state = 'held' RETURNING state, expires_at
), found AS (
    SELECT * FROM grown
    UNION ALL
    SELECT state, expires_at FROM inventory.reservations
    WHERE attempt_id = :attempt_id AND NOT EXISTS (SELECT FROM grown)
)
SELECT state, expires_at, inventory.lines_of(:attempt_id) AS lines FROM found;

-- name: expire_holds(batch)$
SELECT inventory.expire_holds(:batch);

-- name: book(type, cause_id, cause_kind, location, skus, quantities, data)!
SELECT inventory.book(:type, :cause_id, :cause_kind, :location, :skus::text[], :quantities::bigint[], :data);

-- name: lock_level(sku, location)^
SELECT sku, location, on_hand, reserved, available, low_stock_at, version
FROM inventory.stock WHERE sku = :sku AND location = :location FOR NO KEY UPDATE;

-- name: has_happened(sku, location, cause_id, type)$
SELECT EXISTS (
    SELECT FROM inventory.events JOIN inventory.stock USING (stream)
    WHERE sku = :sku AND location = :location AND cause_id = :cause_id AND type = :type
);

-- name: levels(sku)
SELECT sku, location, on_hand, reserved, available, low_stock_at, version
FROM inventory.stock WHERE sku = :sku ORDER BY stream;

-- name: levels_as_of(sku, as_of)
-- The fold of the events up to a moment, by location. `unknown` counts events of a shape that this code cannot read.
SELECT s.sku, s.location, s.low_stock_at, folded.*
FROM inventory.stock s CROSS JOIN LATERAL (
    SELECT coalesce(sum(f.on_hand * e.quantity), 0)::bigint AS on_hand,
           coalesce(sum(f.reserved * e.quantity), 0)::bigint AS reserved,
           coalesce(sum((f.on_hand - f.reserved) * e.quantity), 0)::bigint AS available,
           coalesce(max(e.version), 0) AS version,
           count(*) FILTER (WHERE e.schema_v <> 1 OR f.type IS NULL) AS unknown
    FROM inventory.events e LEFT JOIN inventory.effects f USING (type)
    WHERE e.stream = s.stream AND e.at <= :as_of::timestamptz
) AS folded
WHERE s.sku = :sku ORDER BY s.stream;

-- name: events(sku, as_of, before_at, before_stream, before_version, size)
-- Newest first. Each location gives its own newest, so that a long history is never sorted.
SELECT s.sku, s.location, e.stream, e.version, e.at, e.type, e.quantity, e.cause_id, e.data
FROM inventory.stock s CROSS JOIN LATERAL (
    SELECT * FROM inventory.events e
    WHERE e.stream = s.stream
      AND (:as_of::timestamptz IS NULL OR e.at <= :as_of)
      AND (:before_at::timestamptz IS NULL OR (e.at, e.stream, e.version) < (:before_at, :before_stream::bigint, :before_version::bigint))
    ORDER BY e.version DESC LIMIT :size::integer
) AS e
WHERE s.sku = :sku ORDER BY e.at DESC, e.stream DESC, e.version DESC LIMIT :size;

-- name: alerts(before_at, before_stream, size)
SELECT stream, sku, location, available, low_since FROM inventory.stock
WHERE low_since IS NOT NULL
  AND (:before_at::timestamptz IS NULL OR (low_since, stream) < (:before_at, :before_stream::bigint))
ORDER BY low_since DESC, stream DESC LIMIT :size;

-- name: set_low_mark(sku, location, low_stock_at)^
UPDATE inventory.stock
SET low_stock_at = :low_stock_at::bigint,
    low_since = CASE WHEN available <= :low_stock_at::bigint THEN coalesce(low_since, clock_timestamp()) END
WHERE sku = :sku AND location = :location
RETURNING sku, location, on_hand, reserved, available, low_stock_at, version;
