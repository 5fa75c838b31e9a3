"""What every order writes is checked once for its statement, and in one sentence for its row."""

from alembic import op

revision = "0007"
down_revision = "0006"

# PostgreSQL reads the text of each CHECK anew in each statement. The captured are never below zero because the refunded
# are not, and never above the amount because they leave room for the credit, which is not below zero.
AMOUNTS = """
    ALTER TABLE payments.payments
        DROP CONSTRAINT payments_check, DROP CONSTRAINT payments_check1, DROP CONSTRAINT payments_check2,
        DROP CONSTRAINT payments_check3, DROP CONSTRAINT payments_check4,
        DROP CONSTRAINT payments_capturing_minor_check,
        ADD CONSTRAINT amounts CHECK (
            LEAST(refunded_minor, captured_minor - refunded_minor, amount_minor - credit_minor - captured_minor,
                  credit_minor, capturing_minor) >= 0 AND (amount_minor > 0 OR tombstone));
"""

# Entries are only ever added: when each statement's balance by themselves, so do the transactions that they add to.
BALANCED = """
    DROP TRIGGER balanced ON payments.ledger_entries;
    DROP FUNCTION payments.check_balance;
    CREATE FUNCTION payments.check_balances() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE wrong text;
    BEGIN
        SELECT txn_id INTO wrong FROM added GROUP BY txn_id, currency HAVING sum(amount) <> 0 LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'ledger transaction % does not balance', wrong USING ERRCODE = '23514';
        END IF;
        -- A foreign key would have to lock.
        SELECT txn_id INTO wrong FROM added a
        WHERE NOT EXISTS (SELECT FROM payments.ledger_txns t WHERE t.txn_id = a.txn_id) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'there is no ledger transaction %', wrong USING ERRCODE = '23503';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER balanced AFTER INSERT ON payments.ledger_entries REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION payments.check_balances();
"""


def upgrade() -> None:
    op.execute(AMOUNTS)
    op.execute(BALANCED)
