"""Carts and their items."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("cart"))
    op.execute("""
    CREATE TABLE cart.carts (
        cart_id text PRIMARY KEY,
        user_id text UNIQUE,
        secret_hash bytea,
        version bigint NOT NULL DEFAULT 1,
        updated_at timestamptz NOT NULL DEFAULT now(),
        CHECK ((user_id IS NULL) <> (secret_hash IS NULL))
    );
    CREATE TABLE cart.items (
        item_id text PRIMARY KEY,
        cart_id text NOT NULL REFERENCES cart.carts ON DELETE CASCADE,
        product_id text NOT NULL,
        variant_id text NOT NULL,
        quantity integer NOT NULL CHECK (quantity BETWEEN 1 AND 10000),
        -- The price when the item was last touched, to tell the shopper that it has changed since.
        seen_price_minor bigint NOT NULL,
        added_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (cart_id, variant_id)
    );
    """)
