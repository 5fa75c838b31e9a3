"""Adapters of the event log port, and the relay that moves outboxes into the log."""
