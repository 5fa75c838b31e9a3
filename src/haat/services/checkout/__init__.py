"""Checkout: from a cart to exactly one order."""
