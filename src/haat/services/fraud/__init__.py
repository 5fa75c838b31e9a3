"""Fraud: rules and velocity with reasons, and the review queue."""
