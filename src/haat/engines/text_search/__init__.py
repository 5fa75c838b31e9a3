"""The text search port's adapters."""
