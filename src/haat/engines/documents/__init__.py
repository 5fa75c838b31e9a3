"""Document stores: PostgreSQL JSONB of the embedded default."""
