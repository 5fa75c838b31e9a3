"""A hold that cannot end, because its level has drifted, keeps the others from ending no more."""

from alembic import op

revision = "0009"
down_revision = "0008"

# For when `expire_holds` has failed: as there, each hold for itself. By chance, so that those behind many that cannot
# end have their turn, too. Answers who could not.
EXPIRE_APART = """
CREATE FUNCTION inventory.expire_apart(p_limit integer, OUT r_expired integer, OUT r_stuck text[])
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE due inventory.reservations[]; each inventory.reservations; v_end text;
BEGIN
    SELECT array_agg(late) INTO due FROM (
        SELECT * FROM inventory.reservations
        WHERE state IN ('held', 'filling') AND expires_at < clock_timestamp()
        ORDER BY random() LIMIT p_limit FOR UPDATE SKIP LOCKED
    ) AS late;
    r_expired := 0; r_stuck := '{}';
    PERFORM inventory.lock_skus(ARRAY(SELECT DISTINCT unnest(l.streams) FROM unnest(due) AS l));
    FOREACH each IN ARRAY coalesce(due, '{}') LOOP
        v_end := CASE each.state WHEN 'held' THEN 'expired' ELSE 'released' END;
        BEGIN
            PERFORM inventory.apply(v_end, each.attempt_id, 'attempt', each.streams, each.quantities, '{}');
            UPDATE inventory.reservations SET state = v_end WHERE attempt_id = each.attempt_id;
            r_expired := r_expired + 1;
        EXCEPTION WHEN integrity_constraint_violation THEN
            r_stuck := r_stuck || each.attempt_id;
        END;
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(EXPIRE_APART)
