"""The floor everything stands on: it knows HTTP, SQL and time, and nothing of shops."""
