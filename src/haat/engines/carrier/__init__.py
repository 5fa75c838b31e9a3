"""Parcel carriers: the sandbox."""
