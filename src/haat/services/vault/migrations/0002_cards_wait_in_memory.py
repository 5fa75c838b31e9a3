"""Cards wait in memory, keys can be rotated, the audit trail is sealed, and nobody shares the vault's tables."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE vault.cards
        ADD COLUMN merchant text NOT NULL DEFAULT 'haat',
        -- The provider's payment that the card was last agreed in: where its network token can be asked for.
        ADD COLUMN provider_id text;
    DROP INDEX vault.charges_token;
    CREATE INDEX charges_age ON vault.charges USING brin (created_at) WITH (autosummarize = on);
    -- A charge is written, then answered: the answer finds room beside it.
    ALTER TABLE vault.charges SET (fillfactor = 50);

    ALTER TABLE vault.audit
        ADD COLUMN address text NOT NULL DEFAULT '',
        ADD COLUMN txid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint;
    CREATE INDEX audit_txid ON vault.audit USING brin (txid) WITH (pages_per_range = 16, autosummarize = on);
    -- Each seal covers every entry of the transactions from the seal before it up to `horizon`.
    CREATE TABLE vault.audit_seals (
        number bigint PRIMARY KEY,
        horizon bigint NOT NULL,
        positions bigint[] NOT NULL,
        -- One keyed digest an entry, 16 bytes each, in the order of the positions: says which entry was changed.
        marks bytea NOT NULL,
        head bytea NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CHECK (length(marks) = 16 * cardinality(positions) AND number > 0)
    );
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON vault.audit_seals
        FOR EACH STATEMENT EXECUTE FUNCTION vault.refuse_change();

    -- After this no record can be written under the key, by a process however old its copy of the keys is; and after
    -- the second, which locks nobody out while it looks, none lies under it. Only these two may alter the table.
    CREATE FUNCTION vault.forbid_key(kek text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
    BEGIN
        IF kek !~ '^[a-z0-9_]{1,50}$' THEN RAISE EXCEPTION 'this is no name of a key'; END IF;
        PERFORM FROM pg_constraint WHERE conrelid = 'vault.cards'::regclass AND conname = kek || '_gone';
        IF NOT FOUND THEN
            EXECUTE format('ALTER TABLE vault.cards ADD CONSTRAINT %I CHECK (kek_id <> %L) NOT VALID',
                           kek || '_gone', kek);
        END IF;
    END $$;
    CREATE FUNCTION vault.prove_key_gone(kek text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
    BEGIN
        EXECUTE format('ALTER TABLE vault.cards VALIDATE CONSTRAINT %I', kek || '_gone');
    END $$;
    REVOKE EXECUTE ON FUNCTION vault.forbid_key, vault.prove_key_gone FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION vault.forbid_key, vault.prove_key_gone TO haat_vault;

    REVOKE UPDATE, DELETE, TRUNCATE ON vault.audit_seals FROM haat_vault;
    -- The role that other services may share has nothing to do here.
    REVOKE ALL ON ALL TABLES IN SCHEMA vault FROM haat_app;
    REVOKE ALL ON ALL SEQUENCES IN SCHEMA vault FROM haat_app;
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vault FROM haat_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA vault REVOKE ALL ON TABLES FROM haat_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA vault REVOKE ALL ON SEQUENCES FROM haat_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA vault REVOKE ALL ON FUNCTIONS FROM haat_app;
    REVOKE ALL ON SCHEMA vault FROM haat_app;
    """)
