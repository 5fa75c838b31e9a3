"""A late commit may take its units from other locations than those that once held them."""

from alembic import op

revision = "0007"
down_revision = "0006"

# After commit_hold has answered `expired` in this transaction: the reservation and all rows of its SKUs are locked.
COMMIT_FROM = """
CREATE FUNCTION inventory.commit_from(p_attempt text, p_streams bigint[], p_quantities bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF inventory.apply('reserved', p_attempt || '/again', 'attempt', p_streams, p_quantities, '{}') IS NULL
       OR inventory.apply('committed', p_attempt, 'attempt', p_streams, p_quantities, '{}') IS NULL THEN
        RAISE EXCEPTION 'what % is to take is not there', p_attempt;
    END IF;
    UPDATE inventory.reservations SET state = 'committed', streams = p_streams, quantities = p_quantities
    WHERE attempt_id = p_attempt;
END $$
"""


def upgrade() -> None:
    op.execute(COMMIT_FROM)
