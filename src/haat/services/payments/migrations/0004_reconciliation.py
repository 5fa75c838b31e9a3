"""The provider's report line by line, and where it and the ledger differ."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE payments.movements (
        provider text NOT NULL,
        movement_id text NOT NULL,
        kind text NOT NULL,
        -- What is compared as a sum: captures, refunds or disputes of a payment; null for what only moves money on.
        matter text,
        provider_id text,
        amount_minor bigint NOT NULL,
        currency char(3) NOT NULL,
        fee_minor bigint NOT NULL,
        fee_currency char(3) NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (provider, movement_id)
    );
    CREATE INDEX movements_payment ON payments.movements (provider, provider_id);

    CREATE TABLE payments.breaks (
        break_id text PRIMARY KEY,
        provider text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('missing', 'extra', 'amount', 'fee', 'currency', 'duplicate')),
        -- The provider's payment, or its movement for fees and lines that came twice.
        subject text NOT NULL,
        matter text NOT NULL,
        ours_minor bigint NOT NULL,
        theirs_minor bigint NOT NULL,
        currency text NOT NULL,
        -- healed: a later look found it no more.
        state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'explained', 'healed')),
        note text NOT NULL DEFAULT '',
        found_at timestamptz NOT NULL DEFAULT now(),
        seen_at timestamptz NOT NULL DEFAULT now(),
        day date NOT NULL,
        UNIQUE (provider, kind, subject, matter)
    );
    CREATE TABLE payments.reconciliations (
        provider text NOT NULL,
        day date NOT NULL,
        lines bigint NOT NULL,
        breaks bigint NOT NULL,
        done_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (provider, day)
    );
    """)
