"""The public API: one address for every service, with authentication, limits and documentation."""
