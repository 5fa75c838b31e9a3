"""Who a service is to the database."""

COMMON_ROLE = "haat_app"
# Services that the common role, which others may share, is never let into.
ALONE = frozenset({"vault"})
