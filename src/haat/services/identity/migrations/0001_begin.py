"""Users, their sessions and addresses, the keys that sign, and the counts of failures."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("identity"))
    op.execute("""
    CREATE TABLE identity.users (
        user_id text PRIMARY KEY,
        email text NOT NULL,
        -- The canonical form: one account per e-mail however it is written.
        email_key text NOT NULL UNIQUE,
        name text NOT NULL,
        phone text,
        roles text[] NOT NULL DEFAULT '{}',
        password_hash text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE identity.sessions (
        session_id text PRIMARY KEY,
        user_id text NOT NULL REFERENCES identity.users ON DELETE CASCADE,
        address text NOT NULL,
        user_agent text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz
    );
    CREATE INDEX sessions_of_user ON identity.sessions (user_id, session_id DESC) WHERE ended_at IS NULL;
    CREATE TABLE identity.refresh_tokens (
        token_hash bytea PRIMARY KEY,
        session_id text NOT NULL REFERENCES identity.sessions ON DELETE CASCADE,
        expires_at timestamptz NOT NULL,
        used_at timestamptz,
        -- The token that followed, readable only with the token that it replaced.
        sealed_successor bytea,
        CHECK ((used_at IS NULL) = (sealed_successor IS NULL))
    );
    CREATE INDEX refresh_tokens_of_session ON identity.refresh_tokens (session_id);
    CREATE INDEX refresh_tokens_expiry ON identity.refresh_tokens (expires_at);
    CREATE TABLE identity.addresses (
        address_id text PRIMARY KEY,
        user_id text NOT NULL REFERENCES identity.users ON DELETE CASCADE,
        address jsonb NOT NULL,
        is_default boolean NOT NULL DEFAULT false
    );
    CREATE INDEX addresses_of_user ON identity.addresses (user_id, address_id);
    CREATE UNIQUE INDEX one_default_address ON identity.addresses (user_id) WHERE is_default;
    CREATE TABLE identity.attempts (
        key text PRIMARY KEY,
        count integer NOT NULL,
        since timestamptz NOT NULL
    );
    CREATE TABLE identity.signing_keys (
        kid text PRIMARY KEY,
        state text NOT NULL UNIQUE CHECK (state IN ('next', 'current', 'previous')),
        public jsonb NOT NULL,
        sealed_private bytea NOT NULL,
        since timestamptz NOT NULL DEFAULT now()
    );
    """)
