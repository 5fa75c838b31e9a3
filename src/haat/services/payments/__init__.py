"""Payments: one payment per attempt, a row before every call, a ledger underneath."""
