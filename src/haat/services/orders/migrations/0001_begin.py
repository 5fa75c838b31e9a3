"""Orders, their timelines, returns, and the tasks that outlive a request."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("orders"))
    op.execute("""
    CREATE TABLE orders.orders (
        id text PRIMARY KEY,
        number text NOT NULL UNIQUE,
        -- One order per checkout, however often it is placed.
        checkout_id text NOT NULL UNIQUE,
        attempt_id text NOT NULL,
        cart_id text NOT NULL,
        user_id text,
        guest_hash text,
        email text NOT NULL,
        status text NOT NULL,
        on_hold boolean NOT NULL,
        body jsonb NOT NULL,
        product_ids text[] NOT NULL,
        payment_id text NOT NULL,
        payment_status text NOT NULL,
        currency text NOT NULL,
        total_minor bigint NOT NULL CHECK (total_minor >= 0),
        captured_minor bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
        refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0 AND refunded_minor <= captured_minor),
        -- Units handed to the carrier, and units whose money went back, by item id.
        shipped jsonb NOT NULL DEFAULT '{}',
        returned jsonb NOT NULL DEFAULT '{}',
        placed_at timestamptz NOT NULL DEFAULT now(),
        version bigint NOT NULL DEFAULT 1
    ) WITH (fillfactor = 80);
    CREATE INDEX orders_user ON orders.orders (user_id, id DESC) WHERE user_id IS NOT NULL;
    CREATE INDEX orders_email ON orders.orders (email, id DESC);
    CREATE INDEX orders_status ON orders.orders (status, id DESC);
    CREATE INDEX orders_to_fulfil ON orders.orders (placed_at) WHERE status = 'confirmed' AND NOT on_hold;

    CREATE TABLE orders.timeline (
        order_id text NOT NULL, position bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz NOT NULL DEFAULT now(), type text NOT NULL, detail text NOT NULL, actor text NOT NULL DEFAULT '',
        PRIMARY KEY (order_id, position)
    );

    CREATE TABLE orders.returns (
        id text PRIMARY KEY,
        order_id text NOT NULL REFERENCES orders.orders,
        status text NOT NULL
            CHECK (status IN ('requested', 'approved', 'in_transit', 'received', 'refunded', 'rejected')),
        items jsonb NOT NULL,
        refund_minor bigint NOT NULL CHECK (refund_minor >= 0),
        timeline jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX returns_order ON orders.returns (order_id);

    CREATE TABLE orders.tasks (
        id text PRIMARY KEY,
        order_id text NOT NULL REFERENCES orders.orders,
        kind text NOT NULL CHECK (kind IN ('ship', 'cancel', 'refund', 'receive', 'capture')),
        data jsonb NOT NULL,
        done boolean NOT NULL DEFAULT false,
        tries integer NOT NULL DEFAULT 0,
        lease_until timestamptz NOT NULL,
        last_error text,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    -- One task of an order at a time: a cancellation and a parcel cannot cross.
    CREATE UNIQUE INDEX tasks_running ON orders.tasks (order_id) WHERE NOT done;
    """)
