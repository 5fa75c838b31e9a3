"""Facts put aside are explained by people; the history of gift cards and store credit is found by account."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE payments.quarantine
        ADD COLUMN fact_id text NOT NULL UNIQUE DEFAULT 'fct_' || replace(uuidv7()::text, '-', ''),
        ADD COLUMN state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'explained')),
        ADD COLUMN note text NOT NULL DEFAULT '';

    -- Entries of every other account, which is nearly all of them, are not in it.
    CREATE INDEX ledger_entries_credit ON payments.ledger_entries (account)
        WHERE account LIKE 'gift_liability:%' OR account LIKE 'store_credit:%';
    CREATE INDEX credits_ending ON payments.credits (ending) WHERE ending IS NOT NULL;

    -- Ours, of what a provider calls a payment or a line of its report.
    CREATE FUNCTION payments.checkout_of(text, text) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT p.checkout_id FROM payments.provider_payments k JOIN payments.payments p USING (payment_id)
        WHERE k.provider = $1 AND k.provider_id IN (
            $2, (SELECT m.provider_id FROM payments.movements m WHERE m.provider = $1 AND m.movement_id = $2)) LIMIT 1
    $$;
    """)
