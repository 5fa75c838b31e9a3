"""Products, variants, categories, reviews and imports."""
