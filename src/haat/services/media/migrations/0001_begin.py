"""What was uploaded; the bodies lie in the blobs."""

from alembic import op

from haat.kit.database import service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(service_tables("media"))
    op.execute("""
    CREATE TABLE media.items (
        id text PRIMARY KEY,
        hash text NOT NULL,
        alt text NOT NULL,
        -- How the original is kept: svg, jpg, png, mp4 or webm.
        source text NOT NULL CHECK (source IN ('svg', 'jpg', 'png', 'mp4', 'webm')),
        width integer NOT NULL,
        height integer NOT NULL,
        size bigint NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (hash, alt)
    );
    """)
