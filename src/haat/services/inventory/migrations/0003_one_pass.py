"""The functions that write stock: one pass over the lines in the order of SKUs, each line decided where it is written.

Lock order everywhere: a reservation that exists, then stock by SKU (bytes) and stream; a reserve inserts its own
reservation after both. Only what an UPDATE finds under the lock decides.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

DROPPED = """
DROP FUNCTION inventory.reserve, inventory.commit_hold, inventory.release_hold, inventory.expire_holds, inventory.book,
    inventory.apply, inventory.lines_of, inventory.lock_streams, inventory.event_id;
"""

# An id as `kit.ids` shapes it, by time: a UUIDv7's first 104 bits in digits that base32 has too. PostgreSQL prepares
# every expression anew in each transaction: the 26 digits of a true base32 took longer than the update they tell of.
EVENT_ID = """
CREATE FUNCTION inventory.event_id() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'evt_' || left(replace(uuidv7()::text, '-', ''), 26)
$$
"""

# What readers are told when units of a SKU became free or not free; `p_total` is over all locations.
TELL = """
CREATE FUNCTION inventory.tell(
    p_sku text, p_location text, p_available bigint, p_gained bigint, p_low_stock_at bigint,
    p_total bigint, p_version bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_id text := inventory.event_id(); v_at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO inventory.outbox (id, name, key, at, body) VALUES (v_id, 'inventory.StockChanged', p_sku, v_at,
        convert_to(json_build_object('id', v_id, 'at', v_at, 'sku', p_sku, 'available', p_total,
                                     'version', p_version)::text, 'UTF8'));
    IF p_gained < 0 AND (p_available = 0 OR p_available <= p_low_stock_at AND p_available - p_gained > p_low_stock_at)
    THEN
        v_id := inventory.event_id();
        INSERT INTO inventory.outbox (id, name, key, at, body) VALUES (v_id, 'inventory.StockRanLow', p_sku, v_at,
            convert_to(json_build_object('id', v_id, 'at', v_at, 'sku', p_sku, 'location', p_location,
                'available', p_available, 'kind', CASE p_available WHEN 0 THEN 'out_of_stock' ELSE 'low_stock' END
            )::text, 'UTF8'));
    ELSIF p_gained > 0 AND p_total = p_gained AND p_version > 1 THEN
        v_id := inventory.event_id();
        INSERT INTO inventory.outbox (id, name, key, at, body) VALUES (v_id, 'inventory.StockCameBack', p_sku, v_at,
            convert_to(json_build_object('id', v_id, 'at', v_at, 'sku', p_sku, 'available', p_total)::text, 'UTF8'));
    END IF;
END $$
"""

# One line: the level, its version and the hash of its event in one statement. `{where}` says which row may take it.
_MOVE = """
        UPDATE inventory.stock s
        SET on_hand = s.on_hand + v_on_hand, reserved = s.reserved + v_reserved, available = s.available + v_gained,
            version = s.version + 1, moved_at = greatest(s.moved_at, v_at),
            head = inventory.link(s.head, s.stream, s.version + 1, greatest(s.moved_at, v_at), {type}, v_quantity,
                                  p_cause, {kind}, {data}, 2::smallint),
            low_since = CASE WHEN s.available + v_gained <= s.low_stock_at THEN coalesce(s.low_since, v_at) END
        WHERE {where} AND s.available + v_gained >= 0
        RETURNING s.stream, s.sku, s.location, s.version, s.moved_at, s.head, s.available, s.low_stock_at, s.spread,
                  s.hot_until INTO v_row;"""
_EVENT = """
        INSERT INTO inventory.events
            (stream, version, at, type, quantity, cause_id, cause_kind, data, schema_v, hash)
        VALUES (v_row.stream, v_row.version, v_row.moved_at, {type}, v_quantity, p_cause, {kind}, {data}, 2,
                v_row.head);"""

LOCK = """
CREATE FUNCTION inventory.lock_skus(p_streams bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM inventory.stock s
    WHERE s.sku IN (SELECT sku FROM inventory.stock WHERE stream = ANY(p_streams))
    ORDER BY s.sku COLLATE "C", s.stream FOR NO KEY UPDATE OF s;
END $$
"""

# Streams come in the order of locks. Answers their SKUs; null when the first stream cannot take it: nothing was done.
# Raises HT001 when a later one cannot: the transaction is void.
_any = {"type": "p_type", "kind": "p_cause_kind", "data": "p_data"}
# What inventory.effects says to readers, without a look there.
_plus, _minus = "'received', 'adjusted', 'returned', 'transferred'", "'committed', 'damaged'"
_effect = (
    f"d_on_hand bigint := CASE WHEN p_type IN ({_plus}) THEN 1 WHEN p_type IN ({_minus}) THEN -1 ELSE 0 END;"
    "    d_reserved bigint := CASE p_type WHEN 'reserved' THEN 1 WHEN 'committed' THEN -1 WHEN 'released' THEN -1"
    " WHEN 'expired' THEN -1 ELSE 0 END;"
)
APPLY = f"""
CREATE FUNCTION inventory.apply(
    p_type text, p_cause text, p_cause_kind text, p_streams bigint[], p_quantities bigint[], p_data jsonb
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE {_effect}
    v_at timestamptz := clock_timestamp(); v_row record; v_total bigint; v_version bigint; v_skus text[];
    v_quantity bigint; v_on_hand bigint; v_reserved bigint; v_gained bigint;
BEGIN
    FOR i IN 1 .. cardinality(p_streams) LOOP
        v_quantity := p_quantities[i]; v_on_hand := d_on_hand * v_quantity; v_reserved := d_reserved * v_quantity;
        v_gained := v_on_hand - v_reserved;
        {_MOVE.format(where="s.stream = p_streams[i] AND NOT s.spread", **_any)}
        IF NOT FOUND THEN
            -- All rows of the SKU, so that their sum is exact.
            PERFORM inventory.lock_skus(p_streams[i:i]);
            {_MOVE.format(where="s.stream = p_streams[i]", **_any)}
            IF NOT FOUND AND i = 1 THEN
                RETURN NULL;
            ELSIF NOT FOUND THEN
                RAISE EXCEPTION 'stream % cannot take % %', p_streams[i], p_type, p_quantities[i]
                    USING ERRCODE = 'HT001';
            END IF;
        END IF;
        {_EVENT.format(**_any)}
        v_skus[i] := v_row.sku;
        IF v_gained <> 0 THEN
            v_total := v_row.available; v_version := v_row.version;
            IF v_row.spread THEN
                SELECT sum(available), sum(version) INTO v_total, v_version FROM inventory.stock WHERE sku = v_row.sku;
            END IF;
            PERFORM inventory.tell(v_row.sku, v_row.location, v_row.available,
                v_gained, v_row.low_stock_at, v_total, v_version);
        END IF;
    END LOOP;
    RETURN v_skus;
END $$
"""  # noqa: S608 - our own words

LINES = """
CREATE FUNCTION inventory.skus_of(p_streams bigint[]) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_agg((SELECT s.sku FROM inventory.stock s WHERE s.stream = l.stream) ORDER BY l.place)
    FROM unnest(p_streams) WITH ORDINALITY AS l (stream, place)
$$
"""

# The ordinary cart: SKUs at one location each, in the order of their bytes. What is not decided here (`r_state` and
# `r_short` both null) is a SKU at several locations, or somebody else was quicker: look at the levels and try again.
_held = {"type": "'reserved'", "kind": "'attempt'", "data": "'{}'::jsonb"}
RESERVE = f"""
CREATE FUNCTION inventory.reserve(
    p_cause text, p_skus text[], p_quantities bigint[], p_hold_seconds integer, p_state text DEFAULT 'held',
    OUT r_state text, OUT r_expires_at timestamptz, OUT r_skus text[], OUT r_quantities bigint[], OUT r_short jsonb,
    OUT r_hot text[]
) LANGUAGE plpgsql AS $$
DECLARE v_at timestamptz := clock_timestamp(); v_row record; v_streams bigint[];
    v_quantity bigint; v_on_hand bigint := 0; v_reserved bigint; v_gained bigint;
BEGIN
    SELECT r.state, r.expires_at, inventory.skus_of(r.streams), r.quantities
    INTO r_state, r_expires_at, r_skus, r_quantities FROM inventory.reservations r WHERE r.attempt_id = p_cause;
    IF FOUND THEN RETURN; END IF;
    FOR i IN 1 .. cardinality(p_skus) LOOP
        IF i > 1 AND p_skus[i] COLLATE "C" <= p_skus[i - 1] THEN
            RAISE EXCEPTION 'SKUs must come in the order of their bytes';
        END IF;
        v_quantity := p_quantities[i]; v_reserved := v_quantity; v_gained := - v_quantity;
        {_MOVE.format(where="s.sku = p_skus[i] AND NOT s.spread", **_held)}
        IF NOT FOUND AND i = 1 THEN
            -- Nothing is written yet: when a drop is sold out, refusing the crowd costs no lock and no WAL.
            r_short := inventory.shortage(p_skus, p_quantities);
            -- Unless it was the same attempt, called twice, that took them.
            SELECT r.state, r.expires_at, inventory.skus_of(r.streams), r.quantities
            INTO r_state, r_expires_at, r_skus, r_quantities
            FROM inventory.reservations r WHERE r.attempt_id = p_cause;
            RETURN;
        ELSIF NOT FOUND THEN
            RAISE EXCEPTION '% cannot be held', p_skus[i] USING ERRCODE = 'HT001';
        END IF;
        {_EVENT.format(**_held)}
        PERFORM inventory.tell(v_row.sku, v_row.location, v_row.available, v_gained, v_row.low_stock_at,
                               v_row.available, v_row.version);
        v_streams[i] := v_row.stream;
        IF v_row.hot_until > v_at THEN r_hot := r_hot || p_skus[i]; END IF;
    END LOOP;
    r_state := p_state;
    r_expires_at := v_at + make_interval(secs => p_hold_seconds);
    INSERT INTO inventory.reservations (attempt_id, state, expires_at, streams, quantities)
    VALUES (p_cause, p_state, r_expires_at, v_streams, p_quantities);
END $$
"""  # noqa: S608 - our own words

# The same for chosen streams, which come in the order of locks.
RESERVE_FROM = """
CREATE FUNCTION inventory.reserve_from(
    p_cause text, p_streams bigint[], p_quantities bigint[], p_hold_seconds integer, p_state text,
    OUT r_state text, OUT r_expires_at timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM inventory.lock_skus(p_streams);
    IF inventory.apply('reserved', p_cause, 'attempt', p_streams, p_quantities, '{}') IS NULL THEN RETURN; END IF;
    r_state := p_state;
    r_expires_at := clock_timestamp() + make_interval(secs => p_hold_seconds);
    INSERT INTO inventory.reservations (attempt_id, state, expires_at, streams, quantities)
    VALUES (p_cause, p_state, r_expires_at, p_streams, p_quantities);
END $$
"""

COMMIT = """
CREATE FUNCTION inventory.commit_hold(
    p_attempt text, OUT r_state text, OUT r_expires_at timestamptz, OUT r_skus text[], OUT r_quantities bigint[]
) LANGUAGE plpgsql AS $$
DECLARE v_streams bigint[];
BEGIN
    -- Expiry changes the same row: whoever has it first wins.
    UPDATE inventory.reservations r SET state = 'committed' WHERE r.attempt_id = p_attempt AND r.state = 'held'
    RETURNING r.state, r.expires_at, r.streams, r.quantities INTO r_state, r_expires_at, v_streams, r_quantities;
    IF NOT FOUND THEN
        SELECT r.state, r.expires_at, r.streams, r.quantities INTO r_state, r_expires_at, v_streams, r_quantities
        FROM inventory.reservations r WHERE r.attempt_id = p_attempt FOR UPDATE;
        r_skus := inventory.skus_of(v_streams);
        IF r_state IS DISTINCT FROM 'expired' THEN RETURN; END IF;
        PERFORM inventory.lock_skus(v_streams);
        PERFORM 1 FROM unnest(v_streams, r_quantities) AS l (stream, quantity) JOIN inventory.stock s USING (stream)
        WHERE s.available < l.quantity;
        IF FOUND THEN RETURN; END IF;
        PERFORM inventory.apply('reserved', p_attempt || '/again', 'attempt', v_streams, r_quantities, '{}');
        UPDATE inventory.reservations r SET state = 'committed' WHERE r.attempt_id = p_attempt;
        r_state := 'committed';
    END IF;
    r_skus := inventory.apply('committed', p_attempt, 'attempt', v_streams, r_quantities, '{}');
    IF r_skus IS NULL THEN RAISE EXCEPTION 'what % holds is not there', p_attempt; END IF;
END $$
"""

RELEASE = """
CREATE FUNCTION inventory.release_hold(p_attempt text, OUT r_state text) LANGUAGE plpgsql AS $$
DECLARE v_streams bigint[]; v_quantities bigint[];
BEGIN
    INSERT INTO inventory.reservations (attempt_id, state, expires_at) VALUES (p_attempt, 'released', now())
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        r_state := 'released';
        RETURN;
    END IF;
    SELECT r.state, r.streams, r.quantities INTO r_state, v_streams, v_quantities
    FROM inventory.reservations r WHERE r.attempt_id = p_attempt FOR UPDATE;
    IF r_state IN ('committed', 'released') THEN RETURN; END IF;
    IF r_state IN ('held', 'filling') THEN
        PERFORM inventory.apply('released', p_attempt, 'attempt', v_streams, v_quantities, '{}');
    END IF;
    -- An expired hold becomes released too: a late commit must not take the units once more.
    UPDATE inventory.reservations SET state = 'released' WHERE attempt_id = p_attempt;
    r_state := 'released';
END $$
"""

# A cart that was never whole is released: a late commit must not sell a part of it.
EXPIRE = """
CREATE FUNCTION inventory.expire_holds(p_limit integer, OUT r_expired integer) LANGUAGE plpgsql AS $$
DECLARE due inventory.reservations[]; each inventory.reservations;
BEGIN
    SELECT array_agg(late) INTO due FROM (
        SELECT * FROM inventory.reservations
        WHERE state IN ('held', 'filling') AND expires_at < clock_timestamp()
        ORDER BY expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ) AS late;
    r_expired := coalesce(cardinality(due), 0);
    IF r_expired = 0 THEN RETURN; END IF;
    PERFORM inventory.lock_skus(ARRAY(SELECT DISTINCT unnest(l.streams) FROM unnest(due) AS l));
    FOREACH each IN ARRAY due LOOP
        PERFORM inventory.apply(CASE each.state WHEN 'held' THEN 'expired' ELSE 'released' END,
                                each.attempt_id, 'attempt', each.streams, each.quantities, '{}');
        UPDATE inventory.reservations SET state = CASE each.state WHEN 'held' THEN 'expired' ELSE 'released' END
        WHERE attempt_id = each.attempt_id;
    END LOOP;
END $$
"""

# Units that come to (or leave) one location; lines that this cause has already brought are skipped.
# False when the first line cannot be taken: nothing was done.
BOOK = """
CREATE FUNCTION inventory.book(
    p_type text, p_cause text, p_cause_kind text, p_location text, p_skus text[], p_quantities bigint[], p_data jsonb
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE v_streams bigint[]; v_quantities bigint[];
BEGIN
    IF EXISTS (SELECT FROM unnest(p_skus) AS a (sku) WHERE NOT EXISTS (
        SELECT FROM inventory.stock s WHERE s.sku = a.sku AND s.location = p_location)) THEN
        -- One at a time, so that each sees the others' rows and all of a SKU's know that they are several.
        PERFORM pg_advisory_xact_lock(7262005);
        UPDATE inventory.stock s SET spread = true WHERE s.stream IN (
            SELECT o.stream FROM inventory.stock o WHERE o.sku = ANY(p_skus) AND NOT o.spread
              AND o.location <> p_location
              AND NOT EXISTS (SELECT FROM inventory.stock h WHERE h.sku = o.sku AND h.location = p_location)
            ORDER BY o.sku COLLATE "C", o.stream FOR NO KEY UPDATE);
        INSERT INTO inventory.stock (sku, location, spread)
        SELECT a.sku, p_location, EXISTS (SELECT FROM inventory.stock s WHERE s.sku = a.sku)
        FROM unnest(p_skus) AS a (sku) ORDER BY a.sku COLLATE "C" ON CONFLICT DO NOTHING;
    END IF;
    PERFORM inventory.lock_skus(ARRAY(
        SELECT stream FROM inventory.stock WHERE sku = ANY(p_skus) AND location = p_location));
    SELECT array_agg(s.stream ORDER BY s.sku COLLATE "C"), array_agg(a.quantity ORDER BY s.sku COLLATE "C")
    INTO v_streams, v_quantities
    FROM unnest(p_skus, p_quantities) AS a (sku, quantity)
    JOIN inventory.stock s ON s.sku = a.sku AND s.location = p_location
    WHERE NOT EXISTS (
        SELECT FROM inventory.events e WHERE e.stream = s.stream AND e.cause_id = p_cause AND e.type = p_type);
    RETURN v_streams IS NULL
        OR inventory.apply(p_type, p_cause, p_cause_kind, v_streams, v_quantities, p_data) IS NOT NULL;
END $$
"""

# An empty table is planned to be read whole, and the plan outlives the emptiness.
BY_INDEX = "".join(
    f"ALTER FUNCTION inventory.{name} SET enable_seqscan = off;"
    for name in ("reserve", "reserve_from", "commit_hold", "release_hold", "expire_holds", "book")
)


def upgrade() -> None:
    for each in (
        DROPPED, EVENT_ID, TELL, LOCK, APPLY, LINES, RESERVE, RESERVE_FROM, COMMIT, RELEASE, EXPIRE, BOOK,
        BY_INDEX,
    ):  # fmt: skip
        op.execute(each)
