"""Who is calling when proxies of our own stand before the server, and who counts as one caller."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache


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


@lru_cache(maxsize=10_000)
def network_of(address: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """What is counted as one caller: an IPv4 address, or a /64 of IPv6, in which one line has 2**64; else None.

    This machine's own `::1` stays alone.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    length = 64 if found.version == 6 and not found.is_loopback else found.max_prefixlen
    return ipaddress.ip_network((found, length), strict=False)
