-- name: stock_of(skus)
SELECT sku, sum(available)::bigint AS available FROM inventory.stock WHERE sku = ANY(:skus::text[]) GROUP BY sku;

-- name: reserve(attempt_id, skus, quantities, hold_seconds, state)^
SELECT r_state AS state, r_expires_at AS expires_at, r_skus AS skus, r_quantities AS quantities, r_short AS short, r_hot AS hot
FROM inventory.reserve(:attempt_id, :skus::text[], :quantities::bigint[], :hold_seconds, :state);

-- name: known(attempt_id)^
SELECT state, expires_at, inventory.skus_of(streams) AS skus, quantities
FROM inventory.reservations WHERE attempt_id = :attempt_id;

-- name: shelves(skus)
SELECT s.sku, s.location, s.stream, s.available, coalesce(l.priority, 100) AS priority
FROM inventory.stock s LEFT JOIN inventory.locations l USING (location) WHERE s.sku = ANY(:skus::text[]);

-- name: reserve_from(attempt_id, streams, quantities, hold_seconds, state)^
SELECT r_state AS state, r_expires_at AS expires_at
FROM inventory.reserve_from(:attempt_id, :streams::bigint[], :quantities::bigint[], :hold_seconds, :state);

-- name: grant_many(sku, attempts, quantities, hold_seconds, last)^
SELECT r_states AS states, r_expires AS expires, r_available AS available, r_hot AS hot
FROM inventory.grant_many(:sku, :attempts::text[], :quantities::bigint[], :hold_seconds::integer[], :last::boolean[]);

-- name: whole(attempt_id)^
UPDATE inventory.reservations SET state = CASE state WHEN 'filling' THEN 'held' ELSE state END
WHERE attempt_id = :attempt_id RETURNING state, expires_at, inventory.skus_of(streams) AS skus, quantities;

-- name: commit_hold(attempt_id)^
SELECT r_state AS state, r_expires_at AS expires_at, r_skus AS skus, r_quantities AS quantities
FROM inventory.commit_hold(:attempt_id);

-- name: commit_from(attempt_id, streams, quantities)!
SELECT inventory.commit_from(:attempt_id, :streams::bigint[], :quantities::bigint[]);

-- name: release_hold(attempt_id)$
SELECT inventory.release_hold(:attempt_id);

-- name: extend_hold(attempt_id, hold_seconds)^
-- A hold only grows; what is not held any more answers as it is, also when it has ended while this waited for its row.
WITH found AS MATERIALIZED (
    SELECT attempt_id, state, expires_at, streams, quantities FROM inventory.reservations
    WHERE attempt_id = :attempt_id FOR UPDATE
), grown AS (
    UPDATE inventory.reservations r
    SET expires_at = greatest(found.expires_at, clock_timestamp() + make_interval(secs => :hold_seconds::integer))
    FROM found WHERE r.attempt_id = found.attempt_id AND found.state = 'held' RETURNING r.expires_at
)
SELECT state, coalesce((SELECT expires_at FROM grown), expires_at) AS expires_at, inventory.skus_of(streams) AS skus,
       quantities
FROM found;

-- name: expire_holds(batch)$
SELECT inventory.expire_holds(:batch);

-- name: expire_apart(batch)^
SELECT r_expired AS expired, r_stuck AS stuck FROM inventory.expire_apart(:batch);

-- name: book(type, cause_id, cause_kind, location, skus, quantities, data)$
SELECT inventory.book(:type, :cause_id, :cause_kind, :location, :skus::text[], :quantities::bigint[], :data);

-- name: announce(sku, until)$
WITH told AS (
    UPDATE inventory.stock SET hot_until = :until::timestamptz WHERE stream IN (
        SELECT stream FROM inventory.stock WHERE sku = :sku ORDER BY stream FOR NO KEY UPDATE
    ) RETURNING 1
)
SELECT EXISTS (SELECT FROM told);

-- name: locations()
SELECT location, coalesce(l.priority, 100) AS priority
FROM (SELECT DISTINCT location FROM inventory.stock) s FULL JOIN inventory.locations l USING (location)
ORDER BY 2, 1;

-- name: set_priority(location, priority, expected)$
-- No row when another priority than this one was expected; without one a location has 100.
INSERT INTO inventory.locations AS l (location, priority)
SELECT :location, :priority::integer
WHERE coalesce(:expected::integer, 100) = 100 OR EXISTS (SELECT FROM inventory.locations WHERE location = :location)
ON CONFLICT (location) DO UPDATE SET priority = excluded.priority
    WHERE :expected::integer IS NULL OR l.priority = :expected::integer
RETURNING true;

-- name: level(sku, location)^
SELECT sku, location, on_hand, reserved, available, low_stock_at, version
FROM inventory.stock WHERE sku = :sku AND location = :location;

-- name: levels(sku)
SELECT sku, location, on_hand, reserved, available, low_stock_at, version,
       CASE WHEN hot_until > clock_timestamp() THEN hot_until END AS drop_until
FROM inventory.stock WHERE sku = :sku ORDER BY stream;

-- name: levels_as_of(sku, as_of)
-- By location: the last snapshot before a moment, and the fold of the events from there. `strange` counts types that
-- have no effect in this database, `schema_v` is the newest shape met.
SELECT s.sku, s.location, s.low_stock_at, folded.*
FROM inventory.stock s LEFT JOIN LATERAL (
    SELECT * FROM inventory.snapshots p WHERE p.stream = s.stream AND p.at <= :as_of::timestamptz
    ORDER BY p.version DESC LIMIT 1
) AS p ON true CROSS JOIN LATERAL (
    SELECT (coalesce(p.on_hand, 0) + coalesce(sum(f.on_hand * e.quantity), 0))::bigint AS on_hand,
           (coalesce(p.reserved, 0) + coalesce(sum(f.reserved * e.quantity), 0))::bigint AS reserved,
           (coalesce(p.on_hand - p.reserved, 0) + coalesce(sum((f.on_hand - f.reserved) * e.quantity), 0))::bigint
               AS available,
           coalesce(max(e.version), p.version, 0) AS version,
           coalesce(max(e.schema_v), 0) AS schema_v, count(*) FILTER (WHERE f.type IS NULL) AS strange
    FROM inventory.events e LEFT JOIN inventory.effects f USING (type)
    WHERE e.stream = s.stream AND e.version > coalesce(p.version, 0) AND e.at <= :as_of::timestamptz
) AS folded
WHERE s.sku = :sku ORDER BY s.stream;

-- name: events(sku, as_of, before_at, before_stream, before_version, size)
-- Newest first. Each location gives its own newest, so that a long history is never sorted.
SELECT s.sku, s.location, e.stream, e.version, e.at, e.type, e.quantity, e.cause_id, e.data, e.schema_v
FROM inventory.stock s CROSS JOIN LATERAL (
    SELECT * FROM inventory.events e
    WHERE e.stream = s.stream
      AND (:as_of::timestamptz IS NULL OR e.at <= :as_of)
      AND (e.at, e.stream, e.version) < (coalesce(:before_at::timestamptz, 'infinity'), :before_stream::bigint, :before_version::bigint)
    ORDER BY e.version DESC LIMIT :size::integer
) AS e
WHERE s.sku = :sku ORDER BY e.at DESC, e.stream DESC, e.version DESC LIMIT :size;

-- name: alerts(before_at, before_stream, size)
SELECT stream, sku, location, available, low_since FROM inventory.stock
WHERE low_since IS NOT NULL
  AND (low_since, stream) < (coalesce(:before_at::timestamptz, 'infinity'), :before_stream::bigint)
ORDER BY low_since DESC, stream DESC LIMIT :size;

-- name: set_low_mark(sku, location, low_stock_at, expected)^
UPDATE inventory.stock
SET low_stock_at = :low_stock_at::bigint,
    low_since = CASE WHEN available <= :low_stock_at::bigint THEN coalesce(low_since, clock_timestamp()) END
WHERE sku = :sku AND location = :location AND (:expected::bigint IS NULL OR low_stock_at = :expected::bigint)
RETURNING sku, location, on_hand, reserved, available, low_stock_at, version;

-- name: audit(least, snapshot_every, shape)
SELECT r_sku AS sku, r_location AS location, r_fault AS fault
FROM inventory.audit(:least, :snapshot_every, :shape);
