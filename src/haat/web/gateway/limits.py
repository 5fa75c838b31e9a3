"""How many requests a caller may make: the generic cell rate algorithm, in memory, per process."""

from __future__ import annotations

import math
import time

import msgspec
from cachetools import TTLCache

from haat.kit.access import Caller

WINDOW_SECONDS = 60.0
# Many people share an address, and a guest may take a new cart token for each request.
ADDRESS_FACTOR = 10
MAX_CALLERS = 100_000


class Verdict(msgspec.Struct, frozen=True):
    """Whether a request is let through, and how the caller stands."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit` and `RateLimit-Policy`, draft-ietf-httpapi-ratelimit-headers."""
        return [
            (b"ratelimit-policy", f'"default";q={self.limit};w={WINDOW_SECONDS:.0f}'.encode()),
            (b"ratelimit", f'"default";r={self.remaining};t={self.reset_seconds}'.encode()),
        ]


class Limits:
    """`limit` requests a minute for each user and guest; a burst may take them all at once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # The moment at which each caller's allowance is whole again.
        self._whole_at: TTLCache[str, float] = TTLCache(MAX_CALLERS, WINDOW_SECONDS, timer=time.monotonic)

    def judge(self, caller: Caller, at: float) -> Verdict | None:
        """Count one request at `at` (seconds, monotonic); None when there is no limit."""
        if not self._limit:
            return None
        if caller.user_id is not None:
            return self._count(f"user:{caller.user_id}", self._limit, at)
        shared = self._count(f"address:{caller.address}", self._limit * ADDRESS_FACTOR, at)
        if caller.cart_token is None or not shared.allowed:
            return shared
        return self._count(f"guest:{caller.cart_token}", self._limit, at)

    def _count(self, key: str, limit: int, at: float) -> Verdict:
        each = WINDOW_SECONDS / limit
        whole_at = max(self._whole_at.get(key, at), at) + each
        used = whole_at - at
        # Comparing seconds that were summed: a thousandth of a request is no request.
        if used > WINDOW_SECONDS + each / 1000:
            wait = math.ceil(used - WINDOW_SECONDS)
            return Verdict(False, limit, 0, math.ceil(used - each), max(1, wait))
        self._whole_at[key] = whole_at
        return Verdict(True, limit, int((WINDOW_SECONDS - used) / each + 0.001), math.ceil(used), 0)
