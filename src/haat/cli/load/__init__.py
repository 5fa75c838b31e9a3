"""Load on a running shop: a cheap HTTP client, generators, and the CPU time the shop spends."""
