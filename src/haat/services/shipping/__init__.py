"""Shipping: rates from a table, parcels with a carrier."""
