"""Accounts, sessions, tokens and address books."""
