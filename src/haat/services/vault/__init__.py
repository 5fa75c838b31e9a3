"""The vault: the only place that sees a card number; a process, a role and an origin of its own."""
