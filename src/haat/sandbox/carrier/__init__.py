"""A parcel carrier with its own truth: parcels that move by themselves and say where they are."""
