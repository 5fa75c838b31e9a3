"""Media: uploads made harmless, renditions made once, addresses that never change."""
