"""Commands of `haat`."""
