"""How a contract call reaches another process."""
