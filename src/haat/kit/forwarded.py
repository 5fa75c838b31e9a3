"""Who is calling when proxies of our own stand before the server."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def address_behind(proxies: int, headers: Iterable[tuple[bytes, bytes]], peer: str) -> str:
    """Who asked the outermost of our proxies. What lies further left was written by the asker, and is not believed."""
    told = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
    chain = [*(part.strip() for part in told.split(",") if part.strip()), peer]
    found = chain[max(0, len(chain) - 1 - proxies)]
    # Some proxies add a port, and put an IPv6 address into brackets.
    bare = found[1:].partition("]")[0] if found.startswith("[") else found
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return peer
