"""Where the ends of the audit trail are remembered."""
