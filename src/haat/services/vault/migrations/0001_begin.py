"""Cards under envelope encryption, the charges made with them, and who did what."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("vault"))
    op.execute("""
    CREATE TABLE vault.cards (
        token text PRIMARY KEY,
        owner text,
        -- What the ciphertext holds: the number, or the network's token for it. Null once the secret is gone.
        kind text CHECK (kind IN ('number', 'network_token')),
        kek_id text,
        wrapped_key bytea,
        nonce bytea,
        ciphertext bytea,
        aad_version smallint NOT NULL DEFAULT 1,
        fingerprint text NOT NULL,
        fingerprint_key_id text NOT NULL,
        brand text NOT NULL,
        last4 text NOT NULL,
        exp_month integer NOT NULL,
        exp_year integer NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz,
        -- Null for a card its owner wants kept.
        purge_after timestamptz,
        CHECK ((kind IS NULL) = (ciphertext IS NULL)),
        CHECK (purge_after IS NOT NULL OR owner IS NOT NULL)
    );
    CREATE INDEX cards_purge ON vault.cards (purge_after) WHERE purge_after IS NOT NULL;
    CREATE TABLE vault.charges (
        idempotency_key text PRIMARY KEY,
        token text NOT NULL,
        request_hash text NOT NULL,
        status integer,
        answer jsonb,
        provider_id text,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX charges_token ON vault.charges (token);
    CREATE TABLE vault.audit (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        action text NOT NULL,
        token text NOT NULL,
        detail text NOT NULL DEFAULT ''
    );

    CREATE FUNCTION vault.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = '23001';
    END $$;
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON vault.audit
        FOR EACH STATEMENT EXECUTE FUNCTION vault.refuse_change();
    REVOKE UPDATE, DELETE, TRUNCATE ON vault.audit FROM haat_app, haat_vault;
    """)
