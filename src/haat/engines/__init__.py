"""Adapters: one folder per port."""
