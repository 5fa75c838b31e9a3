"""Adapters of the invoice port."""
