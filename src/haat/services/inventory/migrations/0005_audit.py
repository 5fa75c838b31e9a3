"""The fold of events with their chain checked, the auditor that holds the projection against it, and the rebuild."""

from alembic import op

revision = "0005"
down_revision = "0004"

# The state of each stream out of its events: from its last snapshot, or (`p_whole`) from the first event on.
# `fault` says why it cannot be trusted. One statement, so that projection and events are of one moment.
FOLD = """
CREATE FUNCTION inventory.fold(p_streams bigint[], p_whole boolean, p_shape integer) RETURNS TABLE (
    stream bigint, since bigint, version bigint, on_hand bigint, reserved bigint, head bytea, at timestamptz, fault text
) LANGUAGE sql STABLE AS $$
    WITH begun AS (
        SELECT w.stream, coalesce(p.version, 0) AS version, coalesce(p.on_hand, 0) AS on_hand,
               coalesce(p.reserved, 0) AS reserved, coalesce(p.hash, '') AS hash, p.at
        FROM unnest(p_streams) AS w (stream) LEFT JOIN LATERAL (
            SELECT * FROM inventory.snapshots p WHERE p.stream = w.stream AND NOT p_whole
            ORDER BY p.version DESC LIMIT 1
        ) AS p ON true
    ), linked AS (
        SELECT e.*, f.on_hand AS f_on_hand, f.reserved AS f_reserved, b.version + row_number() OVER line AS place,
               lag(e.hash, 1, b.hash) OVER line AS before
        FROM begun b JOIN inventory.events e ON e.stream = b.stream AND e.version > b.version
        LEFT JOIN inventory.effects f USING (type)
        WINDOW line AS (PARTITION BY e.stream ORDER BY e.version)
    ), summed AS (
        SELECT l.stream, count(*) AS events, sum(l.f_on_hand * l.quantity) AS on_hand,
               sum(l.f_reserved * l.quantity) AS reserved,
               CASE WHEN max(l.schema_v) > p_shape OR bool_or(l.f_on_hand IS NULL)
                    THEN 'an event has a shape or a type that is not known here'
                    WHEN bool_or(l.place <> l.version) THEN 'a version is missing'
                    WHEN bool_or(l.hash <> inventory.link(l.before, l.stream, l.version, l.at, l.type, l.quantity,
                                                          l.cause_id, l.cause_kind, l.data, l.schema_v))
                    THEN 'the chain of hashes is broken' END AS fault
        FROM linked l GROUP BY l.stream
    )
    SELECT b.stream, b.version, b.version + coalesce(s.events, 0), (b.on_hand + coalesce(s.on_hand, 0))::bigint,
           (b.reserved + coalesce(s.reserved, 0))::bigint, coalesce(n.hash, b.hash),
           coalesce(n.at, b.at, '-infinity'), s.fault
    FROM begun b LEFT JOIN summed s USING (stream) LEFT JOIN LATERAL (
        SELECT e.hash, e.at FROM inventory.events e WHERE e.stream = b.stream AND e.version > b.version
        ORDER BY e.version DESC LIMIT 1
    ) AS n ON true
$$
"""

# Where the projection is not the fold.
DRIFTED = """
CREATE FUNCTION inventory.drifted(p_streams bigint[], p_whole boolean, p_shape integer) RETURNS TABLE (
    stream bigint, sku text, location text, fault text, since bigint, version bigint, at timestamptz,
    on_hand bigint, reserved bigint, head bytea
) LANGUAGE sql STABLE AS $$
    SELECT s.stream, s.sku, s.location, coalesce(
        f.fault,
        CASE WHEN (s.on_hand, s.reserved, s.version) IS DISTINCT FROM (f.on_hand, f.reserved, f.version)
             THEN 'the level is not the fold of its events'
             WHEN s.head IS DISTINCT FROM f.head THEN 'the newest event is not the one that the level knows' END
    ), f.since, f.version, f.at, f.on_hand, f.reserved, f.head
    FROM inventory.stock s JOIN inventory.fold(p_streams, p_whole, p_shape) f USING (stream)
$$
"""

# The next streams in turn: what has drifted is written down and answered, what is sound gets a snapshot now and then.
AUDIT = """
CREATE FUNCTION inventory.audit(p_least integer, p_snapshot_every bigint, p_shape integer)
RETURNS TABLE (r_sku text, r_location text, r_fault text) LANGUAGE plpgsql AS $$
DECLARE v_streams bigint[]; each record;
BEGIN
    v_streams := ARRAY(
        SELECT stream FROM inventory.stock WHERE stream > (SELECT place FROM inventory.auditor)
        ORDER BY stream LIMIT greatest(p_least, (SELECT count(*) / 100 FROM inventory.stock)));
    UPDATE inventory.auditor SET place = coalesce(v_streams[cardinality(v_streams)], 0);
    FOR each IN SELECT * FROM inventory.drifted(v_streams, false, p_shape) LOOP
        IF each.fault IS NOT NULL THEN
            INSERT INTO inventory.drifts VALUES (each.stream, each.fault, now())
            ON CONFLICT (stream) DO UPDATE SET fault = excluded.fault;
            r_sku := each.sku; r_location := each.location; r_fault := each.fault;
            RETURN NEXT;
        ELSE
            DELETE FROM inventory.drifts WHERE stream = each.stream;
            IF each.version - each.since >= p_snapshot_every THEN
                INSERT INTO inventory.snapshots (stream, version, at, on_hand, reserved, hash)
                VALUES (each.stream, each.version, each.at, each.on_hand, each.reserved, each.head)
                ON CONFLICT DO NOTHING;
            END IF;
        END IF;
    END LOOP;
END $$
"""

# Levels written anew out of the events; snapshots go, for they are made of the same stuff. Stops at a broken chain.
REBUILD = """
CREATE FUNCTION inventory.rebuild(p_streams bigint[], p_shape integer, OUT r_changed bigint) LANGUAGE plpgsql AS $$
DECLARE v_fault text;
BEGIN
    PERFORM inventory.lock_skus(p_streams);
    SELECT f.stream || ': ' || f.fault INTO v_fault FROM inventory.fold(p_streams, true, p_shape) f
    WHERE f.fault IS NOT NULL LIMIT 1;
    IF FOUND THEN RAISE EXCEPTION 'stream % ', v_fault; END IF;
    DELETE FROM inventory.snapshots WHERE stream = ANY(p_streams);
    UPDATE inventory.stock s
    SET on_hand = f.on_hand, reserved = f.reserved, available = f.on_hand - f.reserved, version = f.version,
        head = f.head, moved_at = f.at,
        low_since = CASE WHEN f.on_hand - f.reserved <= s.low_stock_at THEN coalesce(s.low_since, now()) END
    FROM inventory.fold(p_streams, true, p_shape) f
    WHERE s.stream = f.stream AND (s.on_hand, s.reserved, s.version, s.head, s.moved_at)
        IS DISTINCT FROM (f.on_hand, f.reserved, f.version, f.head, f.at);
    GET DIAGNOSTICS r_changed = ROW_COUNT;
    DELETE FROM inventory.drifts WHERE stream = ANY(p_streams);
END $$
"""


def upgrade() -> None:
    for each in (FOLD, DRIFTED, AUDIT, REBUILD):
        op.execute(each)
