"""The tax classes that products of an older shop carry are known, also before the checkout has told any."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        "INSERT INTO catalog.tax_classes SELECT DISTINCT tax_class FROM catalog.variants WHERE tax_class <> ''"
        " ON CONFLICT DO NOTHING"
    )
