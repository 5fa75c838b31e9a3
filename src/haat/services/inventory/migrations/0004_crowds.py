"""Many reservations of one SKU in one transaction, for SKUs that a crowd wants."""

from alembic import op

revision = "0004"
down_revision = "0003"

# First come, first served: who asks for more than is left is passed over, those behind may still fit. A cart whose
# other lines are held already (`filling`) gets this one added; `p_last` says that it is whole then.
# Per attempt: its state, null when there is not enough. `r_available` is what is left over all locations.
GRANT = """
CREATE FUNCTION inventory.grant_many(
    p_sku text, p_attempts text[], p_quantities bigint[], p_hold_seconds integer[], p_last boolean[],
    OUT r_states text[], OUT r_expires timestamptz[], OUT r_available bigint, OUT r_hot boolean
) LANGUAGE plpgsql AS $$
DECLARE
    v_row record; v_at timestamptz; v_until timestamptz; v_count integer := cardinality(p_attempts); v_want bigint;
    v_part bigint; v_first integer;
    -- The locations of the SKU, in the order in which they give.
    s_stream bigint[]; s_free bigint[]; s_version bigint[]; s_head bytea[]; s_at timestamptz[]; s_taken bigint[];
    -- The events, and the lines of each attempt.
    e_stream bigint[]; e_version bigint[]; e_at timestamptz[]; e_quantity bigint[]; e_cause text[]; e_hash bytea[];
    a_streams text[] := array_fill(NULL::text, ARRAY[v_count]); a_quantities text[] := a_streams;
    a_filling boolean[] := array_fill(NULL::boolean, ARRAY[v_count]);
BEGIN
    SELECT coalesce(sum(available), 0), max(hot_until) > clock_timestamp() INTO r_available, r_hot
    FROM inventory.stock WHERE sku = p_sku;
    r_states := array_fill(NULL::text, ARRAY[v_count]); r_expires := array_fill(NULL::timestamptz, ARRAY[v_count]);
    -- Attempts that are known already, before the stock: the order of locks.
    FOR v_row IN SELECT r.attempt_id, r.state, r.expires_at, p.place FROM inventory.reservations r
        JOIN unnest(p_attempts) WITH ORDINALITY AS p (attempt_id, place) USING (attempt_id)
        WHERE r.attempt_id = ANY(p_attempts) ORDER BY r.attempt_id FOR UPDATE OF r
    LOOP
        r_expires[v_row.place] := v_row.expires_at;
        IF v_row.state = 'filling' AND NOT EXISTS (
            SELECT FROM inventory.reservations r CROSS JOIN unnest(r.streams) AS l (stream)
            JOIN inventory.stock s USING (stream) WHERE r.attempt_id = v_row.attempt_id AND s.sku = p_sku)
        THEN
            a_filling[v_row.place] := true;
        ELSE
            r_states[v_row.place] := v_row.state;
        END IF;
    END LOOP;
    -- When a drop is sold out, refusing the crowd waits for nobody and writes nothing.
    IF r_available = 0 THEN RETURN; END IF;

    FOR v_row IN SELECT s.stream FROM inventory.stock s WHERE s.sku = p_sku ORDER BY s.stream FOR NO KEY UPDATE LOOP
    END LOOP;
    v_at := clock_timestamp();
    FOR v_row IN SELECT s.stream, s.available, s.version, s.head, s.moved_at, s.hot_until FROM inventory.stock s
        LEFT JOIN inventory.locations l USING (location) WHERE s.sku = p_sku
        ORDER BY coalesce(l.priority, 100), s.stream
    LOOP
        s_stream := s_stream || v_row.stream; s_free := s_free || v_row.available;
        s_version := s_version || v_row.version; s_head := s_head || v_row.head; s_taken := s_taken || 0::bigint;
        s_at := s_at || greatest(v_row.moved_at, v_at);
    END LOOP;
    r_available := (SELECT sum(free) FROM unnest(s_free) AS free);

    FOR i IN 1 .. v_count LOOP
        v_want := p_quantities[i];
        CONTINUE WHEN r_states[i] IS NOT NULL OR v_want > r_available;
        -- One parcel if a location has all of it.
        v_first := 1;
        FOR j IN 1 .. cardinality(s_stream) LOOP
            IF s_free[j] >= v_want THEN v_first := j; EXIT; END IF;
        END LOOP;
        a_streams[i] := ''; a_quantities[i] := '';
        FOR j IN v_first .. cardinality(s_stream) LOOP
            v_part := least(s_free[j], v_want);
            CONTINUE WHEN v_part = 0;
            s_free[j] := s_free[j] - v_part; s_version[j] := s_version[j] + 1; s_taken[j] := s_taken[j] + v_part;
            s_head[j] := inventory.link(s_head[j], s_stream[j], s_version[j], s_at[j], 'reserved', v_part,
                                        p_attempts[i], 'attempt', '{}', 2::smallint);
            e_stream := e_stream || s_stream[j]; e_version := e_version || s_version[j]; e_at := e_at || s_at[j];
            e_quantity := e_quantity || v_part; e_cause := e_cause || p_attempts[i]; e_hash := e_hash || s_head[j];
            a_streams[i] := a_streams[i] || ',' || s_stream[j]; a_quantities[i] := a_quantities[i] || ',' || v_part;
            r_available := r_available - v_part; v_want := v_want - v_part;
            EXIT WHEN v_want = 0;
        END LOOP;
        r_states[i] := CASE WHEN p_last[i] THEN 'held' ELSE 'filling' END;
        r_expires[i] := coalesce(r_expires[i], v_at + make_interval(secs => p_hold_seconds[i]));
    END LOOP;
    -- What is refused was perhaps taken by the same attempt, called twice, while we waited for the lock.
    IF array_position(r_states, NULL) IS NOT NULL THEN
        FOR v_row IN SELECT r.state, r.expires_at, p.place FROM inventory.reservations r
            JOIN unnest(p_attempts) WITH ORDINALITY AS p (attempt_id, place) USING (attempt_id)
            WHERE r.attempt_id = ANY(p_attempts) AND r.state <> 'filling' AND r_states[p.place] IS NULL
        LOOP
            r_states[v_row.place] := v_row.state; r_expires[v_row.place] := v_row.expires_at;
        END LOOP;
    END IF;
    IF e_stream IS NULL THEN RETURN; END IF;

    FOR j IN 1 .. cardinality(s_stream) LOOP
        CONTINUE WHEN s_taken[j] = 0;
        UPDATE inventory.stock s
        SET reserved = s.reserved + s_taken[j], available = s.available - s_taken[j], version = s_version[j],
            head = s_head[j], moved_at = s_at[j],
            low_since = CASE WHEN s.available - s_taken[j] <= s.low_stock_at THEN coalesce(s.low_since, s_at[j]) END
        WHERE s.stream = s_stream[j] AND s.available >= s_taken[j]
        RETURNING s.location, s.available, s.low_stock_at INTO STRICT v_row;
        PERFORM inventory.tell(p_sku, v_row.location, v_row.available, - s_taken[j], v_row.low_stock_at,
            r_available, (SELECT sum(s.version)::bigint FROM inventory.stock s WHERE s.sku = p_sku));
    END LOOP;
    INSERT INTO inventory.events
        (stream, version, at, type, quantity, cause_id, cause_kind, data, schema_v, hash)
    SELECT e.stream, e.version, e.at, 'reserved', e.quantity, e.cause, 'attempt', '{}', 2, e.hash
    FROM unnest(e_stream, e_version, e_at, e_quantity, e_cause, e_hash)
        AS e (stream, version, at, quantity, cause, hash);
    INSERT INTO inventory.reservations (attempt_id, state, expires_at, streams, quantities)
    SELECT a.attempt_id, a.state, a.expires_at, ('{' || substr(a.streams, 2) || '}')::bigint[],
           ('{' || substr(a.quantities, 2) || '}')::bigint[]
    FROM unnest(p_attempts, r_states, r_expires, a_streams, a_quantities, a_filling)
        AS a (attempt_id, state, expires_at, streams, quantities, filling)
    WHERE a.streams IS NOT NULL AND a.filling IS NULL;
    -- Lines stay in the order of locks.
    IF true = ANY(a_filling) THEN
        UPDATE inventory.reservations r
        SET state = a.state,
            streams = ARRAY(
                SELECT u.stream FROM unnest(r.streams || ('{' || substr(a.streams, 2) || '}')::bigint[],
                    r.quantities || ('{' || substr(a.quantities, 2) || '}')::bigint[]) AS u (stream, quantity)
                JOIN inventory.stock s USING (stream) ORDER BY s.sku COLLATE "C", u.stream),
            quantities = ARRAY(
                SELECT u.quantity FROM unnest(r.streams || ('{' || substr(a.streams, 2) || '}')::bigint[],
                    r.quantities || ('{' || substr(a.quantities, 2) || '}')::bigint[]) AS u (stream, quantity)
                JOIN inventory.stock s USING (stream) ORDER BY s.sku COLLATE "C", u.stream)
        FROM unnest(p_attempts, r_states, a_streams, a_quantities, a_filling)
            AS a (attempt_id, state, streams, quantities, filling)
        WHERE r.attempt_id = a.attempt_id AND a.filling AND a.streams IS NOT NULL;
    END IF;
END $$
"""

BY_INDEX = "ALTER FUNCTION inventory.grant_many SET enable_seqscan = off"


def upgrade() -> None:
    op.execute(GRANT)
    op.execute(BY_INDEX)
