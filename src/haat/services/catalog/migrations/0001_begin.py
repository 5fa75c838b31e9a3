"""Documents, the read model rendered from them, stock as last heard, reviews and imports."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("catalog"))
    op.execute("""
    CREATE TABLE catalog.documents (document_id text PRIMARY KEY, version bigint NOT NULL, body jsonb NOT NULL);
    CREATE TABLE catalog.categories (
        category_id text PRIMARY KEY,
        parent_id text REFERENCES catalog.categories,
        slug text NOT NULL UNIQUE,
        title text NOT NULL,
        position integer NOT NULL DEFAULT 0,
        -- From the root to the category itself: slugs, and ids.
        path text[] NOT NULL,
        ancestors text[] NOT NULL
    );
    CREATE TABLE catalog.products (
        product_id text PRIMARY KEY,
        slug text NOT NULL UNIQUE,
        status text NOT NULL,
        category_id text NOT NULL REFERENCES catalog.categories,
        version bigint NOT NULL,
        listed_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        -- The public JSON, ready to send.
        page bytea NOT NULL,
        etag text NOT NULL,
        -- Sums of hundredths of a star, so that an average brought from elsewhere stays exact.
        review_sum bigint NOT NULL DEFAULT 0,
        review_count bigint NOT NULL DEFAULT 0,
        imported_sum bigint NOT NULL DEFAULT 0,
        imported_count bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 85);
    -- Pages are sent far more often than written: no time is spent on unpacking them.
    ALTER TABLE catalog.products ALTER COLUMN page SET STORAGE EXTERNAL;
    CREATE INDEX products_status ON catalog.products (status, listed_at, product_id) WHERE status <> 'published';
    CREATE INDEX products_category ON catalog.products (category_id, product_id);
    -- Published products once under each category above them, and under '' for the whole shop.
    CREATE TABLE catalog.listed (
        category_id text NOT NULL,
        listed_at timestamptz NOT NULL,
        product_id text NOT NULL REFERENCES catalog.products ON DELETE CASCADE,
        PRIMARY KEY (category_id, listed_at, product_id)
    );
    CREATE INDEX listed_product ON catalog.listed (product_id);
    CREATE TABLE catalog.variants (
        variant_id text PRIMARY KEY,
        product_id text NOT NULL REFERENCES catalog.products ON DELETE CASCADE,
        position integer NOT NULL,
        -- Deferrable: two variants of a product may swap their SKUs in one statement.
        sku text NOT NULL CONSTRAINT variants_sku UNIQUE DEFERRABLE INITIALLY IMMEDIATE,
        published boolean NOT NULL,
        price_minor bigint NOT NULL CHECK (price_minor >= 0),
        currency text NOT NULL,
        title text NOT NULL,
        slug text NOT NULL,
        options jsonb NOT NULL,
        tax_class text NOT NULL,
        hsn text NOT NULL,
        weight_grams integer NOT NULL,
        category_path text[] NOT NULL,
        image_url text NOT NULL
    );
    CREATE INDEX variants_product ON catalog.variants (product_id, position);
    -- What the inventory last told of a SKU, also of one that no product has yet.
    CREATE TABLE catalog.stock (
        sku text PRIMARY KEY, available bigint NOT NULL DEFAULT 0, version bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 80);
    -- Units of new SKUs on their way to the inventory: gone once it has taken them.
    CREATE TABLE catalog.stock_due (
        sku text PRIMARY KEY, quantity integer NOT NULL, actor text NOT NULL, at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE catalog.old_slugs (
        slug text PRIMARY KEY, product_id text NOT NULL REFERENCES catalog.products ON DELETE CASCADE
    );
    CREATE INDEX old_slugs_product ON catalog.old_slugs (product_id);
    CREATE TABLE catalog.reviews (
        review_id text PRIMARY KEY,
        product_id text NOT NULL REFERENCES catalog.products ON DELETE CASCADE,
        user_id text NOT NULL,
        author text NOT NULL,
        rating integer NOT NULL CHECK (rating BETWEEN 1 AND 5),
        title text NOT NULL,
        body text NOT NULL,
        verified boolean NOT NULL,
        created_at timestamptz NOT NULL,
        UNIQUE (product_id, user_id)
    );
    CREATE INDEX reviews_newest ON catalog.reviews (product_id, created_at, review_id);
    CREATE TABLE catalog.import_jobs (
        job_id text PRIMARY KEY,
        status text NOT NULL DEFAULT 'queued',
        format text NOT NULL,
        options jsonb NOT NULL,
        actor text NOT NULL,
        body bytea NOT NULL,
        created bigint NOT NULL DEFAULT 0,
        updated bigint NOT NULL DEFAULT 0,
        faults bigint NOT NULL DEFAULT 0,
        rows_done bigint NOT NULL DEFAULT 0,
        claims integer NOT NULL DEFAULT 0,
        leased_until timestamptz NOT NULL DEFAULT now(),
        created_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz
    );
    ALTER TABLE catalog.import_jobs ALTER COLUMN body SET STORAGE EXTERNAL;
    CREATE INDEX import_jobs_open ON catalog.import_jobs (created_at) WHERE finished_at IS NULL;
    CREATE TABLE catalog.import_faults (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        job_id text NOT NULL REFERENCES catalog.import_jobs ON DELETE CASCADE,
        line integer NOT NULL,
        pointer text NOT NULL,
        code text NOT NULL,
        detail text NOT NULL
    );
    CREATE INDEX import_faults_job ON catalog.import_faults (job_id, position);
    """)
