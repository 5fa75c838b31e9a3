"""Events in a chain of hashes, reservations that carry their lines, locations with a priority, snapshots."""

from alembic import op

revision = "0002"
down_revision = "0001"

# The hash of an event: of the one before it, and of everything that it says. Readers outside SQL can repeat it.
LINK = """
CREATE FUNCTION inventory.link(
    before bytea, stream bigint, version bigint, at timestamptz, type text, quantity bigint,
    cause_id text, cause_kind text, data jsonb, schema_v smallint
) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(before || int8send(stream) || int8send(version) || timestamptz_send(at) || int8send(quantity)
        || int2send(schema_v)
        || convert_to(type || E'\\x1f' || cause_kind || E'\\x1f' || cause_id || E'\\x1f' || data::text, 'UTF8'))
$$
"""

TABLES = """
INSERT INTO inventory.effects VALUES ('damaged', -1, 0), ('transferred', 1, 0);

-- PostgreSQL reads the text of every check and stored expression again at each statement: one check, nothing stored.
ALTER TABLE inventory.stock
    DROP CONSTRAINT stock_on_hand_check, DROP CONSTRAINT stock_reserved_check, DROP CONSTRAINT stock_available_check,
    DROP CONSTRAINT stock_low_stock_at_check, DROP COLUMN available;
ALTER TABLE inventory.stock ADD available bigint NOT NULL DEFAULT 0;
UPDATE inventory.stock SET available = on_hand - reserved;
ALTER TABLE inventory.stock ADD CONSTRAINT never_below_zero
    CHECK (available >= 0 AND reserved >= 0 AND on_hand - reserved = available);

-- `head` is the hash of the newest event, `moved_at` its time. `spread`: the SKU lies at several locations.
-- `hot_until`: staff expect a crowd. None of them is indexed, so a sale still updates within the page.
ALTER TABLE inventory.stock
    ADD head bytea NOT NULL DEFAULT '', ADD moved_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD spread boolean NOT NULL DEFAULT false, ADD hot_until timestamptz;
ALTER TABLE inventory.events ADD hash bytea;

-- The lower the number, the sooner a location is asked for units; one without a row stands at 100.
CREATE TABLE inventory.locations (location text PRIMARY KEY, priority integer NOT NULL CHECK (priority >= 0));

-- Levels that were folded and found true, so that a fold need not begin at the first event.
CREATE TABLE inventory.snapshots (
    stream bigint NOT NULL, version bigint NOT NULL, at timestamptz NOT NULL,
    on_hand bigint NOT NULL, reserved bigint NOT NULL, hash bytea NOT NULL, PRIMARY KEY (stream, version)
);
-- How far the auditor has come, and what it has found: one row each.
CREATE TABLE inventory.auditor (place bigint NOT NULL);
INSERT INTO inventory.auditor VALUES (0);
CREATE TABLE inventory.drifts (stream bigint PRIMARY KEY, fault text NOT NULL, found_at timestamptz NOT NULL);

-- Lines as arrays, in the order in which stock is locked. `filling`: some lines are held, others not yet.
ALTER TABLE inventory.reservations
    ADD streams bigint[] NOT NULL DEFAULT '{}', ADD quantities bigint[] NOT NULL DEFAULT '{}',
    DROP CONSTRAINT reservations_state_check;
UPDATE inventory.reservations r SET streams = l.streams, quantities = l.quantities
FROM (SELECT attempt_id, array_agg(stream ORDER BY sku COLLATE "C", stream) AS streams,
             array_agg(quantity ORDER BY sku COLLATE "C", stream) AS quantities
      FROM inventory.reservation_lines JOIN inventory.stock USING (stream) GROUP BY attempt_id) l
WHERE r.attempt_id = l.attempt_id;
DROP TABLE inventory.reservation_lines;
DROP INDEX inventory.reservations_due;
CREATE INDEX reservations_due ON inventory.reservations (expires_at) WHERE state IN ('held', 'filling');
-- For pruning: costs nothing to keep.
CREATE INDEX reservations_at ON inventory.reservations USING brin (at) WITH (autosummarize = on);

UPDATE inventory.stock s SET spread = true
WHERE EXISTS (SELECT FROM inventory.stock o WHERE o.sku = s.sku AND o.stream <> s.stream);
"""

# What has been written so far is chained as it stands.
CHAIN = """
DO $$
DECLARE e record; head bytea; at timestamptz; last bigint;
BEGIN
    FOR e IN SELECT * FROM inventory.events ORDER BY stream, version LOOP
        IF last IS DISTINCT FROM e.stream THEN
            UPDATE inventory.stock s SET head = coalesce(chain.head, ''), moved_at = coalesce(chain.at, '-infinity')
            FROM (SELECT head, at) AS chain WHERE s.stream = last;
            head := ''; last := e.stream;
        END IF;
        at := e.at;
        head := inventory.link(head, e.stream, e.version, e.at, e.type, e.quantity, e.cause_id, e.cause_kind, e.data,
                               e.schema_v);
        UPDATE inventory.events SET hash = head WHERE stream = e.stream AND version = e.version;
    END LOOP;
    UPDATE inventory.stock s SET head = chain.head, moved_at = chain.at FROM (SELECT head, at) AS chain
    WHERE s.stream = last;
END $$
"""

# Nobody who serves requests may change what has happened.
APPEND_ONLY = """
ALTER TABLE inventory.events ALTER hash SET NOT NULL, ALTER schema_v SET DEFAULT 2;
REVOKE UPDATE, DELETE, TRUNCATE ON inventory.events FROM haat_app, haat_inventory;
"""


def upgrade() -> None:
    for each in (LINK, TABLES, CHAIN, APPEND_ONLY):
        op.execute(each)
