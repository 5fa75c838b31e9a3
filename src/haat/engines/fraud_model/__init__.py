"""Fraud models, their features and their offline evaluation."""
