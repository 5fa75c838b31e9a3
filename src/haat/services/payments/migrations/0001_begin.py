"""Payments, the calls made for them, refunds, the ledger, saved cards."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("payments"))
    op.execute("""
    CREATE TABLE payments.payments (
        payment_id text PRIMARY KEY,
        -- One payment an attempt. A tombstone holds the place of a payment that must never begin.
        attempt_id text NOT NULL UNIQUE,
        checkout_id text NOT NULL,
        provider text NOT NULL,
        provider_id text,
        amount_minor bigint NOT NULL,
        currency char(3) NOT NULL,
        method jsonb NOT NULL,
        user_id text,
        return_url text,
        state text NOT NULL,
        captured_minor bigint NOT NULL DEFAULT 0,
        refunded_minor bigint NOT NULL DEFAULT 0,
        disputed_minor bigint NOT NULL DEFAULT 0,
        capturing_minor bigint NOT NULL DEFAULT 0 CHECK (capturing_minor >= 0),
        dispute text,
        action jsonb,
        decline_code text,
        brand text,
        last4 text,
        void_reason text,
        save_wanted boolean NOT NULL DEFAULT false,
        tombstone boolean NOT NULL DEFAULT false,
        history jsonb NOT NULL DEFAULT '[]',
        version bigint NOT NULL DEFAULT 1,
        checks integer NOT NULL DEFAULT 0,
        next_check_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (provider, provider_id),
        CHECK (amount_minor > 0 OR tombstone),
        CHECK (captured_minor BETWEEN 0 AND amount_minor),
        CHECK (refunded_minor BETWEEN 0 AND captured_minor)
    ) WITH (fillfactor = 70);
    CREATE INDEX payments_checkout ON payments.payments (checkout_id);
    CREATE INDEX payments_due ON payments.payments (next_check_at) WHERE next_check_at IS NOT NULL;

    CREATE TABLE payments.refunds (
        refund_id text PRIMARY KEY,
        payment_id text NOT NULL REFERENCES payments.payments,
        request_id text NOT NULL,
        amount_minor bigint NOT NULL CHECK (amount_minor > 0),
        state text NOT NULL CHECK (state IN ('pending', 'succeeded', 'failed')),
        reason text NOT NULL,
        provider_refund_id text,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (payment_id, request_id)
    );

    CREATE TABLE payments.provider_calls (
        call_id text PRIMARY KEY,
        payment_id text NOT NULL REFERENCES payments.payments,
        op text NOT NULL CHECK (op IN ('authorize', 'capture', 'void', 'refund')),
        n integer NOT NULL,
        idem_key text NOT NULL UNIQUE,
        request_hash text NOT NULL,
        amount_minor bigint NOT NULL DEFAULT 0,
        refund_id text,
        state text NOT NULL DEFAULT 'SENT' CHECK (state IN ('SENT', 'OK', 'FAILED', 'UNKNOWN')),
        detail text NOT NULL DEFAULT '',
        sent_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (payment_id, op, n)
    );
    CREATE INDEX provider_calls_open ON payments.provider_calls (payment_id) WHERE state IN ('SENT', 'UNKNOWN');

    CREATE TABLE payments.ledger_txns (
        txn_id text PRIMARY KEY,
        kind text NOT NULL,
        external_ref text NOT NULL UNIQUE,
        -- posted and voided transactions name the pending one they settle.
        phase text NOT NULL CHECK (phase IN ('pending', 'posted', 'voided')),
        pending_ref text,
        payment_id text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ledger_txns_payment ON payments.ledger_txns (payment_id);
    CREATE TABLE payments.ledger_entries (
        txn_id text NOT NULL REFERENCES payments.ledger_txns,
        account text NOT NULL,
        currency char(3) NOT NULL,
        amount bigint NOT NULL CHECK (amount <> 0),
        PRIMARY KEY (txn_id, account, currency)
    );

    CREATE TABLE payments.webhooks (
        provider text NOT NULL,
        webhook_id text NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (provider, webhook_id)
    );
    CREATE TABLE payments.quarantine (
        provider text NOT NULL,
        provider_id text NOT NULL,
        reason text NOT NULL,
        fact jsonb NOT NULL,
        at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (provider, provider_id, reason)
    );

    CREATE TABLE payments.saved_cards (
        card_id text PRIMARY KEY,
        user_id text NOT NULL,
        token text NOT NULL UNIQUE,
        fingerprint text NOT NULL,
        brand text NOT NULL,
        last4 text NOT NULL,
        exp_month integer NOT NULL,
        exp_year integer NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (user_id, fingerprint)
    );
    """)
    op.execute(LEDGER_GUARDS)


LEDGER_GUARDS = """
    CREATE FUNCTION payments.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only: correct it by a reversing transaction' USING ERRCODE = '23001';
    END $$;
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.ledger_txns
        FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change();
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.ledger_entries
        FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change();

    CREATE FUNCTION payments.check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM payments.ledger_entries WHERE txn_id = NEW.txn_id
                   GROUP BY currency HAVING sum(amount) <> 0) THEN
            RAISE EXCEPTION 'ledger transaction % does not balance', NEW.txn_id USING ERRCODE = '23514';
        END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON payments.ledger_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments.check_balance();

    REVOKE UPDATE, DELETE, TRUNCATE ON payments.ledger_txns, payments.ledger_entries FROM haat_app, haat_payments;
"""
